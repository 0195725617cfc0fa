"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from lifetrack.ledger import clock
from lifetrack.ledger.clock import Clock


class FakeClock:
    """Time for tests: inside its block lifetrack waits by this clock, and no wait takes any real time.

    Where a scope or a test gives something a grace period to end, the clock goes on by as much at once::

        with FakeClock() as time:
            with lifetrack.scope("job"):
                worker = Worker()  # declared with grace=30
            time.now  # 30.0 later: the grace was over before the leak was told

    Other threads run in real time meanwhile, so what they would have released in time may be told as a leak.
    """

    def __init__(self, start: float = 0.0) -> None:
        #: Seconds.
        self.now = start
        self._before: list[Clock | None] = []

    def advance(self, seconds: float) -> None:
        """Let so many seconds go by; raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back, not by {seconds} seconds either")
        self.now += seconds

    def monotonic(self) -> float:
        """Give the time, as :func:`time.monotonic` does."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time go by at once, as :func:`time.sleep` does slowly."""
        self.advance(max(0.0, seconds))

    def __enter__(self) -> Self:
        self._before.append(clock.use(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        clock.use(self._before.pop())
