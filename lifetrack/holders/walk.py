"""The walk: from the roots of the program forwards along all references, once for all objects that are looked for.

Nearly all of the work is done by functions written in C on hundreds of objects at a time. Which object led to which is
not noted on the way, it is found again afterwards for the few that matter.
"""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import compress, islice
from operator import not_
from sys import getrefcount
from types import CodeType
from typing import Any

from lifetrack.holders.looking import is_long
from lifetrack.holders.roots import Root

#: How many objects are asked at once, and how many holders of one object are of interest.
_CHUNK, MOST_HOLDERS = 256, 8
#: How many of those that were found are looked at at once.
_PIECE = 2048
#: What holds nothing: left out where objects are looked for that the collector does not know.
_ATOMS = frozenset({str, bytes, bytearray, int, float, complex, bool, type(None), CodeType, range})
#: Modules of ours whose objects a program itself may hold: owners, handles, collections, what stands in for its own.
_PASSABLE = (
    "lifetrack.ownership.", "lifetrack.backends.", "lifetrack.secrets", "lifetrack.guards.proxies",
    "lifetrack.instrument.functions", "lifetrack.instrument.wrappers", "lifetrack.watchers.custody",
    "lifetrack.watchers.exit_stacks", "lifetrack.watchers.stand_ins", "lifetrack.watchers.locking.",
    "lifetrack.values.errors", "lifetrack.testing.",
)  # fmt: skip


_SAMPLE: list[Any] = [[[]]]
#: The references that are counted of what one container has, and the list that was just made of what it has.
_ALONE = next(map(getrefcount, list(filter(gc.is_tracked, gc.get_referents(_SAMPLE)))))


#: Whether that is all; a set answers faster than a comparison.
_IS_ALONE = frozenset(range(_ALONE + 1)).__contains__
_SAMPLE_LIST: list[Any] = [[]]
#: As that, with a variable for it.
_NAMED_ALONE = next(getrefcount(each) for each in list(gc.get_referents(_SAMPLE)))
#: How deep is looked into an object for references to itself.
_DEPTH = 4
#: The references that are counted of the first of a list for the sake of the question itself.
_CALL = getrefcount(_SAMPLE_LIST[0]) - 1


class Passable(dict[type, bool]):
    """Remember of each type whether the walk goes through its objects: not through our own records."""

    def __missing__(self, cls: type) -> bool:
        module = type.__dict__["__module__"].__get__(cls)
        ours = isinstance(module, str) and module.startswith("lifetrack.") and not module.startswith(_PASSABLE)
        answer = self[cls] = not ours
        return answer


def _is_no_atom(obj: object) -> bool:
    return type(obj) not in _ATOMS


def _from_itself(obj: object) -> int:
    """Count the references to an object by what nobody but itself has, such as methods of its own in its attributes."""
    level: list[Any] = [obj]
    count = 0
    for _ in range(_DEPTH):
        found = gc.get_referents(*level)
        count += list(map(id, found)).count(id(obj))
        level = [each for each in found if getrefcount(each) <= _NAMED_ALONE and gc.is_tracked(each)]
        del found
    return count


