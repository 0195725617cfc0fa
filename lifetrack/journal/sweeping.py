"""Sweeping: names that come and go, such as those of tasks, give their room back when nothing refers to them."""

from __future__ import annotations

import sys
from typing import Any

from lifetrack.journal.format import EVENT, SLOT, Table
from lifetrack.journal.names import Names
from lifetrack.ledger.moment import Who

#: The youngest names stay: somebody may be about to refer to them.
_YOUNGEST = 256


def sweep(names: Names, threads: dict[Who, int], mapping: Any, tables: dict[str, Table], slots: int) -> bool:
    """Forget every passing name that no record refers to; give whether there was one.

    A thread's name stays as long as the thread.
    """
    youngest = max(names.passing, default=0) - _YOUNGEST
    used = _referred(mapping, tables, slots)
    running = sys._current_frames()
    for who, number in threads.copy().items():
        if who.ident in running:
            used.add(number)
        elif number not in used:
            threads.pop(who, None)
    for number, (_, _, refers) in names.passing.copy().items():
        if number in used or number > youngest:
            used.update(refers)
    unused = [number for number in names.passing.copy() if number not in used and number <= youngest]
    names.forget(unused)
    return bool(unused)


def _referred(mapping: Any, tables: dict[str, Table], slots: int) -> set[int]:
    used: set[int] = set()
    table = tables["slots"]
    for record in SLOT.iter_unpack(mapping[table.at : table.place(slots)]):
        used.update(record[4:8])
    for name in ("events", "findings"):
        table = tables[name]
        for record in EVENT.iter_unpack(mapping[table.at : table.place(table.count)]):
            used.update((record[5], record[7], record[8]))
    return used
