"""The module functions: methods of the default tracker; owners, handles and borrows, which belong to no tracker."""

from __future__ import annotations

from lifetrack.ownership.borrowing import borrow, borrows
from lifetrack.ownership.handles import Owned
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.sharing import Shared, Weak
from lifetrack.ownership.transfers import owner_of, transfer
from lifetrack.tracker import default_tracker
from lifetrack.witness.lasting import add as lives_with_process

__all__ = [
    "Owned",
    "Owner",
    "Shared",
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
    "owner_of",
    "releases",
    "repetitions",
    "report",
    "scope",
    "snapshot",
    "start",
    "stop",
    "track",
    "tracked",
    "transfer",
    "watch",
    "why_alive",
]

_tracker = default_tracker()

start = _tracker.start
stop = _tracker.stop
is_tracking = _tracker.is_tracking
snapshot = _tracker.snapshot
tracked = _tracker.tracked
track = _tracker.track
acquires = _tracker.acquires
releases = _tracker.releases
watch = _tracker.watch
scope = _tracker.scope
allow = _tracker.allow
find_leaks = _tracker.find_leaks
assert_no_leaks = _tracker.assert_no_leaks
history = _tracker.history
why_alive = _tracker.why_alive
report = _tracker.report
dump = _tracker.dump
growth = _tracker.growth
assert_no_growth = _tracker.assert_no_growth
repetitions = _tracker.repetitions
