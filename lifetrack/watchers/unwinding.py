"""Frames that an exception leaves, told by the interpreter itself: from Python 3.12 on, as it happens.

Nothing is asked while no exception leaves a function. Older Pythons do not tell; there is only what a traceback shows
that somebody still has, see :mod:`lifetrack.ledger.leaving`.
"""

from __future__ import annotations

import sys
from sys import _getframe
from types import CodeType
from typing import Any

from lifetrack.ledger.entries import EXTRA, FINALIZING, OPEN_STATES, STATE, Entry, acquire_stack
from lifetrack.ledger.leaving import note_unwound
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values.newest import newest, since

#: The numbers that no kind of tool has a claim to; the others are a debugger's, a coverage tool's, a profiler's, …
_FREE = (4, 3)


#: Keys in a ledger that no object and no mark has.
_OLD, _NEW = -(1 << 80), -(1 << 80) - 1


class _Known:
    """The user's functions that were running when anything was acquired that may still be open.

    Most functions that an exception leaves are none of them; this is all that is asked of those. A mark among the
    entries, which are in order of age, tells which of them are new.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.entries = ledger.entries
        #: Their addresses; one that is used again costs a look, no more.
        self.codes: set[int] = set()
        #: The key of the mark.
        self.mark, self._other = _OLD, _NEW

    def learn(self) -> None:
        """Look at the entries that are new."""
        before = self.mark
        self.mark, self._other = self._other, before
        self.entries.pop(self.mark, None)  # another thread may be at this too; what counts is that it stands last
        self.entries[self.mark] = [FINALIZING, *[None] * EXTRA]
        for key in since(self.entries, before):
            entry = self.entries.get(key)
            if entry is not None:  # else another thread has released it meanwhile
                self._add(entry)
        self.entries.pop(before, None)

    def _add(self, entry: Entry) -> None:
        if entry[STATE] in OPEN_STATES:
            self.codes.update(id(code) for code, _ in acquire_stack(entry) if FILES[code.co_filename] == USER)

    def forget(self) -> None:
        """Take the mark away."""
        for mark in (_OLD, _NEW):
            self.entries.pop(mark, None)


class _Listening:
    """The one callback that all trackers share."""

    def __init__(self) -> None:
        self._known: tuple[_Known, ...] = ()
        self._tool: int | None = None

    def join(self, known: _Known) -> None:
        """Let a ledger be told."""
        if not self._known:
            self._begin()
        self._known = (*self._known, known)

    def leave(self, known: _Known) -> None:
        """Let it be told no more; with the last one, the interpreter is not asked any more."""
        self._known = tuple(each for each in self._known if each is not known)
        known.forget()
        if not self._known:
            self._end()

    def _begin(self) -> None:
        monitoring: Any = getattr(sys, "monitoring", None)
        for tool in _FREE if monitoring is not None else ():
            try:
                monitoring.use_tool_id(tool, "lifetrack")
            except ValueError:  # taken
                continue
            self._tool = tool
            monitoring.register_callback(tool, monitoring.events.PY_UNWIND, self._unwound)
            monitoring.set_events(tool, monitoring.events.PY_UNWIND)
            return

    def _end(self) -> None:
        tool, self._tool = self._tool, None
        if tool is None:
            return
        monitoring: Any = getattr(sys, "monitoring", None)
        monitoring.set_events(tool, monitoring.events.NO_EVENTS)
        monitoring.register_callback(tool, monitoring.events.PY_UNWIND, None)
        monitoring.free_tool_id(tool)

    def _unwound(self, code: CodeType, _offset: int, error: BaseException) -> None:
        try:
            for known in self._known:
                entries = known.entries
                if not entries:
                    continue
                if newest(entries) != known.mark:
                    known.learn()
                if id(code) in known.codes:
                    note_unwound(entries, error, _getframe(1))
        except Exception:  # noqa: S110 - an exception from here would take the place of the program's own
            pass


_listening = _Listening()


class Unwinding:
    """Notes for one ledger which frames an exception leaves, until it is removed."""

    def __init__(self, ledger: Ledger) -> None:
        self._known = _Known(ledger)
        _listening.join(self._known)

    def remove(self) -> None:
        """Stop it; does nothing the second time."""
        _listening.leave(self._known)
