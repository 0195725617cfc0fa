"""What lifetrack notes of resources that depend on each other leaves no work for the cycle collector."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest

from lifetrack.tracker import Tracker


def a_declared_parent(tracker: Tracker) -> None:
    class Parent:
        def child(self) -> Child:
            return Child()

        def close(self) -> None:
            pass

    class Child:
        def close(self) -> None:
            pass

    tracker.tracked(children="child")(Parent)
    tracker.tracked(Child)
    KEPT.append((Parent, Child))
    parent = Parent()
    child = parent.child()
    child.close()
    parent.close()


def a_watched_parent(tracker: Tracker) -> None:
    asyncio.new_event_loop().close()


KEPT: list[object] = []


@pytest.mark.parametrize("use", [a_declared_parent, a_watched_parent])
def test_released_families_are_no_cycles(tracker: Tracker, use: Callable[[Tracker], None]) -> None:
    """Programs that count what the collector finds, as tests for reference cycles do, find nothing of ours."""
    tracker.start(watch="stdlib")
    use(tracker)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        use(tracker)
        gc.collect()
        gc.collect()
        found = [type(each) for each in gc.garbage if type(each).__module__.startswith("lifetrack")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        tracker.stop()
        KEPT.clear()
    assert found == []
