"""Explaining entries: who holds the objects of leaks, noted with the entry, so that every report tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from typing import TypeAlias

from lifetrack.ledger.entries import (
    EXTRA,
    KIND,
    OFFSET,
    OPEN_STATES,
    STATE,
    TRACE,
    Entry,
    Extra,
    acquire_stack,
    extra_of,
    place_of,
)
from lifetrack.ledger.holds import HOLDER, is_nobodys
from lifetrack.ledger.journaling import number_of
from lifetrack.ledger.ledger import Ledger
from lifetrack.values.budgets import Budget
from lifetrack.values.collector import collector_paused
from lifetrack.values.headroom import headroom
from lifetrack.values.holders import Holder, Search

#: How many resources of one type and site are explained, and how many in all at one occasion.
MOST_ALIKE, MOST = 5, 500
#: How many of those that were left out are told from each other.
MOST_TOLD = 10_000

_Key: TypeAlias = tuple[object, ...]


class Evidence:
    """Notes with the entries of one ledger who holds their objects."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        #: How many of one type and site were explained at the ends of scopes, and at the end of the process.
        self._alike: Counter[_Key] = Counter()
        self._at_end: Counter[_Key] = Counter()
        #: The resources that were left out so far, by what tells them; and how many more there were at most.
        self._left_out: set[tuple[int, int]] = set()
        self._more = 0
        #: What it took so far.
        self.search = Search()
        self._budget = Budget()

    def note(self, entries: Iterable[Entry]) -> None:
        """Note for entries, or copies of such, who holds the object of each that is alive and not yet explained.

        It is left out when walks have taken too long in all.
        """
        self._note_some(self._unexplained(entries), self._alike, may_walk=self._budget.allows())

    def note_all(self, entries: Iterable[Entry]) -> None:
        """As :meth:`note`, at the end, when it may take long; also for all that was reported as a leak."""
        self._note_some(self._unexplained(entries, or_reported=True), self._at_end)

    def _note_some(self, alive: dict[int, Entry], alike: Counter[_Key], *, may_walk: bool = True) -> None:
        chosen = _chosen(alive, alike, MOST_ALIKE) if may_walk else {}
        alike.update(map(_key, chosen.values()))
        self._note(alive, chosen)

    @contextmanager
    def of_now(self, entries: Iterable[Entry], most_alike: int) -> Iterator[None]:
        """Note who holds them at this moment, ``most_alike`` of each type and site, for the time of a block.

        Whoever asks later is told of later. What was noted for good, as at the end of a scope, stays.
        """
        alive = self._unexplained(entries)
        noted = self._note(alive, _chosen(alive, Counter(), most_alike))
        try:
            yield
        finally:
            for extra in noted:
                extra.held_by = ()

    def _unexplained(self, found: Iterable[Entry], *, or_reported: bool = False) -> dict[int, Entry]:
        """Give those found, or whose copies are, that stand for an object and are not explained, by address.

        Reported leaks are asked of themselves where all are wanted: there may be a million.
        """
        # What an entry and its copies share is its further part, if it has one.
        keys = {id(each[EXTRA] or each) for each in found}
        if not keys:
            return {}
        while True:
            try:
                entries = self._ledger.entries.copy()
                break
            except RuntimeError:  # another thread acquires or releases meanwhile
                continue
        return {
            address: entry
            for address, entry in entries.items()
            if ((extra := entry[EXTRA]) is None or not extra.held_by)
            and ((or_reported and extra is not None and extra.reported) or id(extra or entry) in keys)
            and address > 0
            and entry[KIND] is not None
            and _is_of_object(entry)
        }

    def _note(self, alive: dict[int, Entry], chosen: dict[int, Entry]) -> list[Extra]:
        if not alive:
            return []
        others = (entry for address, entry in alive.items() if address not in chosen)
        self._left_out.update(map(_number, islice(others, max(0, MOST_TOLD - len(self._left_out)))))
        self._more = max(self._more, len(alive) - len(chosen) - MOST_TOLD)
        found: dict[int, tuple[Holder, ...]] = {}
        if chosen:
            try:
                # It would come while what explains is loaded, and take a cycle; another has the address then.
                with collector_paused():
                    found = self.explain(self._still_there(chosen), alive)
            except Exception:  # what a walk meets is anybody's; that nobody can be named must not cost the finding
                self._left_out.update(map(_number, chosen.values()))
            else:
                self._left_out.difference_update(map(_number, chosen.values()))
        self.search = replace(self.search, left_out=len(self._left_out) + self._more)
        noted = []
        for address, holders in found.items():
            noted.append(extra_of(chosen[address]))
            noted[-1].held_by = holders
        return noted

    def _still_there(self, chosen: dict[int, Entry]) -> dict[int, Entry]:
        entries = self._ledger.entries
        return {address: entry for address, entry in chosen.items() if entries.get(address) is entry}

    @headroom()
    def explain(self, wanted: Collection[int], others: Iterable[int] = ()) -> dict[int, tuple[Holder, ...]]:
        """Tell who holds the objects at some addresses; no path leads through ``others`` or our own records."""
        from lifetrack.holders.explain import explain

        ours = (id(self._ledger.entries), id(self._ledger.moved), id(self._ledger.owners))
        entries = self._ledger.entries
        acquired = {key: acquire_stack(entries[key]) for key in wanted if key in entries}
        explained = explain(wanted, chain(ours, others), acquired)
        before, now = self.search, explained.seconds
        self._budget.spend(now)
        self.search = Search(before.walks + 1, before.seconds + now, max(before.longest, now), before.left_out)
        return explained.holders

    def search_made(self) -> Search | None:
        """Tell what it took so far; None where nobody has asked."""
        return self.search if self.search.walks or self.search.left_out else None


