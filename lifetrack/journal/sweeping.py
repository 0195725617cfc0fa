"""Sweeping: names that come and go, such as those of tasks, give their room back when nothing refers to them.

Others go on to write meanwhile, and may be about to refer to a name whose number they have. So what nothing refers to
is withdrawn first, which they see when they have written; then the records are looked at once more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from lifetrack.journal.format import EVENT, OPEN_STATES, SLOT, Table
from lifetrack.journal.names import Names, Passing
from lifetrack.journal.slots import Slots
from lifetrack.ledger.moment import Who

#: Where the thread of the release and the state stand among the fields of a slot.
_RELEASED_BY, _STATE = 12, 13


def sweep(names: Names, threads: dict[Who | None, int], mapping: Any, tables: dict[str, Table], slots: Slots) -> int:
    """Forget every passing name that no record refers to; give how many cells that has freed.

    Where that is little, resources that have ended are forgotten too, with their events.
    """
    freed = _forget(names, threads, lambda: _Records(mapping, tables, slots.begun()).referred())
    if freed < tables["cells"].count // 8:
        # What another thread is forgetting at the moment counts as forgotten.
        only_open = not slots.wipe()
        freed += _forget(names, threads, lambda: _Records(mapping, tables, slots.begun()).referred_by_kept(only_open))
    return freed


def _forget(names: Names, threads: dict[Who | None, int], referred: Callable[[], set[int]]) -> int:
    passing = names.passing.copy()  # what comes later stays
    used = referred() | _of_running(threads)
    _add_parts(used, passing)
    taken = names.withdraw(number for number in passing if number not in used)
    used = referred() | _of_running(threads)
    for _, _, refers in names.passing.copy().values():
        used.update(refers)
    _add_parts(used, taken)
    names.restore({number: name for number, name in taken.items() if number in used})
    freed = names.forget({number: name for number, name in taken.items() if number not in used})
    for who, number in threads.copy().items():
        if number in taken and number not in used:
            threads.pop(who, None)
    return freed


def _of_running(threads: dict[Who | None, int]) -> set[int]:
    """Give the names of threads that are at work: each stays as long as its thread."""
    running = sys._current_frames()
    return {number for who, number in threads.copy().items() if who is None or who.ident in running}


def _add_parts(used: set[int], names: dict[int, Passing]) -> None:
    """Add the names that those in use consist of."""
    for number, (_, _, refers) in names.items():
        if number in used:
            used.update(refers)


class _Records:
    """The records of a journal as they are now."""

    def __init__(self, mapping: Any, tables: dict[str, Table], slots: int) -> None:
        at = tables["slots"]
        self._slots = bytes(mapping[at.at : at.place(slots)])
        self._events, self._findings = (_whole(mapping, tables[name]) for name in ("events", "findings"))

    def referred(self) -> set[int]:
        """Give the numbers of all names that a record refers to."""
        return _names_in(SLOT.iter_unpack(self._slots), EVENT.iter_unpack(self._events + self._findings))

    def referred_by_kept(self, only_open: bool) -> set[int]:
        """As :meth:`referred`, of resources that are there still, or of open ones alone."""
        there = {(slot[0], slot[1]) for slot in self._kept(only_open)}
        events = (event for event in EVENT.iter_unpack(self._events) if (event[1], event[2]) in there)
        return _names_in(self._kept(only_open), chain(events, EVENT.iter_unpack(self._findings)))

    def _kept(self, only_open: bool) -> Iterator[Any]:
        for slot in SLOT.iter_unpack(self._slots):
            if slot[3] and (not only_open or slot[_STATE] & 0xFF in OPEN_STATES):
                yield slot


def _names_in(slots: Iterable[Any], events: Iterable[Any]) -> set[int]:
    used: set[int] = set()
    for slot in slots:
        used.update(slot[4:9])
        used.add(slot[_RELEASED_BY])
    for event in events:
        used.update((event[5], event[7], event[8]))
    return used


def _whole(mapping: Any, table: Table) -> bytes:
    return bytes(mapping[table.at : table.place(table.count)])
