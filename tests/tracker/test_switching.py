"""Starting, stopping and changing: nothing is half applied, nothing recorded is lost, everything is restored."""

from __future__ import annotations

import os
import sys
import warnings

import pytest

from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError, LifetrackError, UseAfterReleaseError

LEVELS = ["counts", "sites", "stacks", "full"]


def state(cls):
    """Give everything that stands on a class, by identity."""
    return {name: id(value) for name, value in vars(cls).items()}


def test_start_and_stop_are_seen(tracker):
    """``is_tracking`` tells whether tracking is on; stopping twice or without a start is nothing."""
    assert not tracker.is_tracking()
    tracker.stop()
    tracker.start(report=False)
    assert tracker.is_tracking()
    tracker.stop()
    tracker.stop()
    assert not tracker.is_tracking()


def test_start_is_a_context_manager(tracker, make_class):
    """At the end of the block tracking stops, also by an exception."""
    cls = tracker.tracked(make_class())
    before = state(cls)
    with pytest.raises(KeyError), tracker.start(report=False):
        assert tracker.is_tracking()
        assert state(cls) != before
        raise KeyError
    assert not tracker.is_tracking()
    assert state(cls) == before


def test_level_off_stops(tracker, make_class):
    """To start at level off is to stop."""
    cls = tracker.tracked(make_class())
    before = state(cls)
    tracker.start(report=False)
    tracker.start("off")
    assert not tracker.is_tracking()
    assert state(cls) == before


@pytest.mark.parametrize("level", LEVELS)
def test_classes_are_restored_exactly(tracker, make_class, level):
    """What stood on a class stands on it again, object for object and in its order, after each level."""
    cls = tracker.tracked(make_class())
    sub = type("Sub", (cls,), {"__init__": lambda self: None})
    before = [(list(vars(each)), state(each)) for each in (cls, sub)]
    for _ in range(2):
        tracker.start(level, report=False, policy="record")
        sub().close()
        cls().close()
        tracker.stop()
        assert [(sorted(vars(each)), state(each)) for each in (cls, sub)] == [
            (sorted(names), values) for names, values in before
        ]


