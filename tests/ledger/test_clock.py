"""What is just ending is looked at again and again: often at first, less often the longer it takes, and in time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lifetrack.ledger import clock
from lifetrack.testing import FakeClock

#: More looks than any wait here may take.
_MANY = 1000


def looked(seconds: float, *, start: float = 0.0, ends_at: float | None = None) -> tuple[list[float], float]:
    """Wait for what ends at a moment, or never; give when it was looked at, and when the wait was over."""
    moments: list[float] = []

    def is_pending() -> bool:
        moments.append(time.now)
        if len(moments) > _MANY:
            pytest.fail("it is looked at for ever")
        return ends_at is None or time.now < ends_at

    with FakeClock(start) as time:
        clock.wait_while(is_pending, seconds)
        return moments, time.now


def test_the_first_looks_come_soon() -> None:
    """Most of what is just ending ends at once, so that for a moment it is looked at every 5 milliseconds."""
    moments, _ = looked(10.0)
    assert moments[:11] == pytest.approx([0.005 * number for number in range(11)])


def test_what_takes_longer_is_looked_at_less_often() -> None:
    """Each look costs: from then on the next one comes after a tenth of the time so far."""
    moments, over = looked(10.0)
    pauses = [later - earlier for earlier, later in pairwise([*moments, over])]
    assert pauses[10:-1] == pytest.approx([moment / 10 for moment in moments[10:-1]])
    assert len(moments) < 70  # of 2000, if all came as soon as the first


@pytest.mark.parametrize(("start", "seconds"), [(0.0, 0.003), (0.0, 10.0), (100.0, 0.1), (86400.7, 0.3)])
def test_the_time_is_given_in_full_and_no_longer(start: float, seconds: float) -> None:
    """The last pause ends when the time is over, whatever the clock shows then: it may not tell parts so small."""
    moments, over = looked(seconds, start=start)
    assert moments[-1] < over == start + seconds


def test_what_has_ended_is_waited_for_no_longer() -> None:
    """The wait is over at the first look that finds it ended."""
    assert looked(10.0, ends_at=0.0) == ([0.0], 0.0)
    moments, over = looked(10.0, ends_at=1.0)
    assert moments[-2] < 1.0 <= moments[-1] == over < 1.1


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_what_has_no_time_is_not_looked_at(seconds: float) -> None:
    """Where nothing is given time to end, nobody asks whether it has."""
    assert looked(seconds, start=100.0) == ([], 100.0)
