"""The sieve: of what some objects refer to, what the walk goes on to. Nearly all is done by functions written in C."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import compress, islice
from operator import not_
from sys import getrefcount
from types import CodeType
from typing import Any

#: How many are looked at at once, so that what is looked at several times is still near.
PIECE = 2048
#: Of how many objects at least what they refer to is taken apart by its place, and into how many places at most.
_ALIKE, _PLACES = 64, 16
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

#: Whether the collector knows objects of a type: none, it may know each or not, all.
_NONE, _SOME, _ALL = range(3)
_ONLY_ALL, _ONLY_NONE, _ONLY_CLASSES = {_ALL}, {_NONE}, {type}
_flags = type.__dict__["__flags__"].__get__
_HAVE_GC = 1 << 14


class Passable(dict[type, bool]):
    """Remember of each type whether the walk goes through its objects: not through our own records."""

    def __missing__(self, cls: type) -> bool:
        module = type.__dict__["__module__"].__get__(cls)
        ours = isinstance(module, str) and module.startswith("lifetrack.") and not module.startswith(_PASSABLE)
        answer = self[cls] = not ours
        return answer


class _Follows(dict[type, int]):
    """Remember of each type whether its objects are to be followed."""

    def __missing__(self, cls: type) -> int:
        answer = _ALL if _flags(cls) & _HAVE_GC else _NONE
        if cls is dict or cls is tuple:  # of these the collector forgets those that have only atoms
            answer = _SOME
        self[cls] = answer
        return answer


class _FollowsAll(dict[type, int]):
    """The same where what the collector does not know is followed too."""

    def __missing__(self, cls: type) -> int:
        answer = self[cls] = _NONE if cls in _ATOMS else _ALL
        return answer


def _is_no_atom(obj: object) -> bool:
    return type(obj) not in _ATOMS


def in_places(found: list[Any], number: int) -> list[list[Any]]:
    """Take apart what a number of objects refer to, which is emptied.

    Of many objects of one kind each has as many references, and what stands at the same place of each is alike. So it
    can be judged all at once.
    """
    each, rest = divmod(len(found), number)
    if number < _ALIKE or rest or not 1 < each <= _PLACES:
        return [found]
    places = [found[place::each] for place in range(each)]
    found.clear()
    return places


def in_pieces(found: list[Any]) -> Iterator[list[Any]]:
    """Give very many objects in pieces; the list is emptied."""
    found.reverse()
    while found:
        piece = found[-PIECE:]
        del found[-PIECE:]
        piece.reverse()
        yield piece


class Sieve:
    """Knows what was met. ``stops`` are the addresses where the walk does not go on."""

    def __init__(self, stops: set[int], *, thorough: bool) -> None:
        self._stops = stops
        #: What was met and can be met again, by address.
        self.seen: dict[int, Any] = dict.fromkeys(self._stops)
        self._is_followed = _is_no_atom if thorough else gc.is_tracked
        self._follows: dict[type, int] = _FollowsAll() if thorough else _Follows()
        self._passable = Passable()

    def sift(self, found: list[Any]) -> tuple[list[Any], set[int]]:
        """Give what of some objects is new, and the addresses of those where the walk stops.

        Nobody else may have a reference to the objects for the sake of the walk. The list is of no use afterwards.
        """
        types = self._alike(found)
        follows = set(map(self._follows.__getitem__, types))
        if follows != _ONLY_ALL:
            found[:] = () if follows == _ONLY_NONE else filter(self._is_followed, found)
            types = set(map(type, found))
        new, stops = self._unmet(found)
        if stops:
            new = list(compress(new, map(not_, map(stops.__contains__, map(id, new)))))
            self.seen.update(dict.fromkeys(stops))  # its references would be counted
        passable = self._passable
        if not all(map(passable.__getitem__, types)):
            new = [each for each in new if passable[type(each)]]
        return new, stops

    def sift_early(self, places: list[list[Any]]) -> list[Any]:
        """Give what is new of the places that hold nothing but what one object alone has, and take these away.

        Whoever asks when, it is found by the same way. What nobody follows is taken away too.
        """
        new: list[Any] = []
        left: list[list[Any]] = []
        for found in places:
            types = self._alike(found)
            follows = set(map(self._follows.__getitem__, types))
            if follows == _ONLY_NONE or (len(found) == 1 and self._was_met(found[0])):
                continue
            if (
                follows == _ONLY_ALL
                and all(map(self._passable.__getitem__, types))
                and list(map(getrefcount, found)).count(_ALONE) == len(found)
                and self._stops.isdisjoint(map(id, found))
            ):
                new += found
            else:
                left.append(found)
        places[:] = left
        return new

    def _was_met(self, obj: object) -> bool:
        return id(obj) in self.seen and id(obj) not in self._stops

    def _alike(self, found: list[Any]) -> set[type]:
        """Give the types of some objects. If all are the same class, as that of many objects, only one is left."""
        types = set(map(type, found))
        if types == _ONLY_CLASSES and found.count(found[0]) == len(found):
            del found[1:]
        return types

    def _unmet(self, found: list[Any]) -> tuple[list[Any], set[int]]:
        # What has but one reference cannot be met a second time, so it need not be remembered. That is most of a heap.
        counts = list(map(getrefcount, found))
        if counts.count(_ALONE) == len(counts):
            return found, self._stops.intersection(map(id, found))
        alone = list(map(_IS_ALONE, counts))
        new = list(compress(found, alone))
        stops = self._stops.intersection(map(id, new))
        if len(new) < len(found):
            # Many of those are the same few.
            shared = list(compress(found, map(not_, alone)))
            known = dict(zip(map(id, shared), shared, strict=True))
            stops.update(self._stops.intersection(known))
            seen, before = self.seen, len(self.seen)
            # What was seen keeps its place in the dictionary, so what is new is its end.
            seen.update(known)
            new += islice(reversed(seen.values()), len(seen) - before)
        return new, stops
