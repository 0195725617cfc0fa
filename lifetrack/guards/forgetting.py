"""Forgetting: what happens when a released object is gone. It may be in the garbage collector, so it takes no lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifetrack.ledger.departures import COUNTED
from lifetrack.ledger.entries import part_from_children
from lifetrack.ledger.ledger import Ledger


def forgetter(ledger: Ledger) -> Callable[[Any], None]:
    """Make the ``__del__`` of released objects: it takes the entry out, and has it counted where it was released."""
    take, later = ledger.entries.pop, ledger.departures.later
    turns = iter(range(COUNTED))

    # It stands on the path of every released object: numbers in place of names, and nothing that is not needed.
    def forget(self: Any) -> None:
        try:
            entry = take(id(self))
            if entry[10] is not None:  # EXTRA
                part_from_children(entry)
            if entry[1] < 10_000:  # NUMBER, and departures.COUNTED
                later(entry)
        except (KeyError, TypeError):  # taken out before; or never acquired while tracking was on, so without a number
            pass

    # With a journal the number is not at hand: the first ones of this class that go are counted.
    def forget_journaled(self: Any) -> None:
        try:
            entry = take(id(self))
            if entry[10] is not None:  # EXTRA
                part_from_children(entry)
            for _ in turns:
                later(entry)
                break
        except (KeyError, ValueError):  # taken out before; or another thread took the last turn in this moment
            pass

    return forget if ledger.journal is None else forget_journaled
