"""Families: the leaks of what depends on a leaked resource are told with it. One finding, not forty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from lifetrack.ledger.entries import EXTRA, Entry, place_of
from lifetrack.ownership.custody import ObjectPlace
from lifetrack.values.findings import Finding

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
    leaked = {_key(entry): number for number, (entry, _) in enumerate(pairs)}
    below: dict[int, list[int]] = {}
    top = []
    for number, (entry, _) in enumerate(pairs):
        above = _nearest(entry, leaked)
        if above is None or above == number:
            top.append(number)
        else:
            below.setdefault(above, []).append(number)
    return [_with_children(number, pairs, below) for number in top]


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
