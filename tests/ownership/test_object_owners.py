"""Objects that own what they were handed: before they are tracked, while they are, and after."""

from __future__ import annotations

import gc

import pytest

from lifetrack.ownership.transfers import owner_of, transfer
from lifetrack.values.errors import ConfigurationError


@pytest.fixture
def plugin(tracker, resource):
    """A declared class that takes its part for itself while it is made."""

    @tracker.tracked
    class Plugin:
        def __init__(self):
            self.part = transfer(resource(), to=self)

        def close(self):
            pass

    return Plugin


def test_a_part_taken_by_the_constructor_is_told_with_its_owner(tracker, plugin):
    """What an object took for itself before it was tracked is a child of its leak all the same."""
    kept = plugin()
    assert owner_of(kept.part) is kept
    (leak,) = tracker.find_leaks()
    assert leak.resource.type.endswith("Plugin")
    assert [child.resource.type.rpartition(".")[2] for child in leak.children] == ["Resource"]


def test_a_part_taken_by_the_constructor_is_orphaned_with_its_owner(tracker, plugin):
    """An object that is released and leaves its part open leaves an orphan, though the object still lives."""
    kept = plugin()
    kept.close()
    (leak,) = tracker.find_leaks()
    assert (leak.rule, leak.owner.kind) == ("LT104", "object")


def test_an_owner_may_be_acquired_later_and_anew(tracker, resource):
    """An object that has an acquire method owns before it, between two rounds of it, and in the second."""

    @tracker.tracked(acquire="open", release="close")
    class Driver:
        def open(self):
            pass

        def close(self):
            pass

    driver = Driver()
    part = transfer(resource(), to=driver)
    rules = [[leak.rule for leak in tracker.find_leaks()]]
    driver.open()
    rules.append([leak.rule for leak in tracker.find_leaks()])
    driver.close()
    rules.append([leak.rule for leak in tracker.find_leaks()])
    driver.open()
    rules.append([leak.rule for leak in tracker.find_leaks()])
    assert rules == [["LT101"], ["LT101"], ["LT104"], ["LT101"]]
    part.close()
    driver.close()
    assert tracker.find_leaks() == []


def test_what_a_scope_was_handed_leaks_from_it(tracker, resource):
    """A resource that an inner scope keeps for the outer one is that one's leak, as if it were acquired there."""
    with tracker.scope("outer"), tracker.scope("inner") as inner:
        kept = inner.keep(resource())
    (leak,) = tracker.find_leaks()
    assert (leak.rule, leak.scope) == ("LT103", "outer")
    assert "was still live when scope 'outer' ended" in leak.message
    kept.close()


def test_nothing_can_be_handed_to_a_scope_that_has_ended(tracker, resource):
    """A scope that is over is refused as an owner."""
    with tracker.scope("job") as job:
        pass
    obj = resource()
    with pytest.raises(ConfigurationError, match="scope 'job' is not open"):
        transfer(obj, to=job)
    obj.close()


def test_a_leak_in_an_allowed_owner_stands_alone(tracker, resource):
    """A parent that may leak does not hide a child that may not."""
    with tracker.allow("lives as long as the process"):
        engine = resource()
    session = tracker.track(resource(), parent=engine)
    found = {leak.allowed: leak.children for leak in tracker.find_leaks()}
    assert found == {None: (), "lives as long as the process": ()}
    session.close()
    engine.close()


def test_a_proven_leak_is_not_told_below_a_suspected_one(tracker, resource):
    """A finding that fails a run is never a mere child of one that does not."""
    somebody_elses = ["of a list"]
    parent = tracker.track(somebody_elses, release="clear")
    child = tracker.track(resource(), parent=parent)
    del parent
    gc.collect()
    assert {str(leak.certainty): leak.children for leak in tracker.find_leaks()} == {"suspected": (), "proven": ()}
    child.close()


def test_a_long_line_of_owners_makes_a_report(tracker, resource):
    """However long a list of resources that own each other, it is told in one finding, and JSON can be made of it."""
    line = [resource()]
    for _ in range(400):
        line.append(transfer(resource(), to=line[-1]))
    report = tracker.report()
    (leak,) = report.findings
    assert " with 400 children; " in report.to_text()
    assert len(report.to_json()) > 400
    assert leak.count == 1
    for obj in reversed(line):
        obj.close()


def test_a_snapshot_tells_how_things_ended_so_far(tracker, resource):
    """What is live has not ended."""
    kept = resource()
    (record,) = tracker.snapshot().live
    assert record.ended == "never"
    kept.close()
