"""The exceptions and the warning.

Each is also the built-in that it resembles::

    LifetrackError(Exception)
    ├─ UseAfterReleaseError(ReferenceError)    you used it after its release
    │  └─ UseAfterMoveError                    you used a handle whose duty has moved
    ├─ UseBeforeAcquireError(ReferenceError)   you used it before its acquire method ran
    ├─ DoubleReleaseError(ValueError)          you released it twice
    ├─ UnknownReleaseError(ValueError)         you released what was never acquired
    ├─ OwnershipError(RuntimeError)            it is not yours to release
    ├─ LeakError(AssertionError)               something was not released; carries ``findings``
    ├─ BackendError(LookupError)               a backend collection refused
    ├─ DeclarationError(TypeError)             a declaration cannot work
    ├─ ConfigurationError(ValueError)          an option, file or name is wrong
    └─ MissingExtraError(ImportError)          an optional dependency is not installed
    LeakWarning(ResourceWarning)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lifetrack.values.findings import Finding


class LifetrackError(Exception):
    """Base of everything that lifetrack raises; ``finding`` is what it found, if it found something."""

    def __init__(self, message: str = "", *, finding: Finding | None = None) -> None:
        super().__init__(message)
        self.finding = finding


class UseAfterReleaseError(LifetrackError, ReferenceError):
    """A released resource was used (LT201)."""


class UseAfterMoveError(UseAfterReleaseError):
    """A handle was used after its duty had moved to another one (LT203)."""


class UseBeforeAcquireError(LifetrackError, ReferenceError):
    """A resource was used before its acquire method had run (LT205)."""


class DoubleReleaseError(LifetrackError, ValueError):
    """A resource was released again, though not declared idempotent (LT202)."""


class UnknownReleaseError(LifetrackError, ValueError):
    """Something was released that had never been acquired (LT204)."""


class OwnershipError(LifetrackError, RuntimeError):
    """A resource was released by somebody who may not do so."""


class LeakError(LifetrackError, AssertionError):
    """Resources were not released; ``findings`` lists them."""

    def __init__(self, message: str = "", *, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message, finding=findings[0] if findings else None)
        self.findings: tuple[Finding, ...] = tuple(findings)


class BackendError(LifetrackError, LookupError):
    """A collection of backends refused what was asked of it."""


class DeclarationError(LifetrackError, TypeError):
    """A declaration cannot work: the class, function or object does not have what it names."""


class ConfigurationError(LifetrackError, ValueError):
    """An option, a name or a file that a person handed over is wrong; the message names the mend."""


class MissingExtraError(LifetrackError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class LeakWarning(ResourceWarning):
    """What lifetrack found, under the policy ``warn``."""
