"""What stands in the entries of watched objects, and what is done when the collector has taken one."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

from lifetrack.ledger.entries import EXTRA, OPEN_STATES, STATE, Entry, part_from_children
from lifetrack.ledger.ledger import Ledger


class Reference(weakref.ref[Any]):
    """A weak reference that knows the key of the entry it stands in."""

    __slots__ = ("key", "parts")
    key: int
    #: What the object is made of. When nothing of it is open any more, the object has nothing left to release.
    parts: tuple[Entry, ...]


def part_from_all(entry: Entry) -> None:
    """Forget what a resource whose object is gone was made of, and what depends on it."""
    part_from_children(entry)
    reference = None if entry[EXTRA] is None else entry[EXTRA].reference
    if isinstance(reference, Reference):
        reference.parts = ()


def has_open_part(parts: tuple[Entry, ...], state: int = STATE, open_states: frozenset[int] = OPEN_STATES) -> bool:
    """Whether something that an object is made of is open; also where nothing is known of that."""
    return not parts or any(part[state] in open_states for part in parts)


def ending(ledger: Ledger) -> Callable[[Entry], None]:
    """Give what tells the journal, if there is one, that a duty is over; runs in the garbage collector."""
    journal, finalizing = ledger.journal, sys.is_finalizing

    def end(entry: Entry) -> None:
        if journal is not None and not finalizing():
            journal.ended(entry)

    return end
