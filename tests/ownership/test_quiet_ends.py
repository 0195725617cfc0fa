"""The end of a scope in which nothing came that is open yet takes a shorter way; what is open takes the long one."""

from __future__ import annotations

import gc

import pytest

import lifetrack
from lifetrack.values.errors import LeakError


def _acquired(tracker, resource, kept):
    kept.append(resource())


def _dropped(tracker, resource, kept):
    resource()
    gc.collect()


def _dropped_from_before(tracker, resource, kept):
    kept.clear()
    gc.collect()


@pytest.mark.parametrize("happens", [_acquired, _dropped, _dropped_from_before])
def test_what_came_is_no_quiet(tracker, resource, happens):
    """What was acquired since a mark, or noticed by the collector, is to be judged; before that nothing is."""
    tracker.start(policy="record", report=False)
    kept = [resource()]
    mark = tracker.ledger.mark()
    assert tracker.ledger.is_quiet_since(mark)
    tracker.ledger.mark()
    assert tracker.ledger.is_quiet_since(mark)
    happens(tracker, resource, kept)
    assert not tracker.ledger.is_quiet_since(mark)


def test_what_is_released_again_is_quiet(tracker, resource):
    """What was released since a mark is nothing to judge, also while the program has it yet."""
    tracker.start(policy="record", report=False)
    mark = tracker.ledger.mark()
    one, other = resource(), resource()
    one.close()
    assert not tracker.ledger.is_quiet_since(mark)
    other.close()
    assert tracker.ledger.is_quiet_since(mark)


def test_what_was_handed_in_is_due(tracker, resource):
    """What an inner block was handed that is older than the block is due at its end, though nothing else came."""
    tracker.start(policy="raise", report=False)
    kept = resource()
    with pytest.raises(LeakError, match="when scope 'job' ended"), tracker.scope("job") as job:
        lifetrack.transfer(kept, to=job)
    kept.close()


def test_what_was_dropped_before_a_quiet_block_is_not_the_blocks(tracker, resource, found):
    """A block in which nothing came raises for nothing, and what others have dropped is on record all the same."""
    tracker.start(policy="raise", report=False)
    with tracker.scope("outer"):
        with pytest.raises(LeakError), tracker.scope("job"):
            resource()
            gc.collect()
        with tracker.scope("quiet"):
            pass
    assert found() == [("LT102", "job")]


def test_a_mark_is_taken_away_at_a_quiet_end(tracker):
    """Nothing of a block is left in the ledger, however many there are."""
    tracker.start(policy="raise", report=False)
    marks = []
    for _ in range(100):
        with tracker.scope("quiet") as scope:
            marks.append(scope.entered().mark)
    assert len(set(marks)) == 100
    assert tracker.ledger.entries.keys().isdisjoint(marks)
