"""Explaining: who holds the objects at some addresses, by one walk for all of them together."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from time import perf_counter
from types import CodeType
from typing import Any

from lifetrack.holders import roots
from lifetrack.holders.blocks import Blocks
from lifetrack.holders.naming import Namer, judged
from lifetrack.holders.roots import Root
from lifetrack.holders.unreached import by_block, explain_unreached
from lifetrack.holders.walk import Walk, those_at
from lifetrack.ledger.entries import type_name
from lifetrack.values import holders as verdicts
from lifetrack.values.collector import collector_paused
from lifetrack.values.holders import Holder

#: What is told last: it goes away by itself.
_PASSING = (verdicts.RUNNING_FRAME, verdicts.ANOTHER_LEAK, verdicts.UNKNOWN)


class Explained:
    """What a walk found: holders by address, the best first; and what it took: seconds, and objects that it met."""

    def __init__(self) -> None:
        self.holders: dict[int, tuple[Holder, ...]] = {}
        self.seconds = 0.0
        self.objects = 0


def explain(
    wanted: Collection[int],
    closed: Iterable[int] = (),
    acquired: Mapping[int, Collection[tuple[CodeType, int]]] | None = None,
) -> Explained:
    """Tell who holds the objects at the addresses ``wanted``, which must be alive.

    No path leads through what is ``closed``. ``acquired`` are the places of their acquisition, as far as known.
    The program stands still meanwhile, as far as this thread goes; nothing of it runs, and nothing is kept. The
    collector is off while it lasts, so that it need not go through what is made.
    """
    explained = Explained()
    begun = perf_counter()
    with collector_paused():
        # There may be a million leaks, all of which are closed: of their addresses there is one set.
        _explain(explained, set(wanted), {*closed, *wanted, *roots.closed()}, Blocks(acquired or {}))
    explained.seconds = perf_counter() - begun
    return explained


def _explain(explained: Explained, wanted: set[int], stops: set[int], blocks: Blocks) -> None:
    if not wanted:
        return
    walk = Walk(wanted, stops)
    _walk_all(walk)
    targets = _tell(walk, wanted, explained)
    left = wanted - explained.holders.keys()
    explained.objects = len(walk.order)
    if not left:
        return
    met = walk.met() - left
    left -= _by_leaks(left, targets, met, explained)
    untracked = explain_unreached(left, met, explained.holders, blocks)
    if untracked:
        thorough = Walk(untracked, stops, thorough=True)
        _walk_all(thorough)
        _tell(thorough, untracked, explained)
        explained.objects += len(thorough.order)
    for address in left - explained.holders.keys():
        explained.holders[address] = (by_block(blocks, address) or _nobody(),)


def _by_leaks(left: set[int], leaks: dict[int, Any], met: set[int], explained: Explained) -> set[int]:
    """Tell those that nothing holds but another leak, or one that is held by it; give their addresses."""
    told: set[int] = set()
    while leaks and left - told:
        walk = Walk(left - told, (met - leaks.keys()) | (left - told))
        walk.go([_leaked(leak) for leak in leaks.values()])
        leaks = _tell(walk, left - told, explained, always=verdicts.ANOTHER_LEAK)
        met |= walk.met() - left
        told |= leaks.keys()
    return told


def _leaked(obj: object) -> Root:
    return Root([obj], f"{type_name(type(obj))} (leaked too)", verdicts.ANOTHER_LEAK, named=False)


def _nobody() -> Holder:
    frozen = gc.get_freeze_count()
    hidden = f"nothing that is visible; gc.freeze() hides {frozen} objects" if frozen else "nothing that is visible"
    return Holder(verdicts.UNKNOWN, (hidden,))


def _walk_all(walk: Walk) -> None:
    users, libraries = roots.modules()
    walk.go([*roots.registrations(), *users], libraries, roots.at_present())


def _tell(walk: Walk, wanted: set[int], explained: Explained, always: str | None = None) -> dict[int, Any]:
    """Tell the ways that a walk has found; give the objects that they lead to, by address."""
    namer = Namer()
    targets: dict[int, Any] = {}
    told: list[tuple[int, Root, list[Any]]] = []
    held: dict[int, dict[int, Any]] = {}
    for address, ways in walk.ways(wanted).items():
        for way in ways:
            objects = [walk.order[position] for position in way]
            if way[-1] not in held:
                held[way[-1]] = _held(objects[-1], wanted)
            if address in held[way[-1]]:
                targets[address] = held[way[-1]][address]
                told.append((address, walk.roots[way[0]], [*objects, targets[address]]))
                namer.expect(told[-1][2], partial(walk.guess, way))
    found: dict[int, dict[Holder, tuple[bool, int]]] = {}
    for address, root, objects in told:
        holder = judged(namer.tell(root, objects), always)
        # Of those that are as good as each other the first that was found is the best.
        found.setdefault(address, {}).setdefault(holder, (holder.verdict in _PASSING, root.rank))
    for address, holders in found.items():
        explained.holders[address] = tuple(sorted(holders, key=holders.__getitem__))
    return targets


def _held(holder: Any, wanted: set[int]) -> dict[int, Any]:
    """Give those of the objects that are looked for to which one of their holders refers, by address."""
    return {id(each): each for each in those_at(wanted, gc.get_referents(holder))}
