"""The way back: which object led to which, found again for the few that matter after a walk."""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any


def halves(order: list[Any], positions: Sequence[int], addresses: set[int]) -> Iterable[tuple[int, set[int]]]:
    """Find which of the objects at some positions have those at some addresses, each the last or only one that may.

    What one half of them has not, the other has.
    """
    parts = [(positions, addresses)]
    while parts:
        positions, addresses = parts.pop()
        if len(positions) == 1:
            yield positions[0], addresses
            continue
        first, second = positions[: len(positions) // 2], positions[len(positions) // 2 :]
        found = addresses.intersection(map(id, gc.get_referents(*map(order.__getitem__, first))))
        if found:
            parts.append((first, found))
        if len(found) < len(addresses):
            parts.append((second, addresses - found))


class Trail:
    """Notes which objects led to which, many at a time: a stretch of the order of the walk came from one of others."""

    def __init__(self, order: list[Any]) -> None:
        self._order = order
        #: Where each stretch begins, whose it is, and how much of what these refer to was before it.
        self._begins: list[int] = []
        self._sources: list[tuple[int, int, int]] = []
        #: The stretches in which each source has as many.
        self._even: set[int] = set()

    def note(self, start: int, end: int, before: int = 0, *, even: bool = False) -> None:
        """Note that what comes next in the order is from those at the positions from ``start`` to ``end``."""
        if even:
            self._even.add(len(self._begins))
        self._begins.append(len(self._order))
        self._sources.append((start, end, before))

    def number(self, position: int) -> int:
        """Give the number of the stretch in which a position is."""
        return bisect_right(self._begins, position) - 1

    def guess(self, holder: int, held: int) -> int:
        """Guess which of all that an object refers to another one is, counted from 0; -1 where nothing is known."""
        number = self.number(held)
        start, end, before = self._sources[number]
        return before + held - self._begins[number] if (start, end) == (holder, holder + 1) else -1

    def sources(self, number: int, wanted: dict[int, int]) -> Iterable[tuple[int, set[int]]]:
        """Find which objects led to those that are ``wanted`` of a stretch, positions by address."""
        start, end, _ = self._sources[number]
        left = set(wanted)
        if number in self._even:
            for address, position in wanted.items():
                guess = start + (position - self._begins[number]) % (end - start)
                if address in map(id, gc.get_referents(self._order[guess])):
                    left.discard(address)
                    yield guess, {address}
        if left:
            yield from halves(self._order, range(start, end), left)


class Back:
    """Finds which object led to which, each stretch being asked once, the last first."""

    def __init__(self, trail: Trail, roots: Collection[int], order: list[Any], positions: Sequence[int]) -> None:
        self._trail, self._roots, self._order = trail, roots, order
        self.parents: dict[int, int] = {}
        self._known: set[int] = set()
        self._wanted: dict[int, dict[int, int]] = {}
        self._heap: list[int] = []
        for position in positions:
            self._want(position)
        while self._heap:
            number = -heappop(self._heap)
            wanted = self._wanted.pop(number)
            for source, addresses in trail.sources(number, wanted):
                self.parents.update(dict.fromkeys(map(wanted.__getitem__, addresses), source))
                self._want(source)

    def way(self, position: int) -> list[int]:
        """Give the way from a root to a position; empty if there is none any more."""
        way = [position]
        while way[-1] not in self._roots:
            above = self.parents.get(way[-1])
            if above is None:  # another thread has changed something meanwhile
                return []
            way.append(above)
        return way[::-1]

    def _want(self, position: int) -> None:
        if position in self._roots or position in self._known:
            return
        self._known.add(position)
        number = self._trail.number(position)
        if number not in self._wanted:
            self._wanted[number] = {}
            heappush(self._heap, -number)
        self._wanted[number][id(self._order[position])] = position
