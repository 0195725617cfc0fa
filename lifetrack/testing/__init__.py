"""For tests: blocks that must not leak, a clock of one's own, test cases for unittest, and the protocol of a plugin.

Everything is imported on first use; nothing here starts tracking before it is asked to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifetrack.testing.blocks import assert_no_leaks
    from lifetrack.testing.clocks import FakeClock
    from lifetrack.testing.protocol import acheck_protocol, check_protocol
    from lifetrack.testing.results import Outcome, ProtocolError, ProtocolReport
    from lifetrack.unittests.cases import LeakCheckMixin, LeakCheckTestCase

__all__ = [
    "FakeClock",
    "LeakCheckMixin",
    "LeakCheckTestCase",
    "Outcome",
    "ProtocolError",
    "ProtocolReport",
    "acheck_protocol",
    "assert_no_leaks",
    "check_protocol",
]

_HOMES = {
    "FakeClock": "lifetrack.testing.clocks",
    "LeakCheckMixin": "lifetrack.unittests.cases",
    "LeakCheckTestCase": "lifetrack.unittests.cases",
    "Outcome": "lifetrack.testing.results",
    "ProtocolError": "lifetrack.testing.results",
    "ProtocolReport": "lifetrack.testing.results",
    "acheck_protocol": "lifetrack.testing.protocol",
    "assert_no_leaks": "lifetrack.testing.blocks",
    "check_protocol": "lifetrack.testing.protocol",
}


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