class Walk:
    """One walk. ``wanted`` are the addresses of what is looked for, ``closed`` those that it does not go through.

    It does not go through what is wanted either, so no path leads through another leak. With ``thorough`` it also
    looks at what the collector does not track, which takes longer. It ends as soon as every reference to everything
    that is wanted is accounted for.
    """

    def __init__(self, wanted: Collection[int], closed: Iterable[int], *, thorough: bool = False) -> None:
        self.order: list[Any] = []
        self.roots: dict[int, Root] = {}
        #: For each object found the positions of its holders.
        self.holders: dict[int, list[int]] = {}
        self._open = set(wanted)
        self._stops = {*closed, *wanted}
        self._seen: dict[int, Any] = dict.fromkeys(self._stops)
        self._is_followed: Callable[[Any], bool] = _is_no_atom if thorough else gc.is_tracked
        self._passable = Passable()
        #: For each address how many references to it are accounted for.
        self._accounted: dict[int, int] = {}
        #: For each chunk where it stood, and where what it led to begins.
        self._chunks: list[tuple[int, int]] = []
        self._begins: list[int] = []

    def go(self, *stages: Sequence[Root]) -> None:
        """Go to everything that the roots lead to, stage by stage: what one reaches is not the next one's.

        What the roots of any stage have themselves is found first.
        """
        spans = []
        for stage in stages:
            spans.append((len(self.order), len(self.order) + len(stage)))
            for root in stage:
                self.roots[len(self.order)] = root
                self.order.append(root.carrier)
        for start, end in spans:
            hits = self._open.intersection(map(id, gc.get_referents(*self.order[start:end])))
            self._note(start, end, hits)
        for start, end in spans:
            if self._open:
                self._follow(start, end)

    def _follow(self, start: int, end: int) -> None:
        """Follow the roots of one stage, and then what that leads to, to its end."""
        self._spread(start, end)
        following = self._begins[-1]
        while following < len(self.order) and self._open:
            start = following
            following = min(start + _CHUNK, len(self.order))
            self._spread(start, following)

    def _spread(self, start: int, end: int) -> None:
        self._chunks.append((start, end))
        self._begins.append(len(self.order))
        found = gc.get_referents(*self.order[start:end])
        hits: set[int] = set()
        if len(found) > _PIECE:
            # A container with very many is taken in pieces, so that what is looked at several times is still near.
            found.reverse()
            while found:
                piece = found[-_PIECE:]
                del found[-_PIECE:]
                piece.reverse()
                hits |= self._take(piece)
        else:
            hits = self._take(found)
        if hits:
            found.clear()  # these references would be counted
            self._note(start, end, hits & self._open)

    def _take(self, found: list[Any]) -> set[int]:
        """Take to the end of the order what of some objects is new; give the addresses where the walk stops.

        The list is emptied.
        """
        tracked = list(filter(self._is_followed, found))
        found.clear()
        # What has but one reference cannot be met a second time, so it need not be remembered. That is most of a heap.
        alone = list(map(_IS_ALONE, map(getrefcount, tracked)))
        new = list(compress(tracked, alone))
        stops = self._stops.intersection(map(id, new))
        if len(new) < len(tracked):
            # Many of those are the same few, as the classes of what was found.
            shared = list(compress(tracked, map(not_, alone)))
            known = dict(zip(map(id, shared), shared, strict=True))
            stops.update(self._stops.intersection(known))
            seen, before = self._seen, len(self._seen)
            # What was seen keeps its place in the dictionary, so what is new is its end.
            seen.update(known)
            new += islice(reversed(seen.values()), len(seen) - before)
        if stops:
            new = list(compress(new, map(not_, map(stops.__contains__, map(id, new)))))
            self._seen.update(dict.fromkeys(stops))  # its references would be counted
        passable = self._passable
        if not all(map(passable.__getitem__, set(map(type, new)))):
            new = [each for each in new if passable[type(each)]]
        self.order += new
        return stops

    def _note(self, start: int, end: int, hits: set[int]) -> None:
        """Note which of some objects have those that were hit."""
        for position in self._among(start, end, hits):
            referents = gc.get_referents(self.order[position])
            for address in hits.intersection(map(id, referents)):
                holders = self.holders.setdefault(address, [])
                if position not in holders:
                    holders.append(position)
                    self._account(address, position, referents)
                    if address not in self._open:
                        hits.discard(address)

    def _among(self, start: int, end: int, hits: set[int]) -> Iterator[int]:
        """Give the positions of what has any of those that were hit, in order, by halving; ``hits`` may shrink."""
        spans = [(start, end)]
        while spans and hits:
            start, end = spans.pop()
            if hits.isdisjoint(map(id, gc.get_referents(*self.order[start:end]))):
                continue
            if end - start == 1:
                yield start
            else:
                middle = (start + end) // 2
                spans += ((middle, end), (start, middle))

    def _account(self, address: int, position: int, referents: list[Any]) -> None:
        """Account for the references of one holder; stop looking for more when there are no others, or enough."""
        mine = [each for each in referents if id(each) == address]
        root = self.roots.get(position)
        times = 2 if root is not None and root.copied else 1
        if address not in self._accounted:
            self._accounted[address] = _from_itself(mine[0])
        accounted = self._accounted[address] = self._accounted[address] + len(mine) * times
        # Both lists here have it as often as the holder does, and the call counts one more.
        references = getrefcount(mine[0]) - 2 * len(mine) - _CALL
        if references <= accounted or len(self.holders[address]) >= MOST_HOLDERS:
            self._open.discard(address)

    def met(self) -> set[int]:
        """Give the addresses of all that the walk has met."""
        return {*map(id, self.order), *self._seen}

    # -- the way back --------------------------------------------------------------------------------------------

    def ways(self, addresses: Iterable[int]) -> dict[int, list[list[int]]]:
        """Give for each address the ways to its holders, as positions from a root on; best first."""
        ends = {address: self.holders.get(address, []) for address in addresses}
        parents = _Back(self, [position for found in ends.values() for position in found]).parents
        return {
            address: [way for position in found if (way := self._way(position, parents))]
            for address, found in ends.items()
        }

    def _way(self, position: int, parents: dict[int, int]) -> list[int]:
        way = [position]
        while way[-1] not in self.roots:
            above = parents.get(way[-1])
            if above is None:  # another thread has changed something meanwhile
                return []
            way.append(above)
        return way[::-1]

    def chunk_of(self, position: int) -> int:
        """Give the number of the chunk that led to a position."""
        return bisect_right(self._begins, position) - 1

    def chunk(self, number: int) -> list[int]:
        """Give the positions of a chunk, those of long containers last."""
        positions = list(range(*self._chunks[number]))
        end = self._begins[number + 1] if number + 1 < len(self._begins) else len(self.order)
        if end - self._begins[number] > _PIECE:
            positions.sort(key=lambda position: is_long(self.order[position]))
        return positions


