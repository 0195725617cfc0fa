"""What is just ending is looked at again and again, while it has time."""

from __future__ import annotations

import pytest

from lifetrack.ledger import clock
from lifetrack.testing import FakeClock

#: More looks than any wait here may take.
_MANY = 1000


def looked(seconds: float, *, start: float = 0.0) -> tuple[list[float], float]:
    """Wait for what never ends; give when it was looked at, and when the wait was over."""
    moments: list[float] = []

    def is_pending() -> bool:
        moments.append(time.now)
        if len(moments) > _MANY:
            pytest.fail("it is looked at for ever")
        return True

    with FakeClock(start) as time:
        clock.wait_while(is_pending, seconds)
        return moments, time.now


@pytest.mark.parametrize(("start", "seconds"), [(0.0, 0.003), (0.0, 10.0), (100.0, 0.1), (86400.7, 0.3)])
def test_the_time_is_given_in_full_and_no_longer(start: float, seconds: float) -> None:
    """The last pause ends when the time is over, whatever the clock shows then: it may not tell parts so small."""
    moments, over = looked(seconds, start=start)
    assert moments[-1] < over == start + seconds
