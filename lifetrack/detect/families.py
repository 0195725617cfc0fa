"""Families: the leaks of what depends on a leaked resource are told with it. One finding, not forty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from lifetrack.ledger.entries import EXTRA, KIND, Entry, place_of
from lifetrack.ownership.custody import ObjectPlace
from lifetrack.values.findings import Finding

#: How deep families are told: a list of linked resources can be longer than a stack is deep.
_GENERATIONS = 20

#: Rules about time and number: closing what something depends on is no answer to them.
_ALONE = {"LT107", "LT108"}
#: A leak with the entry that it is about.
Leak: TypeAlias = tuple[Entry, Finding]


def upper(entry: Entry) -> Entry | None:
    """Give the entry of the resource that one depends on: its parent, else the tracked object that owns it."""
    extra = entry[EXTRA]
    if extra is not None and extra.parent is not None:
        parent: Entry = extra.parent
        return parent
    place = place_of(entry).owner()
    return place.entry if isinstance(place, ObjectPlace) else None


def _key(entry: Entry) -> int:
    """Tell the resource: an entry, or the copy of it that a case keeps, by the part that both share."""
    return id(entry if entry[EXTRA] is None else entry[EXTRA])


def fold(leaks: Iterable[Leak]) -> list[Finding]:
    """Put leaks under the nearest leaked resource that they depend on; the others stay in their order."""
    pairs = list(leaks)
    if len(pairs) < 2:
        return [finding for _, finding in pairs]
    leaked = {_key(entry): number for number, (entry, _) in enumerate(pairs)}
    aboves: dict[int, int] = {}
    for number, (entry, _) in enumerate(pairs):
        above = _nearest(entry, leaked)
        if above is not None and above != number and _covers(pairs[above], pairs[number]):
            aboves[number] = above
    _break_circles(aboves)
    _flatten(aboves)
    below: dict[int, list[int]] = {}
    for number, above in aboves.items():
        below.setdefault(above, []).append(number)
    return [_with_children(number, pairs, below) for number in range(len(pairs)) if number not in aboves]


def _break_circles(aboves: dict[int, int]) -> None:
    """Let the first of some that depend on each other stand alone, as a parent does that is owned by its child."""
    done: set[int] = set()
    for start in list(aboves):
        line: list[int] = []
        number = start
        while number in aboves and number not in done:
            done.add(number)
            line.append(number)
            number = aboves[number]
        if number in line:
            del aboves[min(line[line.index(number) :])]


def _flatten(aboves: dict[int, int]) -> None:
    """Bound the generations: what stands deeper becomes a child of the deepest one that may have any."""
    generations: dict[int, int] = {}
    for start in list(aboves):
        line = [start]
        while line[-1] in aboves and line[-1] not in generations:
            line.append(aboves[line[-1]])
        for number in reversed(line):
            if number not in generations:
                above = aboves.get(number)
                generation = 0 if above is None else generations[above] + 1
                if above is not None and generation > _GENERATIONS:
                    aboves[number], generation = aboves[above], _GENERATIONS
                generations[number] = generation


def _covers(parent: Leak, child: Leak) -> bool:
    """Whether a leak is told well enough below another one: what is surer, or not allowed as that is, stands alone.

    So does a check-out from a pool: closing the pool would not mend it.
    """
    if child[1].rule in _ALONE and parent[1].rule != child[1].rule:
        return False
    if child[0][KIND].declaration.lent and not parent[0][KIND].declaration.lent:
        return False
    return parent[1].allowed == child[1].allowed and parent[1].certainty >= child[1].certainty


def _nearest(entry: Entry, leaked: dict[int, int]) -> int | None:
    seen = {_key(entry)}
    above = upper(entry)
    while above is not None and _key(above) not in seen:
        if _key(above) in leaked:
            return leaked[_key(above)]
        seen.add(_key(above))
        above = upper(above)
    return None


def _with_children(number: int, pairs: Sequence[Leak], below: dict[int, list[int]]) -> Finding:
    finding = pairs[number][1]
    if number not in below:
        return finding
    children = tuple(_with_children(child, pairs, below) for child in below[number])
    return replace(finding, children=children)
