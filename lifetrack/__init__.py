"""lifetrack: the discipline of smart pointers for resources.

Declare what must be released, switch tracking on, and read which line to fix::

    import lifetrack


    @lifetrack.tracked
    class Backend: ...


    lifetrack.start()

PYTEST_DONT_REWRITE: pytest rewrites the assertions of installed plugins and warns where they are imported already, as
they are under ``lifetrack run -m pytest``. There are none here.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifetrack.api import (
        Owned,
        Owner,
        Shared,
        Weak,
        acquires,
        allow,
        assert_no_growth,
        assert_no_leaks,
        borrow,
        borrows,
        dump,
        find_leaks,
        growth,
        history,
        is_tracking,
        lives_with_process,
        owner_of,
        releases,
        repetitions,
        report,
        scope,
        snapshot,
        start,
        stop,
        track,
        tracked,
        transfer,
        watch,
        why_alive,
    )
    from lifetrack.backends.capabilities import Backend, Capability, MissingCapabilityError
    from lifetrack.backends.collection import BackendCollection
    from lifetrack.backends.managers import track_plugins
    from lifetrack.reports.model import Report
    from lifetrack.secrets import SecretBytes
    from lifetrack.tracker import Tracker
    from lifetrack.values.errors import (
        BackendError,
        ConfigurationError,
        DeclarationError,
        DoubleReleaseError,
        LeakError,
        LeakWarning,
        LifetrackError,
        MissingExtraError,
        OwnershipError,
        UnknownReleaseError,
        UseAfterMoveError,
        UseAfterReleaseError,
        UseBeforeAcquireError,
    )
    from lifetrack.values.events import Event
    from lifetrack.values.findings import Certainty, Finding, OwnerName
    from lifetrack.values.holders import Holder
    from lifetrack.values.records import Record, Snapshot
    from lifetrack.values.stacks import Site
    from lifetrack.watchers.locking.orders import lock_order

__version__ = "0.1.0"

_HOMES = {
    "lifetrack.api": (
        "Owned", "Owner", "Shared", "Weak", "acquires", "allow", "assert_no_growth", "assert_no_leaks", "borrow",
        "borrows", "dump", "find_leaks", "growth", "history", "is_tracking", "lives_with_process", "owner_of",
        "releases", "repetitions", "report", "scope", "snapshot", "start", "stop", "track", "tracked", "transfer",
        "watch", "why_alive",
    ),
    "lifetrack.backends.capabilities": ("Backend", "Capability", "MissingCapabilityError"),
    "lifetrack.backends.collection": ("BackendCollection",),
    "lifetrack.backends.managers": ("track_plugins",),
    "lifetrack.reports.model": ("Report",),
    "lifetrack.secrets": ("SecretBytes",),
    "lifetrack.tracker": ("Tracker",),
    "lifetrack.values.errors": (
        "BackendError", "ConfigurationError", "DeclarationError", "DoubleReleaseError", "LeakError", "LeakWarning",
        "LifetrackError", "MissingExtraError", "OwnershipError", "UnknownReleaseError", "UseAfterMoveError",
        "UseAfterReleaseError", "UseBeforeAcquireError",
    ),
    "lifetrack.values.events": ("Event",),
    "lifetrack.values.findings": ("Certainty", "Finding", "OwnerName"),
    "lifetrack.values.holders": ("Holder",),
    "lifetrack.values.records": ("Record", "Snapshot"),
    "lifetrack.values.stacks": ("Site",),
    "lifetrack.watchers.locking.orders": ("lock_order",),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Backend",
    "BackendCollection",
    "BackendError",
    "Capability",
    "Certainty",
    "ConfigurationError",
    "DeclarationError",
    "DoubleReleaseError",
    "Event",
    "Finding",
    "Holder",
    "LeakError",
    "LeakWarning",
    "LifetrackError",
    "MissingCapabilityError",
    "MissingExtraError",
    "Owned",
    "Owner",
    "OwnerName",
    "OwnershipError",
    "Record",
    "Report",
    "SecretBytes",
    "Shared",
    "Site",
    "Snapshot",
    "Tracker",
    "UnknownReleaseError",
    "UseAfterMoveError",
    "UseAfterReleaseError",
    "UseBeforeAcquireError",
    "Weak",
    "acquires",
    "allow",
    "assert_no_growth",
    "assert_no_leaks",
    "borrow",
    "borrows",
    "dump",
    "find_leaks",
    "growth",
    "history",
    "is_tracking",
    "lives_with_process",
    "lock_order",
    "owner_of",
    "releases",
    "repetitions",
    "report",
    "scope",
    "snapshot",
    "start",
    "stop",
    "track",
    "track_plugins",
    "tracked",
    "transfer",
    "watch",
    "why_alive",
]


def __getattr__(name: str) -> Any:
    """Import on first use: a program that only declares pays for nothing else."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _at_exit() -> None:
    module = sys.modules.get("lifetrack.tracker")
    if module is not None:
        module.default_tracker().at_exit()


# Registered on import, so that it runs after the exit hooks that the program registers later.
atexit.register(_at_exit)

if os.environ.get("LIFETRACK"):
    from lifetrack.environment import start_from_environment

    start_from_environment()
