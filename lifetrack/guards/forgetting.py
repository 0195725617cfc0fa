"""Forgetting: what happens when a released object is gone. It may be in the garbage collector, so it takes no lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifetrack.ledger.entries import part_from_children
from lifetrack.ledger.ledger import Ledger


def forgetter(ledger: Ledger) -> Callable[[Any], None]:
    """Make the ``__del__`` of released objects: it takes the entry out, and has it counted where it was released."""
    take, tally, later = ledger.entries.pop, ledger.departures.tally, ledger.departures.later

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

    # With a journal the number is not at hand, so every one of them is counted.
    def forget_journaled(self: Any) -> None:
        entry = take(id(self), None)
        if entry is None:
            return
        if entry[10] is not None:  # EXTRA
            part_from_children(entry)
        tally(entry)

    return forget if ledger.journal is None else forget_journaled
