"""Explaining: who holds the objects at some addresses, by one walk for all of them together."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable
from time import perf_counter
from typing import Any

from lifetrack.holders import roots
from lifetrack.holders.naming import Namer, Told
from lifetrack.holders.roots import Root
from lifetrack.holders.unreached import explain_unreached
from lifetrack.holders.walk import Walk
from lifetrack.values import holders as verdicts
from lifetrack.values.holders import Holder

#: Verdicts that decide wherever on a path they stand; of the others the one nearest to the object does.
_DECISIVE = (verdicts.SIGNAL_HANDLER, verdicts.ATEXIT_HANDLER, verdicts.TRACEBACK)
#: What is told last: it goes away by itself.
_PASSING = (verdicts.RUNNING_FRAME, verdicts.ANOTHER_LEAK, verdicts.UNKNOWN)


class Explained:
    """What a walk found: holders by address, the best first; and what it took: seconds, and objects that it met."""

    def __init__(self) -> None:
        self.holders: dict[int, tuple[Holder, ...]] = {}
        self.seconds = 0.0
        self.objects = 0


def explain(wanted: Collection[int], closed: Iterable[int] = ()) -> Explained:
    """Tell who holds the objects at the addresses ``wanted``, which must be alive.

    No path leads through what is ``closed``. The program stands still meanwhile, as far as this thread goes; nothing
    of it runs, and nothing is kept. The collector is off while it lasts, so that it need not go through what is made.
    """
    explained = Explained()
    begun = perf_counter()
    collects = gc.isenabled()
    gc.disable()
    try:
        _explain(explained, set(wanted), set(closed))
    finally:
        if collects:
            gc.enable()
    explained.seconds = perf_counter() - begun
    return explained


def _explain(explained: Explained, wanted: set[int], closed: set[int]) -> None:
    closed |= roots.closed()
    walk = Walk(wanted, closed)
    _walk_all(walk)
    _tell(walk, wanted, explained)
    left = wanted - explained.holders.keys()
    explained.objects = len(walk.order)
    if not left:
        return
    untracked = explain_unreached(left, walk, explained.holders)
    if untracked:
        thorough = Walk(untracked, closed | (wanted - untracked), thorough=True)
        _walk_all(thorough)
        _tell(thorough, untracked, explained)
        explained.objects += len(thorough.order)
    for address in left - explained.holders.keys():
        explained.holders[address] = (_nobody(),)


def _nobody() -> Holder:
    frozen = gc.get_freeze_count()
    hidden = f"nothing that is visible; gc.freeze() hides {frozen} objects" if frozen else "nothing that is visible"
    return Holder(verdicts.UNKNOWN, (hidden,))


def _walk_all(walk: Walk) -> None:
    users, libraries = roots.modules()
    walk.go([*roots.registrations(), *users], libraries, roots.at_present())


def _tell(walk: Walk, wanted: set[int], explained: Explained) -> None:
    namer = Namer()
    told: list[tuple[int, Root, list[Any]]] = []
    for address, ways in walk.ways(wanted).items():
        for way in ways:
            objects = [walk.order[position] for position in way]
            target = _target(objects[-1], address)
            if target is not None:
                told.append((address, walk.roots[way[0]], [*objects, *target]))
                namer.expect(told[-1][2])
    found: dict[int, dict[Holder, tuple[bool, int]]] = {}
    for address, root, objects in told:
        holder = judged(namer.tell(root, objects))
        # Of those that are as good as each other the first that was found is the best.
        found.setdefault(address, {}).setdefault(holder, (holder.verdict in _PASSING, root.rank))
    for address, holders in found.items():
        explained.holders[address] = tuple(sorted(holders, key=holders.__getitem__))


def _target(holder: Any, address: int) -> list[Any] | None:
    """Give the object at an address, in a list, from what refers to it."""
    return next(([each] for each in gc.get_referents(holder) if id(each) == address), None)


def judged(told: Told) -> Holder:
    """Give the verdict on a way that was told."""
    verdict = next((each for each in told.verdicts if each in _DECISIVE), told.verdicts[-1])
    return Holder(verdicts.ATEXIT_HANDLER if verdict == roots.FINALIZER else verdict, told.path)
