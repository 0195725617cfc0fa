"""Names: what events refer to is written once, in small cells, and called by a number from then on.

Nobody waits in here, for the collector or a signal may lead a thread back into it at any time: cells and numbers are
handed out by single atomic operations, and what two threads write at once is written twice.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from types import CodeType
from typing import Any, TypeAlias, TypeVar

from lifetrack.journal.format import (
    CELL,
    CELL_TEXT,
    FRAME,
    FRAME_BODY,
    LAST,
    LONGEST,
    OWNER,
    OWNER_BODY,
    RELEASED,
    STACK,
    TEXT,
    Table,
)
from lifetrack.ledger.capture import Trace
from lifetrack.ledger.entries import counted
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.ledger.territory import FILES, OURS, RUNNER, USER, is_launcher
from lifetrack.values.stacks import Stack, line_of

#: How many code objects, and how many tails of stacks, are known by address at once.
_MOST_KNOWN = 16384
#: After how many cells it is noted how far they go, and how far ahead: a thread may be held up before it has noted it.
_STEP, _AHEAD = 64, 1024
#: How often something is written again, because names were withdrawn meanwhile: where hardly any room is left for names
#: that may happen each time.
_TRIES = 8
#: Stands for a frame where the program's stack is over.
_OVER = -1
_NO_CELLS = Table(0, 0, CELL.size)
_Written = TypeVar("_Written")


#: A code object, which is kept so that its address stays its own, and the numbers of the frames in it by offset.
Known: TypeAlias = tuple[CodeType, dict[int, int]]


#: A name that comes and goes: what it is known by, its cells, and the names that it refers to.
Passing: TypeAlias = tuple[object, list[int], tuple[int, ...]]
#: What is said of an owner: its name and kind, the scope and the test that it stands in, and why it may leak.
Owner: TypeAlias = tuple[str, str, str | None, str | None, str | None]
_PROCESS: Owner = "process", "process", None, None, None


def owner_of(place: Place) -> Owner:
    """Tell the owner that a place stands for."""
    owner = scope = test = reason = None
    for each in place.lineage():
        kind = each.kind
        if kind == "allow":
            reason = reason or each.reason
            continue
        owner = owner or each
        if each is not PROCESS and not each.is_owner:
            scope = scope or each.name
            test = test or (each.name if kind == "test" else None)
    owner = owner or PROCESS
    return owner.name, owner.kind, scope, test, reason


def room(code: CodeType) -> tuple[CodeType, list[int | None]] | None:
    """Make room for one number at each offset of a code object of the user's; None for others' code."""
    return (code, [None] * (len(code.co_code) + 2)) if FILES[code.co_filename] == USER else None


class Names:
    """The names of one journal. ``cells`` is where they are written, ``unnamed`` counts what did not fit."""

    def __init__(self) -> None:
        self._known: dict[object, int] = {}
        self._codes: dict[int, Known] = {}
        #: Stacks, and their older frames, that were seen last, by their first frame.
        self._traces: dict[tuple[int, int, int], tuple[Trace, int]] = {}
        self._tails: dict[int, tuple[Trace, int]] = {}
        self._fresh, self._spare = count(), deque[int]()
        self._numbers = count(1)
        #: The names that come and go, by number.
        self.passing: dict[int, Passing] = {}
        #: Another object each time that names were withdrawn. Who writes a number down and finds another one afterwards
        #: gets the number again: what is written by then is not withdrawn any more, see :meth:`withdraw`.
        self.swept = object()
        self._cells: Any = None
        self._table = _NO_CELLS
        self._written = 0

    def begin(self, cells: Any, table: Table, begun: Callable[[int, int], None], full: Callable[[], bool]) -> None:
        """Write to these cells from now on.

        ``begun`` notes the number of a step and up to where cells may be written; ``full`` makes room, if it can, when
        there is none.
        """
        self._cells, self._table, self._begun, self._full = cells, table, begun, full

    def pause(self) -> None:
        """Write nowhere any more."""
        self._cells, self._table, self._stock, self._spare = None, _NO_CELLS, self._spare, deque()
        self._written = counted(self._fresh)

    def resume(self, before: Any, cells: Any, table: Table) -> None:
        """Go on in other cells, which begin as a copy of those ``before``: the numbers stay what they were.

        What stands there behind the last cell of before the pause is the parent process's, which goes on to write.
        """
        begun = table.place(min(table.count, self._written))
        cells[table.at : begun] = before[table.at : begun]
        for known in (self._codes, self._traces, self._tails):  # what found no name meanwhile
            known.clear()
        self._cells, self._table, self._spare = cells, table, self._stock
        self._begun(self._written // _STEP, self._written + _AHEAD)

    # -- writing -------------------------------------------------------------------------------------------------

    def _cell(self) -> int | None:
        try:
            return self._spare.popleft()
        except IndexError:
            cell = next(self._fresh)
            if cell >= self._table.count:
                return None
            if cell % _STEP == 0:
                self._begun(cell // _STEP, cell + _AHEAD)
            return cell

    def has_much_room(self) -> bool:
        """Whether a quarter of the cells is free: findings leave that to what is acquired later."""
        free = self._table.count - counted(self._fresh) + len(self._spare)
        return free > self._table.count // 4

    def _room(self, needed: int) -> list[int]:
        """Take so many cells; none if there are not enough."""
        for _ in range(2):
            taken: list[int] = []
            while len(taken) < needed and (cell := self._cell()) is not None:
                taken.append(cell)
            if len(taken) == needed:
                return taken
            self._spare.extend(taken)
            if self._cells is None or not self._full():
                break
        return []

    def write(self, kind: int, body: bytes, key: object = None, refers: tuple[int, ...] = ()) -> int:
        """Write a name; give its number, or 0 if there is no room. One with a ``key`` may be forgotten later."""
        parts = [body[at : at + CELL_TEXT] for at in range(0, len(body), CELL_TEXT)] or [b""]
        taken = self._room(len(parts))
        if not taken:
            return 0
        number = next(self._numbers)
        for part, (cell, text) in enumerate(zip(taken, parts, strict=True)):
            kinds = kind | LAST if part == len(parts) - 1 else kind
            check = zlib.crc32(text, number ^ part << 16 ^ kinds << 24)
            CELL.pack_into(self._cells, self._table.place(cell), number, part, len(text), kinds, check, text)
        if key is not None:
            self.passing[number] = key, taken, refers
        return number

    def withdraw(self, numbers: Iterable[int]) -> dict[int, Passing]:
        """Let nobody get these numbers any more; give the names, to be restored or forgotten.

        Whoever got one before has written it down by now, which a look at the records shows, or sees :attr:`swept`.
        """
        taken = {number: name for number in numbers if (name := self.passing.pop(number, None)) is not None}
        if taken:
            self.swept = object()
        return taken

    def restore(self, names: dict[int, Passing]) -> None:
        """Let names that were withdrawn be got again."""
        self.passing.update(names)
        for number, (key, _, _) in names.items():
            self._known.setdefault(key, number)

    def forget(self, names: dict[int, Passing]) -> int:
        """Give the cells of withdrawn names back; give how many."""
        freed = 0
        for number, (key, taken, _) in names.items():
            if self._known.get(key) == number:
                self._known.pop(key, None)
            for cell in taken:
                CELL.pack_into(self._cells, self._table.place(cell), 0, 0, 0, 0, 0, b"")
            self._spare.extend(taken)
            freed += len(taken)
        return freed

    # -- texts and owners ----------------------------------------------------------------------------------------

    def text(self, text: str, *, passing: bool = False) -> int:
        """Give the number of a text; of the same one that stays and that may pass there are two."""
        key = text if passing else (text,)
        number = self._known.get(key)
        if number is None or (passing and number not in self.passing):
            body = text.encode("utf-8", "surrogatepass")[:LONGEST]
            number = self.write(TEXT, body, text if passing else None)
            if number:
                self._known[key] = number
        return number

    def owner(self, place: Place | None) -> int:
        """Give the number of the owner that a place stands for; 0 is the process."""
        if place is None:
            return 0
        key = owner_of(place)
        number = self._known.get(key)
        if number is None or number not in self.passing:
            if key == _PROCESS:
                return 0
            number = self.lasting(lambda: self._new_owner(key))
            if number:
                self._known[key] = number
        return number

    def _new_owner(self, key: Owner) -> int:
        parts = [0 if part is None else self.text(part, passing=True) for part in key]
        return self.write(OWNER, OWNER_BODY.pack(*parts), key, tuple(parts))

    def lasting(self, write: Callable[[], _Written]) -> _Written:
        """Write down what refers to names that may pass: again where some were withdrawn meanwhile."""
        for _ in range(_TRIES):
            seen = self.swept
            written = write()
            if self.swept is seen:
                break
        return written

    # -- places in the code --------------------------------------------------------------------------------------

    def rendered(self, stack: Stack) -> int:
        """Give the number of a stack that is rendered already; 0 for an empty one."""
        frames = [self._known_frame((site.file, site.function, site.line), FILES[site.file]) for site in stack]
        return self._stack((0, *filter(None, frames))) if any(frames) else 0

    def _known_frame(self, key: tuple[str, str, int], whose: int) -> int:
        number = self._known.get(key)
        if number is None:
            file, function = self.text(key[0]), self.text(key[1])
            number = self.write(FRAME, FRAME_BODY.pack(file, function, key[2], whose))
            if number:
                self._known[key] = number
        return number

    def _frame(self, code: CodeType, offset: int) -> int:
        whose = FILES[code.co_filename]
        if whose == OURS:
            return _OVER if is_launcher(code) else 0
        return self._known_frame((code.co_filename, code.co_qualname, line_of(code, offset)), whose)

    def _frame_at(self, code: CodeType, offset: int) -> int:
        known = self._codes.get(id(code))
        if known is None:
            if len(self._codes) > _MOST_KNOWN:
                self._codes.clear()
            known = self._codes[id(code)] = code, {}
        frame = known[1].get(offset)
        if frame is None:
            frame = known[1][offset] = self._frame(code, offset)
        return frame

    def site(self, code: CodeType, offset: int) -> int:
        """Give the number of the trace that is one frame."""
        frame = self._frame_at(code, offset)
        return self._stack((0, frame)) if frame > 0 else 0

    def end_at(self, code: CodeType, offset: int) -> int:
        """Give the word that stands for a release at a site."""
        return self.site(code, offset) << 8 | RELEASED

    def _stack(self, key: tuple[int, ...]) -> int:
        number = self._known.get(key)
        if number is None:
            number = self.write(STACK, struct.pack(f"={len(key)}I", *key))
            if number:
                self._known[key] = number
        return number

    def trace(self, trace: Trace | CodeType | None, offset: int | None) -> int:
        """Give the number of a captured stack, or of a lone site; 0 if there is none."""
        if trace is None:
            return 0
        if not isinstance(trace, tuple):
            return self.site(trace, offset or 0)
        if len(trace) < 2:
            return 0
        # A stack that was walked anew is as a rule one that was there before, which comparing tells at once: most of
        # its parts are the same objects.
        key = id(trace[0]), trace[1], trace[-2]
        known = self._traces.get(key)
        if known is not None and known[0] == trace and known[0][0] is trace[0]:
            return known[1]
        if len(self._traces) > _MOST_KNOWN:
            self._traces.clear()
        number = self._new_trace(trace)
        self._traces[key] = trace, number
        return number

    def _new_trace(self, trace: Trace) -> int:
        tail = trace[-1]
        frames = self._frames(trace)
        if frames and frames[-1] == _OVER:
            return self._stack((0, *frames[:-1]))
        return self._stack((0 if tail is None else self._tail(tail), *frames))

    def _frames(self, trace: Trace, *, is_tail: bool = False) -> list[int]:
        found: list[int] = []
        for index in range(0, len(trace) - 1, 2):
            is_runner = FILES[trace[index].co_filename] is RUNNER and (is_tail or bool(found))
            frame = _OVER if is_runner else self._frame_at(trace[index], trace[index + 1])
            if frame:
                found.append(frame)
            if frame == _OVER:
                break
        return found

    def _tail(self, tail: Trace) -> int:
        known = self._tails.get(id(tail[0]))
        if known is not None and known[0] == tail and known[0][0] is tail[0]:
            return known[1]
        frames = self._frames((*tail, None), is_tail=True)
        number = self._stack((0, *(frame for frame in frames if frame != _OVER)))
        if len(self._tails) > _MOST_KNOWN:
            self._tails.clear()
        self._tails[id(tail[0])] = tail, number
        return number
