"""Sweeping: names that come and go, such as those of tasks, give their room back when nothing refers to them."""

from __future__ import annotations

import sys
from typing import Any

from lifetrack.journal.format import EVENT, OPEN_STATES, SLOT, Table
from lifetrack.journal.names import Names
from lifetrack.journal.slots import Slots
from lifetrack.ledger.moment import Who

#: The youngest names stay: somebody may be about to refer to them.
_YOUNGEST = 256
#: Where the state stands among the fields of a slot.
_STATE = 13


def sweep(names: Names, threads: dict[Who | None, int], mapping: Any, tables: dict[str, Table], slots: Slots) -> int:
    """Forget every passing name that no record refers to; give how many cells that has freed.

    Where that is little, resources that have ended are forgotten too, and only what is open counts.
    """
    table, begun = tables["slots"], slots.begun()
    freed = _forget(names, threads, _referred(mapping, tables, begun, only_open=False))
    if freed < tables["cells"].count // 8:
        slots.wipe()
        freed += _forget(names, threads, _referred(mapping, {"slots": table}, begun, only_open=True))
    return freed


def _forget(names: Names, threads: dict[Who | None, int], used: set[int]) -> int:
    youngest = max(names.passing, default=0) - min(_YOUNGEST, len(names.passing) // 4)
    running = sys._current_frames()
    for who, number in threads.copy().items():  # a thread's name stays as long as the thread
        if who is None or who.ident in running:
            used.add(number)
        elif number not in used:
            threads.pop(who, None)
    passing = names.passing.copy()
    for number, (_, _, refers) in passing.items():
        if number in used or number > youngest:
            used.update(refers)
    return names.forget(number for number in passing if number not in used and number <= youngest)


def _referred(mapping: Any, tables: dict[str, Table], slots: int, *, only_open: bool) -> set[int]:
    used: set[int] = set()
    table = tables["slots"]
    for record in SLOT.iter_unpack(mapping[table.at : table.place(slots)]):
        if not only_open or record[_STATE] & 0xFF in OPEN_STATES:
            used.update(record[4:9])
    for name in ("events", "findings"):
        if name in tables:
            table = tables[name]
            for record in EVENT.iter_unpack(mapping[table.at : table.place(table.count)]):
                used.update((record[5], record[7], record[8]))
    return used