def _is_of_object(entry: Entry) -> bool:
    """Whether it stands for an object; a mark and a lock that is held do not."""
    extra = entry[EXTRA]
    return len(entry) <= HOLDER and (extra is None or extra.reference is None or not is_nobodys(entry))


def _number(entry: Entry) -> tuple[int, int]:
    """Give what tells a resource from all others, and is the same in copies of its entry."""
    return id(entry[KIND]), number_of(entry)


def _chosen(alive: dict[int, Entry], before: Counter[_Key], most_alike: int) -> dict[int, Entry]:
    """Choose so many of each kind and site, those that nobody allowed first: the others are told with them.

    ``before`` counts those that were chosen earlier.
    """
    chosen: dict[int, Entry] = {}
    alike = before.copy()
    for _, _, key, address in sorted(_candidates(alive, most_alike)):
        alike[key] += 1
        if alike[key] <= most_alike and len(chosen) < MOST:
            chosen[address] = alive[address]
    return chosen


def _candidates(alive: dict[int, Entry], most: int) -> Iterator[tuple[int, int, _Key, int]]:
    """Give at most so many of each kind and site and rank, with rank, number and key; a million may be alive."""
    found: dict[_Key, list[int]] = {}
    for number, (address, entry) in enumerate(alive.items()):
        key = _key(entry)
        counts = found.get(key)
        if counts is None:
            counts = found[key] = [0, 0, 0, 0]
        if counts[0] < most:  # else there are enough of those that come first
            rank = 2 * (entry[STATE] not in OPEN_STATES) + _is_allowed(entry)
            counts[rank] += 1
            if counts[rank] <= most:
                yield rank, number, key, address


def _key(entry: Entry) -> _Key:
    """Tell the type and the innermost place of an acquisition: its code and offset."""
    kind, trace = id(entry[KIND]), entry[TRACE]
    if isinstance(trace, tuple):
        return kind, id(trace[0]), trace[1] if len(trace) > 1 else None
    return kind, id(trace), entry[OFFSET]


def _is_allowed(entry: Entry) -> bool:
    return place_of(entry).allowed() is not None
