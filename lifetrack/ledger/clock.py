"""The clock by which grace periods are waited for; a test may put its own in its place."""

from __future__ import annotations

import time
from typing import Protocol


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


def skip(seconds: float) -> bool:
    """Let time go by without waiting, where the clock is not that of the system; give whether it is not."""
    if _clock is _REAL:
        return False
    _clock.sleep(seconds)
    return True
