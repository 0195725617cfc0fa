"""Held too long (LT108): found while it is held, told again when it was released after all."""

from __future__ import annotations

import threading
import time
import warnings

import pytest

from lifetrack.service.events import FINDING, RELEASED, ServiceEvent
from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError, DeclarationError, LeakWarning
from lifetrack.values.settings import Level
from tests.service.conftest import session_class, until


def _rules(tracker: Tracker) -> list[str]:
    return [finding.rule for finding in tracker.report().findings]


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_it_is_found_while_it_is_held_and_told_when_it_is_released(tracker: Tracker, level: str) -> None:
    """A sink hears of it beyond the limit, and once more with the time when it was released after all."""
    heard: list[ServiceEvent] = []
    tracker.start(level, policy="record", report=False, held_limits={"app.Session": 0.05}, sinks=heard.append)
    session = session_class(tracker)()
    assert until(lambda: heard)
    assert [(event.event, event.rule, event.type) for event in heard] == [(FINDING, "LT108", "app.Session")]
    assert heard[0].limit == 0.05
    assert (heard[0].held or 0) > 0.05
    session.close()
    assert until(lambda: len(heard) > 1)
    assert heard[1].event == RELEASED
    assert (heard[1].held or 0) > (heard[0].held or 0)
    assert "released after all" in heard[1].message
    (finding,) = tracker.report().findings
    assert "(released after" in finding.message
    assert (finding.site is None) == (level == Level.COUNTS.word)


def test_what_is_released_in_time_is_none(tracker: Tracker) -> None:
    """Neither a resource that was released in time nor one of a type without a limit is found."""
    tracker.start("sites", policy="record", report=False, held_limits={"app.Session": 5.0, "app.Q": 0.01})
    held = [session_class(tracker)(), session_class(tracker, "Other")()]
    time.sleep(0.05)
    assert "LT108" not in _rules(tracker)
    held[0].close()
    assert "LT108" not in _rules(tracker)


def test_it_is_judged_on_demand_even_between_two_looks(tracker: Tracker) -> None:
    """A report has what is overdue now, and what was overdue when it was released, whatever the thread does."""
    tracker.start("stacks", policy="record", report=False, held_limits={"app.*": 0.02}, check_every=3600)
    cls = session_class(tracker)
    live = cls()
    gone = cls()
    time.sleep(0.05)
    gone.close()
    found = [finding for finding in tracker.report().findings if finding.rule == "LT108"]
    assert sum(finding.count for finding in found) == 2
    assert {"released" in finding.message for finding in found} == {True, False}
    live.close()


def test_a_declaration_has_a_limit_of_its_own(tracker: Tracker) -> None:
    """``@tracked(limit=...)`` holds for subclasses, too, and ``held_limits`` goes before it."""
    cls = session_class(tracker, limit=0.02)
    tracker.start("sites", policy="record", report=False)
    sub = type("Sub", (cls,), {"__module__": "app"})
    held = sub()
    assert until(lambda: "LT108" in _rules(tracker))
    held.close()
    tracker.stop()
    tracker.start("sites", policy="record", report=False, held_limits={"app.Session": 60})
    other = sub()
    time.sleep(0.06)
    assert "LT108" not in _rules(tracker)
    other.close()


def test_a_class_declared_later_brings_its_limit(tracker: Tracker) -> None:
    """A limit that comes with a class while tracking is on is watched as well."""
    tracker.start("sites", policy="record", report=False)
    assert tracker.service is None
    held = session_class(tracker, limit=0.02)()
    assert until(lambda: "LT108" in _rules(tracker))
    held.close()