def test_the_warning_filters_are_restored(make_class):
    """Starting lets our warnings be seen, and stopping leaves the filters as they were."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.simplefilter("ignore", ResourceWarning)  # as Python does where nobody says otherwise
        before = list(warnings.filters)
        tracker = Tracker()
        tracker.start(policy="warn", report=False)
        assert len(warnings.filters) == len(before) + (not sys.warnoptions)
        tracker.start("sites", policy="warn", report=False)
        tracker.stop()
        assert list(warnings.filters) == before


@pytest.mark.parametrize("first", LEVELS)
@pytest.mark.parametrize("second", LEVELS)
def test_changing_the_level_keeps_the_records(tracker, make_class, first, second):
    """Records made at one level are there at another, with their sites, and their releases are still seen."""
    cls = tracker.tracked(make_class())
    before = state(cls)
    tracker.start(first, policy="record", report=False)
    line = sys._getframe().f_lineno + 1
    old, kept = cls(), cls()
    released = cls()
    released.close()
    tracker.start(second, policy="record", report=False)
    old.close()
    new = cls()
    leaks = tracker.find_leaks()
    lines = [finding.site.line if finding.site else None for finding in leaks]
    assert lines == [None if first == "counts" else line, None if second == "counts" else line + 5]
    totals = tracker.report().totals
    assert (totals.acquired, totals.released, totals.live, totals.unknown) == (4, 2, 2, 0)
    del kept, new
    tracker.stop()
    assert state(cls) == before


@pytest.mark.parametrize("second", LEVELS)
def test_what_was_released_before_a_change_stays_released(tracker, make_class, second):
    """An object released before a change of level and policy is guarded after it, by the new policy."""
    cls = tracker.tracked(make_class())
    tracker.start("stacks", policy="record", report=False)
    released = cls()
    released.close()
    tracker.start(second, policy="raise", report=False)
    with pytest.raises(UseAfterReleaseError):
        released.use()
    with pytest.raises(LifetrackError, match="double-release"):
        released.close()
    tracker.stop()
    assert released.use() == "used"
    assert type(released) is cls


@pytest.mark.parametrize("second", LEVELS)
def test_single_objects_go_on_over_a_change(tracker, make_class, second):
    """An object that was tracked by itself is still released, and guarded after that, when the level has changed."""
    tracker.start("stacks", policy="raise", report=False)
    one, two = tracker.track(make_class()()), tracker.track(make_class()())
    one.close()
    tracker.start(second, policy="raise", report=False)
    two.close()
    assert tracker.find_leaks() == []
    assert tracker.report().totals.released == 2
    for released in (one, two):
        with pytest.raises(UseAfterReleaseError):
            released.use()


@pytest.mark.parametrize("second", LEVELS)
def test_what_is_not_acquired_yet_goes_on_over_a_change(tracker, second):
    """An object made before a change of level, whose acquire method runs after it, is live from then on."""

    @tracker.tracked(acquire="open")
    class Resource:
        def open(self):
            pass

        def close(self):
            pass

        def use(self):
            return "used"

    tracker.start("stacks", policy="raise", report=False)
    resource = Resource()
    tracker.start(second, policy="raise", report=False)
    with pytest.raises(LifetrackError, match="use-before-acquire"):
        resource.use()
    resource.open()
    assert type(resource) is Resource
    assert resource.use() == "used"
    resource.close()
    with pytest.raises(UseAfterReleaseError):
        resource.use()
    assert tracker.find_leaks() == []


def test_changing_the_policy_keeps_what_was_filed(tracker, make_class):
    """Findings filed under one policy are there under the next."""
    cls = tracker.tracked(make_class())
    tracker.start(policy="record", report=False)
    cls()
    released = cls()
    released.close()
    released.use()
    tracker.start(policy="raise", report=False)
    assert sorted(finding.rule for finding in tracker.report().findings) == ["LT102", "LT201"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "loud"}, "unknown level 'loud': use one of"),
        ({"policy": "shout"}, "unknown policy 'shout': use one of"),
        ({"policy": {"LT999": "warn"}}, "unknown rule 'LT999'"),
        ({"frames": 0}, "use a whole number from 1 to 256"),
        ({"watch": "no_such_library_at_all"}, "no_such_library_at_all"),
        ({"report": 3.5}, "report= takes a path or several, not float"),
        ({"report": ["a.json", 7]}, "report= takes paths, not int"),
        ({"report": "report.pdf"}, r"report\.pdf"),
        ({"report": "no/such/folder/report.json"}, "no/such/folder"),
        ({"report": "."}, r"\."),
        ({"report": ""}, "report"),
    ],
)
def test_a_bad_value_changes_nothing(tracker, make_class, tmp_path, monkeypatch, options, message):
    """A bad value is one ConfigurationError that names it; tracking goes on, or stays off, as before."""
    monkeypatch.chdir(tmp_path)
    cls = tracker.tracked(make_class())
    before = state(cls)
    with pytest.raises(ConfigurationError, match=message):
        tracker.start(**options)
    assert not tracker.is_tracking()
    assert state(cls) == before
    tracker.start("sites", policy="record", report=False)
    kept = cls()
    during, engine = state(cls), tracker.engine
    with pytest.raises(ConfigurationError, match=message):
        tracker.start(**options)
    assert tracker.is_tracking()
    assert (state(cls), tracker.engine) == (during, engine)
    assert len(tracker.find_leaks()) == 1
    assert os.listdir(tmp_path) == []
    del kept


def test_a_bad_watch_keeps_the_settings_too(tracker):
    """An unknown name given to ``watch`` later is refused, and leaves nothing behind that a start would stumble on."""
    with pytest.raises(ConfigurationError, match="no_such_library_at_all"):
        tracker.watch("no_such_library_at_all")
    tracker.start(report=False)
    with pytest.raises(ConfigurationError, match="no_such_library_at_all"):
        tracker.watch("no_such_library_at_all")
    tracker.start("sites", report=False)
    assert tracker.is_tracking()


def test_trackers_side_by_side_have_accounts_of_their_own(make_class):
    """Several trackers, each with classes of its own, know nothing of each other's resources and settings."""
    one, two = Tracker(), Tracker()
    mine, yours = one.tracked(make_class()), two.tracked(make_class())
    with one.start("sites", policy="raise", report=False), two.start("counts", policy="record", report=False):
        a, b, c = mine(), yours(), yours()
        assert [tracker.report().totals.acquired for tracker in (one, two)] == [1, 2]
        with one.scope("mine"), two.scope("yours"):
            b.close()
            b.use()
            c.close()
            a.close()
            with pytest.raises(UseAfterReleaseError):
                a.use()
        two.stop()
        assert one.is_tracking()
        assert [finding.rule for finding in one.report().findings] == ["LT201"]
        assert b.use() == "used"
        with pytest.raises(UseAfterReleaseError):
            a.use()
    assert a.use() == "used"


def test_while_tracking_is_off_the_questions_have_empty_answers(tracker, make_class):
    """Asking a tracker that is off gives nothing; only a report, which would be of nothing, is refused."""
    cls = tracker.tracked(make_class())
    kept = cls()
    assert tracker.find_leaks() == []
    assert tracker.history(kept) == ()
    assert (tracker.snapshot().types, tracker.snapshot().live) == ((), ())
    tracker.assert_no_leaks()
    assert tracker.track(kept) is kept
    with pytest.raises(LifetrackError, match=r"tracking is off: call start\(\) first"):
        tracker.report()


def test_a_new_start_is_a_new_account(tracker, make_class):
    """After stopping, the records are gone; what was acquired before is unknown, and releasing it is no finding."""
    cls = tracker.tracked(make_class())
    tracker.start(policy="raise", report=False)
    kept = cls()
    tracker.stop()
    tracker.start(policy="raise", report=False)
    assert tracker.find_leaks() == []
    kept.close()
    totals = tracker.report().totals
    assert (totals.acquired, totals.released, totals.unknown, totals.findings) == (0, 0, 1, 0)
