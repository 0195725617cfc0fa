"""What is judged while the program goes on: time held, number live, growth."""

from __future__ import annotations

import threading
import time

from lifetrack.ledger.cases import Case
from lifetrack.ledger.ledger import Ledger
from lifetrack.service.caps import CapWatch
from lifetrack.service.growth import GrowthCases, GrowthScales
from lifetrack.service.held import HeldWatch, Overdue
from lifetrack.service.options import ServiceOptions
from lifetrack.values.limits import Limits

#: Seconds between two looks, where no limit asks for more of them.
_PACE = 1.0


class Limiter:
    """The limits of one tracker, and the growth that is watched for."""

    def __init__(self) -> None:
        self.held = HeldWatch(Limits())
        self.caps = CapWatch(Limits())
        self._growth: GrowthScales | None = None
        self._growth_cases = GrowthCases()
        self._next_sample = 0.0
        self._every: float | None = None
        self._pace: float | None = None
        #: In how many seconds the next resource will have been held for too long, as far as is known.
        self._due: float | None = None
        #: Whether some declaration has a limit, though there may be none of its resources yet.
        self.is_expected = False
        self._judging = threading.Lock()

    def use(self, options: ServiceOptions) -> None:
        """Go by these options from now on."""
        self.held.use(options.held_limits or Limits())
        self.caps.use(options.live_limits or Limits())
        self._every, self._pace = options.growth_every, options.check_every
        if self._every is not None and self._growth is None:
            self._growth = GrowthScales()

    def has_work(self, ledger: Ledger) -> bool:
        """Whether there is anything to look at, now or when it comes."""
        limited = self.held.shortest(ledger) is not None or self.caps.is_wanted(ledger)
        return limited or self.is_expected or self._growth is not None

    def pause(self, ledger: Ledger | None) -> float:
        """Give in how many seconds somebody should look again."""
        shortest = None if ledger is None else self.held.shortest(ledger)
        pace = self._pace or min(_PACE, _PACE if shortest is None else shortest / 2, self._every or _PACE)
        return pace if self._due is None else min(pace, self._due)

    def judge(self, ledger: Ledger, *, to_be_read: bool) -> tuple[list[Case], list[Overdue]]:
        """File what is held too long, has passed its cap or grows; give that, and what was released after all.

        With ``to_be_read`` what was filed before is told anew, with the time that it has by now.
        """
        # Nobody ever waits for this lock, so whatever the collector runs meanwhile may come by here, too.
        if not self._judging.acquire(blocking=False):
            return [], []
        try:
            overdue, ended, self._due = self.held.look(ledger)
            if to_be_read:
                self.held.refresh()
            cases = [each.case for each in overdue] + self.caps.look(ledger) + self._sample(ledger)
            return cases, ended
        finally:
            self._judging.release()

    def _sample(self, ledger: Ledger) -> list[Case]:
        every, growth, now = self._every, self._growth, time.monotonic()
        if every is None or growth is None or now < self._next_sample:
            return []
        self._next_sample = now + every
        how = "from look to look, of each of which some are live"
        filed = [self._growth_cases.file(ledger, grown, how) for grown in growth.take(ledger)]
        return [case for case in filed if case is not None]

    def in_child(self) -> None:
        """Begin anew in a forked child: whoever was judging is not there."""
        self._judging = threading.Lock()
        self._growth = None if self._growth is None else GrowthScales()