def test_policy_warn_warns_at_the_line_and_raise_does_not_raise_anywhere(tracker: Tracker) -> None:
    """Nobody could catch an error of the service's thread, so ``raise`` warns as ``warn`` does."""
    for policy in ("warn", "raise"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tracker.start("sites", policy=policy, report=False, held_limits={"app.Session": 0.02}, check_every=0.02)
            held = session_class(tracker)()
            assert until(lambda: caught)
            held.close()
        assert [(each.category, each.filename) for each in caught[:1]] == [(LeakWarning, __file__)]
        tracker.stop()


def test_an_allowed_one_is_told_as_allowed(tracker: Tracker) -> None:
    """What was acquired under an allowance is reported with its reason, and warned of by nobody."""
    heard: list[ServiceEvent] = []
    tracker.start("sites", policy="warn", report=False, held_limits={"app.Session": 0.02}, sinks=heard.append)
    cls = session_class(tracker)
    with tracker.allow("kept for the benchmark"):
        held = cls()
    assert until(lambda: heard)
    assert heard[0].allowed == "kept for the benchmark"
    assert not heard[0].is_serious
    held.close()


def test_a_lock_that_is_held_too_long(tracker: Tracker) -> None:
    """The hold of a watched lock has a limit like any other resource, and ends with its release."""
    heard: list[ServiceEvent] = []
    tracker.start("sites", policy="record", report=False, watch="locks", held_limits={"*Lock*": 0.03, "*lock*": 0.03},
                  sinks=heard.append)  # fmt: skip
    lock = threading.Lock()
    with lock:
        assert until(lambda: heard)
    assert heard[0].rule == "LT108"
    assert until(lambda: len(heard) > 1)
    assert heard[1].event == RELEASED


def test_it_is_one_leak_and_one_warning_of_time(tracker: Tracker) -> None:
    """What is held too long and never released is both LT108 and a leak, each counted once."""
    tracker.start("sites", policy="record", report=False, held_limits={"app.Session": 0.02})
    kept = session_class(tracker)()
    assert until(lambda: "LT108" in _rules(tracker))
    report = tracker.final_report()
    assert sorted(finding.rule for finding in report.findings) == ["LT101", "LT108"]
    assert kept is not None


def test_what_was_told_as_a_leak_is_not_told_again(tracker: Tracker) -> None:
    """What its scope left behind is a leak; that it goes on being held is no news."""
    tracker.start("sites", policy="record", report=False, held_limits={"app.Session": 0.1})
    cls = session_class(tracker)
    with tracker.scope("job"):
        kept = cls()
    time.sleep(0.15)
    assert _rules(tracker) == ["LT103"]
    assert kept is not None


def test_a_watched_file_that_is_open_too_long(tracker: Tracker, tmp_path: object) -> None:
    """Files are resources that come without a declaration; a pattern names their type."""
    tracker.start("sites", policy="record", report=False, watch="stdlib", held_limits={"_io.*": 0.03})
    with open(__file__, encoding="utf-8"):
        assert until(lambda: "LT108" in _rules(tracker))
    (finding,) = tracker.report().findings
    assert (finding.rule, "released after" in finding.message or "so far" in finding.message) == ("LT108", True)


@pytest.mark.parametrize(
    ("limits", "word"),
    [({"app.S": "soon"}, "soon"), ({"app.S": 0}, "0"), ({"app.S": True}, "True"), ({3: 1.0}, "3"), ("app.S", "TYPE="),
     (["app.S"], "list"), ({"app.S": float("nan")}, "nan")],
)  # fmt: skip
def test_bad_limits_are_one_clear_error(tracker: Tracker, limits: object, word: str) -> None:
    """A limit that is none is refused before anything has begun."""
    with pytest.raises(ConfigurationError, match="held_limits") as refused:
        tracker.start("sites", held_limits=limits)  # type: ignore[arg-type]
    assert word in str(refused.value)
    assert not tracker.is_tracking()


def test_bad_limits_of_a_declaration_are_one_clear_error(tracker: Tracker) -> None:
    """So is one in a decorator, which names the class."""
    with pytest.raises(DeclarationError, match="Session: limit="):
        session_class(tracker, limit=-1)
    with pytest.raises(DeclarationError, match="Session: max_live="):
        session_class(tracker, max_live=1.5)
