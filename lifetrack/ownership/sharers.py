"""Those who share one object, told to the journals as they come and go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lifetrack.guards import active
from lifetrack.ledger.entries import Entry, Note
from lifetrack.ledger.journaling import LET_GO, Journaling


class NotedSharers(dict[int, Note]):
    """The handles that have not let go, by address. It changes in the garbage collector, too."""

    __slots__ = ("_told",)

    def __init__(self, told: Iterable[tuple[Journaling, Entry]]) -> None:
        super().__init__()
        self._told = tuple(told)

    def __setitem__(self, key: int, note: Note) -> None:
        for journal, entry in self._told:
            journal.event(entry, note)
        super().__setitem__(key, note)

    def pop(self, key: int, default: Any = None) -> Any:
        """Take a handle out; give its note, or ``default``."""
        note = super().pop(key, None)
        if note is None:
            return default
        for journal, entry in self._told:
            journal.event(entry, (LET_GO, note[1], None, note[3]))
        return note


def sharers_of(obj: object) -> dict[int, Note]:
    """Make room for those who share an object."""
    told = [
        (engine.ledger.journal, entry)
        for engine in active.engines
        if engine.ledger.journal is not None and (entry := engine.ledger.entries.get(id(obj))) is not None
    ]
    return NotedSharers(told) if told else {}
