"""What a ledger with a journal has in place of its list of what the collector noticed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lifetrack.ledger.entries import Entry

if TYPE_CHECKING:
    from lifetrack.journal.writer import Journal


class NotedPending(deque[Entry]):
    """What the collector noticed."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def append(self, entry: Entry) -> None:
        """Note a collected resource; runs in the garbage collector."""
        self._journal.collected(entry)
        super().append(entry)
