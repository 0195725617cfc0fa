"""Held too long: resources that are live for longer than the limit of their type (LT108)."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import NamedTuple

from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import (
    COLLECTED,
    EXTRA,
    KIND,
    MOMENT,
    OPEN_STATES,
    RELEASE_MOMENT,
    RELEASED,
    STATE,
    Entry,
    Kind,
    extra_of,
    is_idle,
)
from lifetrack.ledger.holds import NODE, holder_of
from lifetrack.ledger.ledger import Ledger, is_reported
from lifetrack.values.findings import Certainty
from lifetrack.values.limits import Limits, seconds_text
from lifetrack.witness.asking import Asking

#: The numbers themselves, among the words of a case.
HELD, LIMIT = "held_seconds", "limit_seconds"


class Overdue(NamedTuple):
    """One resource that is, or was, held for too long: for how many seconds, and what its limit is."""

    case: Case
    held: float
    limit: float


class _Late(NamedTuple):
    """One that was reported and is watched until it ends: from when on it was held, on the clock of the records."""

    entry: Entry
    case: Case
    limit: float
    since: float


class HeldWatch:
    """Finds what is held too long, in one ledger. It is asked from time to time, by one thread at once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_kind: dict[int, tuple[Kind, float | None]] = {}
        #: When those were seen first of which the level records no time, by the number that tells the entry.
        self._seen: dict[int, tuple[Entry, float]] = {}
        self._late: dict[int, _Late] = {}

    def use(self, limits: Limits) -> None:
        """Go by other limits from now on."""
        self._limits = limits
        self._by_kind.clear()

    def limit_of(self, kind: Kind) -> float | None:
        """Give the limit of a type: what was set for its name, else what its declaration says."""
        known = self._by_kind.get(id(kind))
        if known is None:
            found = self._limits.find((kind.type_name, *kind.bases))
            known = self._by_kind[id(kind)] = kind, kind.declaration.limit if found is None else found
        return known[1]

    def shortest(self, ledger: Ledger) -> float | None:
        """Give the shortest limit that any type has, or may have when it comes; None where there is none."""
        limits = [limit for _, limit in self._limits.given]
        limits += [limit for kind in ledger.kinds if (limit := kind.declaration.limit) is not None]
        return min(limits, default=None)

    def look(self, ledger: Ledger) -> tuple[list[Overdue], list[Overdue], float | None]:
        """Give what has become overdue, what was and has ended since, and in how many seconds the next one is due."""
        now = perf_counter()
        here: set[int] = set()
        found: list[Overdue] = []
        next_due: float | None = None
        if any(self.limit_of(kind) is not None for kind in list(ledger.kinds)):
            for entry in ledger.snapshot():
                limit = self.limit_of(entry[KIND]) if entry[STATE] in OPEN_STATES or entry[STATE] == RELEASED else None
                if limit is None:
                    continue
                here.add(id(entry))
                left = self._judge(ledger, entry, limit, now, found)
                if left is not None and (next_due is None or left < next_due):
                    next_due = left
        self._forget(here)
        return found, self._ended(here, now), next_due

    def refresh(self) -> None:
        """Tell anew those that were reported and are live still: for how long they are held by now."""
        now = perf_counter()
        for late in list(self._late.values()):
            if late.entry[STATE] in OPEN_STATES:
                late.case.renew(late.entry, _words(late.limit, now - late.since, ""))

    def _judge(self, ledger: Ledger, entry: Entry, limit: float, now: float, found: list[Overdue]) -> float | None:
        """File an entry that is overdue; else give the seconds until it will be."""
        if entry[EXTRA] is not None and (entry[EXTRA].overdue or is_reported(entry)):
            return None  # what was told as a leak already need not be told again
        is_open = entry[STATE] in OPEN_STATES
        since, until = self._since(entry, now, is_open=is_open), now
        if not is_open:
            self._seen.pop(id(entry), None)
            if entry[RELEASE_MOMENT] is None or entry[MOMENT] is None:
                return None  # it was over between two looks, and nobody knows when
            until = entry[RELEASE_MOMENT][0]
        held = until - since
        if held <= limit:
            return limit - held if is_open else None
        if is_open and is_no_duty(entry, ledger.entries):
            return None
        extra = extra_of(entry)
        if extra.overdue:  # no call stands between this question and the answer
            return None
        extra.overdue = True
        words = _words(limit, held, "" if is_open else "released")
        case = ledger.cases.add(Case("LT108", Certainty.PROVEN, list(entry), None, words=words))
        found.append(Overdue(case, held, limit))
        if is_open:
            self._late[id(entry)] = _Late(entry, case, limit, since)
        return None

    def _since(self, entry: Entry, now: float, *, is_open: bool) -> float:
        moment = entry[MOMENT]
        if moment is not None:
            return float(moment[0])
        if not is_open:
            return now
        return self._seen.setdefault(id(entry), (entry, now))[1]

    def _forget(self, here: set[int]) -> None:
        for key in list(self._seen):
            if key not in here:
                self._seen.pop(key, None)

    def _ended(self, here: set[int], now: float) -> list[Overdue]:
        """Tell anew, with their end, those that were reported and are live no more."""
        ended: list[Overdue] = []
        for key, late in list(self._late.items()):
            entry, state = late.entry, late.entry[STATE]
            if key in here and state in OPEN_STATES:
                continue
            self._late.pop(key, None)
            release = entry[RELEASE_MOMENT]
            held = (now if release is None else release[0]) - late.since
            if state == RELEASED or (holder_of(entry) is not None and state in OPEN_STATES):
                late.case.renew(entry, _words(late.limit, held, "released"))
                ended.append(Overdue(late.case, held, late.limit))
            elif state == COLLECTED:
                late.case.renew(entry, _words(late.limit, held, "collected"))
        return ended


def _words(limit: float, held: float, end: str) -> dict[str, str]:
    told = f"{end} after {seconds_text(held)}" if end else f"{seconds_text(held)} so far"
    return {"limit": seconds_text(limit), "held": told, HELD: f"{held:.6f}", LIMIT: f"{limit}"}


def is_no_duty(entry: Entry, entries: Mapping[int, Entry]) -> bool:
    """Whether nobody is to release it soon: it holds nothing at present, or lives as long as the process by design.

    So does a lock that is used as a signal.
    """
    if holder_of(entry) is not None:
        return bool(entry[NODE].is_signal)
    return is_idle(entry) or Asking(entries)(entry) is not None
