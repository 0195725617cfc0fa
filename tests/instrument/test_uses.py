"""Level ``full``: uses are noted, first and last are kept, drops disclosed; other levels note none."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker


def declare(tracker: Tracker) -> type:
    @tracker.tracked
    class Backend:
        def query(self, number: int) -> int:
            return self.double(number)

        def double(self, number: int) -> int:
            return 2 * number

        def close(self) -> None:
            self.query(0)

    return Backend


def words(tracker: Tracker, obj: object) -> list[str]:
    return [event.event for event in tracker.history(obj)]


def test_uses_from_outside_are_noted_in_order(tracker: Tracker) -> None:
    """What the object does for itself is no use."""
    tracker.start("full", policy="record", report=False)
    backend = declare(tracker)()
    assert backend.query(2) == 4
    backend.close()
    assert words(tracker, backend) == ["acquired", "used", "released"]


def test_of_many_uses_the_first_and_the_last_are_kept(tracker: Tracker) -> None:
    """A report says how many were dropped."""
    tracker.start("full", policy="record", report=False)
    backend = declare(tracker)()
    for number in range(100):
        backend.query(number)
    assert words(tracker, backend).count("used") == 16
    report = tracker.report()
    assert report.tracker.dropped == 84
    assert not report.tracker.complete


@pytest.mark.parametrize("level", ["counts", "sites", "stacks"])
def test_below_full_methods_are_untouched(tracker: Tracker, level: str) -> None:
    """A live object's methods are the class's own, at plain speed."""
    backend = declare(tracker)
    before = vars(backend)["query"]
    tracker.start(level, policy="record", report=False)
    assert vars(backend)["query"] is before
    made = backend()
    made.query(1)
    assert "used" not in words(tracker, made)
    made.close()


def test_stopping_takes_the_notes_off(tracker: Tracker) -> None:
    """The methods are again the very same functions."""
    backend = declare(tracker)
    before = dict(vars(backend))
    tracker.start("full", policy="record", report=False)
    assert vars(backend)["query"] is not before["query"]
    tracker.stop()
    assert dict(vars(backend)) == before


def test_methods_of_a_base_that_nobody_declared_are_uses_too(tracker):
    """What a class inherits from an undeclared base is judged like its own, in the order of inheritance."""
    called = []

    class Plain:
        def use(self):
            called.append("plain")

        def close(self):
            pass

    @tracker.tracked(release="close", thread_bound=True)
    class Bound(Plain):
        pass

    class Other(Plain):
        def use(self):
            called.append("other")
            super().use()

    class Both(Bound, Other):
        pass

    tracker.start("sites", policy="record", report=False)
    both = Both()
    thread = threading.Thread(target=both.use)
    thread.start()
    thread.join()
    both.close()
    assert called == ["other", "plain"]
    assert [finding.rule for finding in tracker.report().findings] == ["LT401"]


def test_a_subclass_may_be_bound_to_a_thread_where_its_base_is_not(tracker):
    """The thread is noted also where the constructor is that of a declared base."""

    @tracker.tracked
    class Base:
        def __init__(self):
            self.opened = True

        def use(self):
            pass

        def close(self):
            pass

    @tracker.tracked(thread_bound=True)
    class Bound(Base):
        pass

    tracker.start("stacks", policy="record", report=False)
    base, bound = Base(), Bound()
    for resource in (base, bound):
        thread = threading.Thread(target=resource.use)
        thread.start()
        thread.join()
        resource.close()
    findings = tracker.report().findings
    assert [(finding.rule, finding.resource.type.rpartition(".")[2]) for finding in findings] == [("LT401", "Bound")]
