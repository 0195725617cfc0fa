"""Where a journal is to be; what every process of a run knows of it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any, Self

from lifetrack.journal.files import target_of
from lifetrack.journal.format import DEFAULT_BOUND, parse_bound
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass

#: The variables of the environment that name a journal, and the most bytes that it may have.
VARIABLE, SIZE_VARIABLE = "LIFETRACK_JOURNAL", "LIFETRACK_JOURNAL_SIZE"


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """Where a journal is to be, and how large; ``run`` is that of the process that began, for those beside it."""

    path: str
    bound: int
    run: str | None = None
    #: The program that is run, where ``sys.argv`` does not say it yet.
    command: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """Give it in a form that can be written down."""
        return asdict(self)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """Read it back; raises KeyError where something is missing."""
        return cls(told["path"], told["bound"], told["run"])


def plan_of(path: object, size: object = None) -> JournalPlan:
    """Read what a person says of a journal; raise ConfigurationError where there can be none."""
    if isinstance(path, JournalPlan):
        return path
    if not isinstance(path, (str, os.PathLike)):
        raise ConfigurationError(f"journal= takes a path, not {type(path).__name__}")
    name = os.fspath(path)
    if not isinstance(name, str) or not name:
        raise ConfigurationError("journal= takes a path: name a file")
    target_of(name)
    return JournalPlan(os.path.abspath(name), parse_bound(DEFAULT_BOUND if size is None else size))
