"""The clock by which grace periods are waited for; a test may put its own in its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

#: How long to wait between the first looks at what is just ending, in seconds; later, as a share of the time so far.
_LOOK, _SHARE = 0.005, 0.1


class Clock(Protocol):
    """What a clock can be asked, in seconds."""

    def monotonic(self) -> float:
        """Give the time; it never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let time go by."""


class _Real:
    """The clock of the system."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


_REAL: Clock = _Real()
_clock = _REAL


def use(clock: Clock | None) -> Clock | None:
    """Go by another clock from now on, None for that of the system; give the one before, None if it was that."""
    global _clock
    before, _clock = _clock, _REAL if clock is None else clock
    return None if before is _REAL else before


def now() -> float:
    """Give the time."""
    return _clock.monotonic()


def wait(seconds: float) -> None:
    """Wait for so many seconds."""
    _clock.sleep(seconds)


def looks(seconds: float) -> Iterator[float]:
    """Give how long to wait after each look at what has so many seconds to end, until they are over.

    Most of it ends at once. What takes longer is looked at less often: each look costs, and there may be many tests.
    """
    began = now()
    end = began + seconds
    while (moment := now()) < end:
        # Up to a moment: of so many seconds there may be a rest too small for the clock, which would stand still there.
        yield min(max(_LOOK, _SHARE * (moment - began)), end - moment)


def wait_while(is_pending: Callable[[], object], seconds: float) -> None:
    """Wait for what is just ending, at most so many seconds."""
    for pause in looks(seconds):
        if not is_pending():
            return
        wait(pause)


def skip(seconds: float) -> bool:
    """Let time go by without waiting, where the clock is not that of the system; give whether it is not."""
    if _clock is _REAL:
        return False
    _clock.sleep(seconds)
    return True
