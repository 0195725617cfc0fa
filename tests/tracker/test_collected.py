"""What was collected says so in its history, and in no number as released."""

from __future__ import annotations

import gc
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


def test_what_was_collected_just_now_is_not_counted_as_released(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector may run between the judgement of the end and the totals, which have a line for what is released."""

    @tracker.tracked
    class Backend:
        def close(self) -> None: ...

    def collects(place: object) -> list[object]:
        gc.collect()
        return []

    tracker.start(policy="record", report=False)
    Backend()
    cycle = Backend()
    cycle.me = cycle
    cycle.close()
    gc.disable()
    try:
        cycle = Backend()
        cycle.me = cycle
        del cycle
        monkeypatch.setattr(tracker._account.judgement, "_testimony", collects)
        report = tracker.final_report()
    finally:
        gc.enable()
    assert sorted(finding.rule for finding in report.findings) == ["LT101", "LT102"]
    assert (report.totals.acquired, report.totals.released, report.totals.live) == (3, 1, 0)
