"""What was collected says so in its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_the_last_event_of_a_dropped_resource_is_its_collection(tracker: Tracker, level: str) -> None:
    """The collector has no line of the program's, so the event has no stack; a live leak has no such event."""

    @tracker.tracked
    class Backend:
        def close(self) -> None: ...

    tracker.start(level, policy="record", report=False)
    kept = Backend()
    Backend()
    found = {finding.rule: [event.event for event in finding.events] for finding in tracker.find_leaks()}
    assert found == {"LT102": ["acquired", "collected"], "LT101": ["acquired"]}
    assert tracker.report().to_text().count("(by the garbage collector)") == 1
    kept.close()
