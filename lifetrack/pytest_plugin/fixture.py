"""What the fixture ``lifetrack`` gives: the resources of one test."""

from __future__ import annotations

from typing import TypeVar

import pytest

from lifetrack.detect.leaks import belongs_to
from lifetrack.pytest_plugin.duties import Duty
from lifetrack.tracker import Tracker, default_tracker
from lifetrack.values.events import Event
from lifetrack.values.findings import Finding
from lifetrack.values.records import Record, Snapshot

_T = TypeVar("_T")

DUTY = pytest.StashKey[Duty]()


class TestResources:
    """The resources of the test that asks, and the usual functions. Without ``--lifetrack`` it finds nothing."""

    __test__ = False  # a name that begins with Test is no test class here

    def __init__(self, tracker: Tracker, duty: Duty | None) -> None:
        self._tracker = tracker
        self._duty = duty
        ledger = tracker.ledger
        before = [] if ledger is None else ledger.open_entries()
        self._before = [entry for entry in before if duty is None or not belongs_to(entry, duty.place)]

    @property
    def tracker(self) -> Tracker:
        """The tracker that the plugin works with; it is the one behind ``lifetrack.track`` and the others."""
        return self._tracker

    def is_tracking(self) -> bool:
        """Whether tracking is on."""
        return self._tracker.is_tracking()

    def find_leaks(self) -> list[Finding]:
        """Give the leaks of this test so far: what was dropped, and what is live at this moment. Changes no verdict."""
        if self._duty is None or not self._duty.is_current():
            return []
        return self._tracker.find_leaks(scope=self._duty)

    def assert_no_leaks(self) -> None:
        """Raise LeakError if :meth:`find_leaks` finds anything that was not allowed."""
        if self._duty is not None and self._duty.is_current():
            self._tracker.assert_no_leaks(scope=self._duty)

    @property
    def released_before(self) -> tuple[Record, ...]:
        """What this test has released, until now, of what had been acquired before it, as by a wider fixture."""
        return self._tracker.released_of(self._before)

    def track(self, obj: _T, release: str | None = None, label: str | None = None) -> _T:
        """Track one object; use what is returned from now on. See :meth:`lifetrack.tracker.Tracker.track`."""
        return self._tracker.track(obj, release, label)

    def history(self, obj: object) -> tuple[Event, ...]:
        """Give what happened to an object, oldest first; empty for one that is not tracked."""
        return self._tracker.history(obj)

    def snapshot(self) -> Snapshot:
        """Give all live resources of the process and the totals by type, at this moment."""
        return self._tracker.snapshot()


def resources_of(item: pytest.Item) -> TestResources:
    """Give the resources of a test."""
    return TestResources(default_tracker(), item.stash.get(DUTY, None))