class _Back:
    """Finds which object led to which, each chunk being asked once, the last first."""

    def __init__(self, walk: Walk, positions: Sequence[int]) -> None:
        self._walk = walk
        self.parents: dict[int, int] = {}
        self._known: set[int] = set()
        self._wanted: dict[int, dict[int, int]] = {}
        self._heap: list[int] = []
        for position in positions:
            self._want(position)
        while self._heap:
            self._ask(-heappop(self._heap))

    def _want(self, position: int) -> None:
        walk = self._walk
        if position in walk.roots or position in self._known:
            return
        self._known.add(position)
        number = walk.chunk_of(position)
        if number not in self._wanted:
            self._wanted[number] = {}
            heappush(self._heap, -number)
        self._wanted[number][id(walk.order[position])] = position

    def _ask(self, number: int) -> None:
        """Find which object of a chunk has each that is wanted: what one half of them has not, the other has."""
        wanted = self._wanted.pop(number)
        order = self._walk.order
        parts = [(self._walk.chunk(number), set(wanted))]
        while parts:
            positions, addresses = parts.pop()
            if len(positions) == 1:
                self.parents.update(dict.fromkeys(map(wanted.__getitem__, addresses), positions[0]))
                self._want(positions[0])
                continue
            first, second = positions[: len(positions) // 2], positions[len(positions) // 2 :]
            found = addresses.intersection(map(id, gc.get_referents(*map(order.__getitem__, first))))
            if found:
                parts.append((first, found))
            if len(found) < len(addresses):
                parts.append((second, addresses - found))
