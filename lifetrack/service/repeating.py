"""Growth over repetitions of the same work, in a test or by hand: the work is done again and again, and counted."""

from __future__ import annotations

import gc
from collections.abc import Callable

from lifetrack.account import Account
from lifetrack.detect.families import fold
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.service.growth import GrowthCases, GrowthWatch
from lifetrack.values.findings import Finding


class Repetitions:
    """Counts after each repetition; the first count is made at once, so warm up before.

    With ``collect`` the garbage collector runs before each count, so that cycles that wait for it are no growth.
    """

    def __init__(self, account: Account, *, collect: bool = True) -> None:
        self._account = account
        self._collect = collect
        self._watch = GrowthWatch()
        self.done()

    def __len__(self) -> int:
        return max(0, len(self._watch) - 1)

    def done(self) -> None:
        """Say that one more repetition is done."""
        if self._collect:
            gc.collect()
        self._account.look()
        self._watch.take(self._account.engine.ledger)

    @property
    def may_grow(self) -> bool:
        """Whether some place has grown so far, so that more repetitions are worth it."""
        return bool(self._watch.suspects(self._account.engine.ledger))

    def findings(self) -> list[Finding]:
        """Give the places that grew with the repetitions, as LT107; they stand in the report, too."""
        ledger, cases = self._account.engine.ledger, GrowthCases()
        grown = self._watch.grown(ledger)
        filed = [cases.file(ledger, each, f"with the repetitions, {len(self)} of them") for each in grown]
        return fold((case.entry, finding_of_case(ledger, case)) for case in filed if case is not None)


def growth(
    account: Account, work: Callable[[], object], *, repetitions: int, warm_up: int, collect: bool
) -> list[Finding]:
    """Repeat work and give the places that grow; what may be growing is repeated three times as often to make sure."""
    for _ in range(warm_up):
        work()
    counted = Repetitions(account, collect=collect)
    _repeat(work, counted, repetitions)
    if not counted.may_grow:
        return []
    _repeat(work, counted, 2 * repetitions)
    return counted.findings()


def _repeat(work: Callable[[], object], counted: Repetitions, times: int) -> None:
    for _ in range(times):
        work()
        counted.done()
