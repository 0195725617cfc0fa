"""Asking: leaks, histories, snapshots and reports tell the truth of the moment and change nothing."""

from __future__ import annotations

import gc
import sys
import threading

import pytest

from lifetrack.values.errors import LeakError, UseAfterReleaseError
from lifetrack.values.findings import Finding


def seen(findings: list[Finding]) -> list[tuple[str, int, object]]:
    """Give what two answers are compared by."""
    return [(finding.rule, finding.resource.serial, finding.site) for finding in findings]


def test_find_leaks_is_pure(tracker, make_class, capsys):
    """Asking twice gives the same, prints nothing, warns of nothing live, and changes no verdict."""
    cls = tracker.tracked(make_class())
    tracker.start(policy="record", report=False)
    kept = cls()
    cls()
    first = tracker.find_leaks()
    assert seen(first) == seen(tracker.find_leaks())
    assert sorted(finding.rule for finding in first) == ["LT101", "LT102"]
    kept.close()
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT102"]
    assert [finding.rule for finding in tracker.final_report().findings] == ["LT102"]
    assert capsys.readouterr() == ("", "")


def test_asking_inside_a_scope_does_not_settle_its_end(tracker, make_class):
    """What is live when somebody asks, and released before the scope ends, is no leak."""
    cls = tracker.tracked(make_class())
    tracker.start(policy="raise", report=False)
    with tracker.scope("job") as scope:
        kept = cls()
        assert len(tracker.find_leaks()) == len(tracker.find_leaks(scope=scope)) == 1
        tracker.report()
        tracker.snapshot()
        kept.close()
    assert tracker.find_leaks() == []


def test_assert_no_leaks_raises_what_find_leaks_finds(tracker, make_class):
    """LeakError has the findings and a note for each; without leaks nothing is raised."""
    cls = tracker.tracked(make_class())
    tracker.start(policy="record", report=False)
    tracker.assert_no_leaks()
    kept = cls()
    with pytest.raises(LeakError) as caught:
        tracker.assert_no_leaks()
    assert seen(caught.value.findings) == seen(tracker.find_leaks())
    assert len(caught.value.__notes__) == 1
    assert str(caught.value).startswith("1 resource was not released so far: ")
    kept.close()
    tracker.assert_no_leaks()


def test_a_history_tells_every_event_in_order(tracker, make_class):
    """Acquired and released, with the lines, thread and rising times; nothing for a stranger."""
    cls = tracker.tracked(make_class())
    stranger = cls()
    tracker.start(policy="record", report=False)
    line = sys._getframe().f_lineno
    resource = cls()
    resource.close()
    events = tracker.history(resource)
    assert [(event.event, event.stack[0].line - line) for event in events] == [("acquired", 1), ("released", 2)]
    assert {event.thread for event in events} == {threading.current_thread().name}
    assert 0 <= events[0].time <= events[1].time
    assert tracker.history(stranger) == ()
    assert tracker.history(object()) == ()


def test_a_snapshot_shows_what_is_live(tracker, make_class):
    """The records of all live resources, oldest first, and exact totals by type; it does not change afterwards."""
    cls = tracker.tracked(make_class())
    other = tracker.tracked(type("Other", (), {"close": lambda self: None}))
    tracker.start(policy="record", report=False)
    one, two, three = cls(), other(), cls()
    one.close()
    other()
    snapshot = tracker.snapshot()
    two.close()
    assert [record.resource.type.rpartition(".")[2] for record in snapshot.live] == ["Other", "Resource"]
    assert [record.state for record in snapshot.live] == ["live", "live"]
    assert {(each.type.rpartition(".")[2], each.acquired, each.released, each.live) for each in snapshot.types} == {
        ("Resource", 2, 1, 1),
        ("Other", 2, 0, 1),
    }
    three.close()


def test_reports_add_up(tracker, make_class):
    """Acquired is released, live and collected together; the findings are as many as the total says."""
    cls = tracker.tracked(make_class())
    tracker.start(policy="record", report=False)
    released, kept = cls(), cls()
    released.close()
    released.use()
    cls()
    with tracker.allow("cache"):
        allowed = cls()
    totals = tracker.report().totals
    assert (totals.acquired, totals.released, totals.live, totals.findings) == (4, 1, 2, 3)
    again = tracker.report()
    assert again.totals == totals
    final = tracker.final_report()
    assert final.totals == totals
    assert tracker.final_report().totals == totals
    del kept, allowed


def test_a_cycle_is_noticed_when_it_is_collected(tracker, make_class):
    """Until the collector has run a dropped cycle is live; then it is LT102 at the line of its acquisition."""
    cls = tracker.tracked(make_class())
    tracker.start(policy="record", report=False)
    gc.disable()
    try:
        resource = cls()
        resource.me = resource
        del resource
        assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
        gc.collect()
    finally:
        gc.enable()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.site.file) == ("LT102", __file__)


class Touchy:
    """An object that does not like to be looked at."""

    def _refuse(self, *args):
        raise RuntimeError("nobody asked")

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __format__ = __hash__ = _refuse

    def __init__(self, value=None):
        self.value = value

    def close(self):
        pass

    def use(self, value=None):
        pass


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_no_object_is_ever_looked_at(tracker, level):
    """An object whose text, equality, hash and truth raise is tracked in every way without being asked for them."""
    cls = tracker.tracked(type("Hedgehog", (Touchy,), {}))
    tracker.start(level, policy="record", report=False)
    with tracker.scope("job"):
        kept = cls(Touchy())
    one = cls(Touchy())
    one.use(Touchy())
    one.close()
    one.use(Touchy())
    one.close()
    tracker.history(one)
    tracker.snapshot()
    report = tracker.report()
    assert sorted(finding.rule for finding in report.findings) == ["LT103", "LT201", "LT202"]
    assert "Hedgehog" in report.to_text()
    report.to_json()
    tracker.start(level, policy="raise", report=False)
    with pytest.raises(UseAfterReleaseError) as caught:
        one.use(Touchy())
    assert "Hedgehog" in "\n".join([str(caught.value), *caught.value.__notes__])
    with pytest.raises(LeakError):
        with tracker.scope("other"):
            also = tracker.track(Touchy())
    del kept, also


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_secrets_stay_secret(tracker, level):
    """A secret resource's label, text and arguments stand nowhere: not in findings, reports, records or errors."""
    word, name = "swordfish".upper(), "hunter".upper()  # so that no source line has them

    @tracker.tracked(secret=True, label=name)
    class Key:
        def __init__(self, value):
            self.value = value

        def __repr__(self):
            return f"Key({self.value})"

        def close(self):
            pass

        def use(self):
            pass

    tracker.start(level, policy="raise", report=False)
    kept, released = tracker.track(Key(word), label=name), Key(word)
    released.close()
    with pytest.raises(UseAfterReleaseError) as caught:
        released.use()
    report = tracker.report()
    texts = [
        report.to_text(), report.to_json(), str(caught.value), *caught.value.__notes__, str(tracker.snapshot()),
        str(tracker.history(kept)), str(tracker.find_leaks()),
    ]  # fmt: skip
    for text in texts:
        assert word not in text
        assert name not in text
    assert [finding.resource.label for finding in report.findings] == [None, None]
