"""The walk: from the roots of the program forwards along all references, once for all objects that are looked for.

Nearly all of the work is done by functions written in C on hundreds of objects at a time. Which object led to which is
not noted on the way, it is found again afterwards for the few that matter.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress
from sys import getrefcount
from typing import Any

from lifetrack.holders.looking import is_long
from lifetrack.holders.roots import Root
from lifetrack.holders.sieve import PIECE, Sieve, in_pieces, in_places
from lifetrack.holders.wayback import Back, Trail

#: How many objects are asked at once, and how many holders of one object are of interest.
_CHUNK, MOST_HOLDERS = 512, 8
#: By how many references of each is looked for one that has very many.
_MANY = 16
#: Of what is taken in slices if it is long.
_SLICED = frozenset({list, tuple})

_SAMPLE: list[Any] = [[]]
#: The references that are counted of what one container has, and the list that was just made of it, and a variable.
_NAMED_ALONE = next(getrefcount(each) for each in list(gc.get_referents(_SAMPLE)))
#: How deep is looked into an object for references to itself.
_DEPTH = 4
#: The references that are counted of the first of a list for the sake of the question itself.
_CALL = getrefcount(_SAMPLE[0]) - 1


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
    """One walk. ``wanted`` are the addresses of what is looked for, ``stops`` those that it does not go through.

    All that is wanted is to be among the stops, so that no path leads through another leak. With ``thorough`` it also
    looks at what the collector does not track, which takes longer. It ends as soon as every reference to everything
    that is wanted is accounted for.
    """

    def __init__(self, wanted: Collection[int], stops: set[int], *, thorough: bool = False) -> None:
        self.order: list[Any] = []
        self.roots: dict[int, Root] = {}
        #: For each object found the positions of its holders.
        self.holders: dict[int, list[int]] = {}
        self.trail = Trail(self.order)
        self._open = set(wanted)
        self._sieve = Sieve(stops, thorough=thorough)
        #: For each address how many references to it are accounted for.
        self._accounted: dict[int, int] = {}
        #: Up to where in the order was asked what it refers to; and what was told and not looked at yet.
        self._asked = 0
        self._told: deque[tuple[int, int, Iterator[list[Any]]]] = deque()

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
        self._told.clear()
        self._asked = len(self.order)
        self._ask(start, end)
        while self._open and (self._told or self._asked < len(self.order)):
            if self._told:
                start, end, found = self._told.popleft()
                self._spread(start, end, found)
            else:
                self._ask_all(len(self.order))

    # -- asking ------------------------------------------------------------------------------------------------------

    def _ask_all(self, end: int, *, early: bool = False) -> None:
        """Ask what was found up to a position in the order, and not asked yet, what it refers to."""
        while self._asked < end:
            start, self._asked = self._asked, min(self._asked + _CHUNK, end)
            self._ask(start, self._asked, early=early)

    def _ask(self, start: int, end: int, *, early: bool = False) -> None:
        """Ask some objects what they refer to; it is looked at in turn, but ``early`` what has to come this way."""
        number = end - start
        if number == 1 and type(self.order[start]) in _SLICED and is_long(self.order[start]):
            self._told.append((start, end, _sliced(self.order[start])))
            return
        found = gc.get_referents(*self.order[start:end])
        if number > 1 and len(found) > max(PIECE, _MANY * number):
            del found
            self._ask_apart(start, end)
            return
        if number == 1 and len(found) > PIECE:
            self._told.append((start, end, in_pieces(found)))
            return
        places = in_places(found, number) if found else []
        if early and (new := self._sieve.sift_early(places)):
            self.trail.note(start, end, even=True)
            self.order += new
        if places:
            self._told.append((start, end, _in_turn(places)))

    def _ask_apart(self, start: int, end: int) -> None:
        """Ask each that has very many on its own, and what is between these together."""
        for position in range(start, end):
            if is_long(self.order[position]):
                self._ask_plainly(start, position)
                self._ask(position, position + 1)
                start = position + 1
        self._ask_plainly(start, end)

    def _ask_plainly(self, start: int, end: int) -> None:
        if start < end:
            self._told.append((start, end, in_pieces(gc.get_referents(*self.order[start:end]))))

    # -- looking -----------------------------------------------------------------------------------------------------

    def _spread(self, start: int, end: int, found: Iterator[list[Any]]) -> None:
        """Take to the end of the order what is new of that to which some objects refer."""
        hits: set[int] = set()
        before = 0
        for piece in found:
            self.trail.note(start, end, before)
            before += len(piece)
            new, stops = self._sieve.sift(piece)
            self.order += new
            hits |= stops
            if len(self.order) - self._asked >= _CHUNK:
                # While they are near. What is near to these is looked at too if it is the only way to it.
                self._ask_all(len(self.order), early=end - start == 1)
                self._ask_all(len(self.order))
        if hits:
            new = piece = []  # these references would be counted
            self._note(start, end, hits & self._open)

    def _note(self, start: int, end: int, hits: set[int]) -> None:
        """Note which of some objects have those that were hit."""
        for position in self._among(start, end, hits):
            found = those_at(hits, gc.get_referents(self.order[position]))
            for address in set(map(id, found)):
                holders = self.holders.setdefault(address, [])
                if position not in holders:
                    holders.append(position)
                    self._account(address, position, found)
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

    def _account(self, address: int, position: int, found: list[Any]) -> None:
        """Account for the references of one holder; stop looking for more when there are no others, or enough."""
        mine = [each for each in found if id(each) == address]
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
        return {*map(id, self.order), *self._sieve.seen}

    def ways(self, addresses: Iterable[int]) -> dict[int, list[list[int]]]:
        """Give for each address the ways to its holders, as positions from a root on; best first."""
        self._told.clear()
        ends = {address: self.holders.get(address, []) for address in addresses}
        back = Back(self.trail, self.roots, self.order, [position for found in ends.values() for position in found])
        return {address: [way for position in found if (way := back.way(position))] for address, found in ends.items()}

    def guess(self, way: list[int], at: int) -> int:
        """Guess where the next on a way is in what stands at a place of it; -1 where nothing is known."""
        return self.trail.guess(way[at], way[at + 1]) if at + 1 < len(way) else -1


def those_at(addresses: set[int], objects: list[Any]) -> list[Any]:
    """Give those of many objects that are at some addresses."""
    return list(compress(objects, map(addresses.__contains__, map(id, objects))))


def _in_turn(lists: list[list[Any]]) -> Iterator[list[Any]]:
    """Give some lists, each once."""
    lists.reverse()
    while lists:
        yield lists.pop()


def _sliced(container: Any) -> Iterator[list[Any]]:
    """Give what a list or tuple has in pieces."""
    for start in range(0, len(container), PIECE):
        yield list(container[start : start + PIECE])
