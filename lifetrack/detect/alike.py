"""Alike: open entries that nothing tells apart, of which one is rendered for all. A report may be about a million."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from lifetrack.ledger.entries import EXTRA, KIND, OFFSET, SCOPE, STATE, TRACE, Entry
from lifetrack.ledger.ledger import Ledger
from lifetrack.ownership.custody import ObjectPlace

#: What an entry may have beyond the plain ones without being told apart by it.
_PLAIN = {"reference", "serial", "certainty"}


def alike(ledger: Ledger, entries: Iterable[Entry]) -> list[tuple[Entry, int]]:
    """Give the first of those that are alike, and how many they are; what has a story of its own stands alone."""
    owners = {id(place.entry) for place in ledger.owners.copy().values() if isinstance(place, ObjectPlace)}
    numbers: dict[Hashable, int] = {}
    firsts: list[tuple[Entry, Hashable]] = []
    for entry in entries:
        key = None if id(entry) in owners else _key(entry)
        if key is None:
            key = len(firsts)
        if key in numbers:
            numbers[key] += 1
        else:
            numbers[key] = 1
            firsts.append((entry, key))
    return [(entry, numbers[key]) for entry, key in firsts]


def _key(entry: Entry) -> Hashable:
    """Give what tells an entry from others, by the addresses of what the entries keep; None if it stands alone."""
    extra, certainty = entry[EXTRA], None
    if extra is not None:
        if not vars(extra).keys() <= _PLAIN or bool(getattr(extra.reference, "parts", ())):
            return None
        certainty = extra.certainty.value
    if len(entry) > EXTRA + 1:
        return None  # a lock
    return entry[STATE], id(entry[KIND]), id(entry[SCOPE]), certainty, _way(entry[TRACE], entry[OFFSET])


def _way(trace: Any, offset: int | None) -> Hashable:
    """Give the way to an acquisition: code objects by their addresses, as their hashes are dear."""
    if not isinstance(trace, tuple):
        return id(trace), offset
    if len(trace) == 5:  # as the fast path captures it
        return id(trace[0]), trace[1], id(trace[2]), trace[3], id(trace[4])
    return tuple(id(part) if index % 2 == 0 else part for index, part in enumerate(trace[:-1]))
