"""The ground of a journal: its map, its changing words, and the types that it knows."""

from __future__ import annotations

from itertools import count
from time import time_ns
from typing import TYPE_CHECKING, Any

from lifetrack.journal import format as form
from lifetrack.journal.names import Names
from lifetrack.journal.slots import Slots
from lifetrack.journal.sweeping import sweep
from lifetrack.journal.telling import is_usual, told_of
from lifetrack.ledger.entries import Kind, counted
from lifetrack.ledger.moment import Who
from lifetrack.values.records import UNKNOWN, UNTRACKABLE

if TYPE_CHECKING:
    from lifetrack.ledger.ledger import Ledger


#: How often a name finds no room before room is looked for again.
_PATIENCE = 4096


class Threads(dict[Who | None, int]):
    """The numbers of threads' names; 0 where only the time was noted."""

    __slots__ = ("_names",)

    def __init__(self, names: Names) -> None:
        super().__init__({None: 0})
        self._names = names

    def __missing__(self, who: Who | None) -> int:
        return 0 if who is None else self._names.lasting(lambda: self._meet(who))

    def _meet(self, who: Who) -> int:
        number = self[who] = self._names.text(who.name, passing=True)
        return number


class Ground:
    """What the journal of one ledger stands on."""

    def __init__(self, ledger: Ledger) -> None:
        self.names, self.slots = Names(), Slots()
        self.threads = Threads(self.names)
        self._ledger = ledger
        self._kinds: list[Kind] = []
        self._map: Any = None
        #: The map of the parent process, in a forked child that has none yet.
        self._before: Any = None
        self._level = 0
        self._unkept: dict[int, tuple[count[int], count[int], count[int]]] = {}
        self._waits = count()
        self._words: Any = memoryview(bytearray(form.TABLES_AT)).cast("Q")
        self._tables: dict[str, form.Table] = {}
        self._unnamed, self._unkept_findings = count(), count()

    # -- the file --------------------------------------------------------------------------------------------------

    def begin(self, mapping: Any, tables: dict[str, form.Table]) -> None:
        """Write to this map from now on; after :meth:`leave` what was known there is known here too."""
        before, self._before = self._before, None
        self._unnamed, self._unkept_findings = count(), count()
        self._events, self._findings = count(1), count(1)
        #: The number of the last finding of one kind and place.
        self._last_of: dict[int, int] = {}
        self._unkept = {}
        self._tables, self._map = tables, mapping
        self._words = memoryview(mapping).cast("Q")
        if before is None:
            self.names.begin(mapping, tables["cells"], self._note_cells, self._make_room)
        else:
            self.names.resume(before, mapping, tables["cells"])
        self.level(self._level)
        kinds, self._kinds = self._kinds or self._ledger.kinds.copy(), []
        for kind in kinds:
            self.meet(kind)
        self.slots.begin(self._words, tables["slots"], self._note_slots, self.checkpoint)

    def leave(self) -> None:
        """Write to no file any more: what comes goes nowhere."""
        if self._map is None:
            return
        self._before, self._map, self._unkept = self._map, None, {}
        self.names.pause()
        self.slots.end()
        self._words = memoryview(bytearray(form.TABLES_AT)).cast("Q")

    def _set(self, word: int, value: int) -> None:
        self._words[form.WORDS_AT // 8 + word] = value

    def _note_cells(self, step: int, end: int) -> None:
        self._set(form.CELLS_BEGUN + step % form.BEGUN_WORDS, end)

    def _note_slots(self, step: int, end: int) -> None:
        self._set(form.SLOTS_BEGUN + step % form.BEGUN_WORDS, end)

    def level(self, level: int) -> None:
        """Note how much is recorded from now on."""
        self._level = level
        self._set(form.LEVEL, level)

    def _make_room(self) -> bool:
        """Forget names that nothing refers to any more; give whether there were any. What finds no room is counted."""
        waits = self._waits
        if self._map is not None and next(waits) >= 0:
            freed = sweep(self.names, self.threads, self._map, self._tables, self.slots)
            if freed < self._tables["cells"].count // 64:
                self._waits = count(-_PATIENCE)  # where it is of no use it is not tried each time
            if freed:
                return True
        self._note_one(form.WORDS_AT // 8 + form.UNNAMED, self._unnamed)
        return False

    def end(self, ending: str) -> None:
        """Note how the process ends, and what only the ledger knows."""
        self.checkpoint()
        for word, what in ((form.UNTRACKABLE, UNTRACKABLE), (form.UNKNOWN, UNKNOWN)):
            self._set(word, sum(each.count for each in self._ledger.gaps.all() if each.what == what))
        self._set(form.ENDED, time_ns())
        self._set(form.ENDING, form.ENDINGS.index(ending))

    # -- types -----------------------------------------------------------------------------------------------------

    def meet(self, kind: Kind) -> None:
        """Write down a type, before the first of its resources."""
        index = len(self._kinds) + 1
        self._kinds.append(kind)
        if self._map is None or index >= self._tables["kinds"].count:
            self._set(form.OTHER_KINDS, max(0, index - self._tables["kinds"].count + 1) if self._tables else 0)
            kind.noted = 0
            return
        name, told = self.names.text(kind.type_name), self.names.text(told_of(kind.declaration))
        usual = form.USUAL if is_usual(kind.declaration) else 0
        before = counted(kind.numbers)
        form.KIND.pack_into(
            self._map, self._tables["kinds"].place(index), name, told, usual, 0, before, before, 0, 0, 0
        )
        self._unkept[index] = count(), count(), count()
        kind.noted = index

    def _count_unkept(self, kind: Kind, last: int) -> None:
        """Count a resource that found no place, whose number is ``last``."""
        if kind.noted in self._unkept:
            mark = self._tables["kinds"].place(kind.noted) // 8 + form.KIND_MARK
            if self._words[mark] <= last:
                self._words[mark] = last + 1
            self._count(kind, form.KIND_UNKEPT)

    def _count(self, kind: Kind, word: int) -> None:
        counters = self._unkept.get(kind.noted)
        if counters is not None:
            place = self._tables["kinds"].place(kind.noted) // 8 + word
            self._note_one(place, counters[word - form.KIND_COLLECTED])

    def _note_one(self, place: int, counter: count[int]) -> None:
        """Count one more, and write down how many: again where others, who may have noted more, came in between."""
        next(counter)
        noted = -1
        while noted != counted(counter):
            self._words[place] = noted = counted(counter)

    def checkpoint(self) -> None:
        """Write down how many of each type there have been: their slots may be used again from here on."""
        table = self._tables["kinds"]
        for kind in self._kinds.copy():
            if kind.noted:
                self._words[table.place(kind.noted) // 8 + form.KIND_MARK] = counted(kind.numbers)
