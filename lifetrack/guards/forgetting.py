"""Forgetting: what happens when a released object is gone. It may be in the garbage collector, so it takes no lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifetrack.ledger.entries import EXTRA, part_from_children
from lifetrack.ledger.ledger import Ledger


def forgetter(ledger: Ledger) -> Callable[[Any], None]:
    """Make the ``__del__`` of released objects: it takes the entry out, and counts where it was released."""
    take, tally, which, extra = ledger.entries.pop, ledger.departures.tally, 0, EXTRA

    def forget(self: Any) -> None:
        nonlocal which
        try:
            entry = take(id(self))
            if entry[extra] is not None:
                part_from_children(entry)
            if not entry[1] & which:  # the number of the resource; of many only some count
                which = tally(entry)
        except (KeyError, TypeError):  # taken out before; or never acquired while tracking was on, so without a number
            pass

    return forget
