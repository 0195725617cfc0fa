"""The ledger: every entry, every open question from the garbage collector, and every case found."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from itertools import count
from time import perf_counter
from typing import Any

from lifetrack.ledger.capture import Trace
from lifetrack.ledger.entries import (
    EXTRA,
    FAILED,
    FINALIZING,
    HALF_RELEASED,
    KIND,
    OFFSET,
    OPEN_STATES,
    SCOPE,
    STATE,
    TRACE,
    Entry,
    Kind,
    counted,
    extra_of,
)
from lifetrack.ledger.moment import Moment
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.values.declarations import Declaration
from lifetrack.values.events import COLLECTED
from lifetrack.values.findings import Certainty, Finding

#: How many cases of one kind at one place are kept one by one; the rest is only counted.
KEPT_CASES = 100

RawEvent = tuple[str, Trace | None, Moment | None]


class Case:
    """One violation or leak, not yet rendered."""

    __slots__ = ("certainty", "count", "entry", "finding", "raised", "rule", "use")

    def __init__(self, rule: str, certainty: Certainty, entry: Entry, use: RawEvent | None) -> None:
        self.rule = rule
        self.certainty = certainty
        self.entry = entry
        self.use = use
        self.count = 1
        #: Whether its exception was raised, so that somebody has been told.
        self.raised = False
        #: The rendered finding, kept so that everybody is shown the same one.
        self.finding: Finding | None = None


class _Same:
    """The cases of one kind at one place. Like everything in a ledger it is changed by atomic operations only."""

    __slots__ = ("kept", "numbers")

    def __init__(self) -> None:
        self.kept: list[Case] = []
        self.numbers = count()

    def add(self, case: Case) -> None:
        """Keep a case, or count it only."""
        if next(self.numbers) < KEPT_CASES:
            self.kept.append(case)

    def cases(self) -> list[Case]:
        """Give the kept cases; the last one stands for those that are counted only, too."""
        kept = self.kept.copy()
        more = counted(self.numbers) - KEPT_CASES
        if more > 0 and kept and kept[-1].count != 1 + more:
            kept[-1].count = 1 + more
            kept[-1].finding = None
        return kept


def leak_rule(entry: Entry, otherwise: str) -> tuple[str, Certainty]:
    """Give the rule and certainty under which an open entry is a leak."""
    state = entry[STATE]
    if state == HALF_RELEASED:
        return "LT105", Certainty.PROVEN
    if state == FAILED:
        return "LT106", extra_of(entry).certainty
    return otherwise, Certainty.PROVEN if entry[EXTRA] is None else entry[EXTRA].certainty


def _origin(trace: Any, offset: int | None) -> tuple[int, int | None]:
    if isinstance(trace, tuple):
        return id(trace[0]), trace[1] if len(trace) > 1 else None
    return id(trace), offset


_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


def _after_fork() -> None:
    """Free the child of what the parent's collector noticed."""
    for ledger in list(_ledgers):
        ledger.pending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Ledger:
    """All that one tracker knows, safe under threads without a lock.

    The collector may run a finalizer of the program's in the middle of anything here, and that may wait for a thread
    which is on its way into the ledger. So nobody ever waits in here: all changes are single atomic operations.

    ``entries`` is keyed by the address of the object, which is unique while the object lives: whoever notices that an
    object is collected takes its entry out.
    """

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.pending: deque[Entry] = deque()
        self.place: ContextVar[Place] = ContextVar("lifetrack place", default=PROCESS)
        #: Not empty as soon as any scope or allowance was entered.
        self.scoped: list[bool] = []
        self.kinds: list[Kind] = []
        self.started = perf_counter()
        self.pid = os.getpid()
        self._cases: dict[tuple[object, ...], _Same] = {}
        self._serials = count(1)
        self._unknown = count()
        self._not_unknown = count()
        self._untrackable = count()
        self._marks = count(1)
        _ledgers.add(self)

    def new_kind(self, type_name: str, declaration: Declaration) -> Kind:
        """Open an account for a type."""
        kind = Kind(type_name, declaration)
        self.kinds.append(kind)
        return kind

    def note_unknown(self) -> None:
        """Count a release of something that was acquired before tracking began."""
        next(self._unknown)

    def note_untrackable(self) -> None:
        """Count an object that could not be tracked."""
        next(self._untrackable)

    def forget_unknown(self) -> None:
        """Take one such count back: the object was only under construction."""
        next(self._not_unknown)

    @property
    def unknown(self) -> int:
        """How many releases were of resources acquired before tracking began."""
        return counted(self._unknown) - counted(self._not_unknown)

    @property
    def untrackable(self) -> int:
        """How many objects could not be tracked."""
        return counted(self._untrackable)

    def serial_of(self, entry: Entry) -> int:
        """Give the resource's number, handed out when it is first asked for."""
        extra = extra_of(entry)
        if extra.serial is None:
            extra.serial = next(self._serials)
        return extra.serial

    # -- cases -------------------------------------------------------------------------------------------------

    def add_case(self, rule: str, certainty: Certainty, entry: Entry, use: RawEvent | None = None) -> Case:
        """File a violation or leak; beyond a number of the same kind and place they are counted only."""
        use_origin = None if use is None else _origin(use[1], None)
        # Kinds, places and code objects are kept by the cases themselves, so their addresses stay theirs.
        key = (rule, id(entry[KIND]), id(entry[SCOPE]), *_origin(entry[TRACE], entry[OFFSET]), use_origin)
        case = Case(rule, certainty, entry, use)
        self._cases.setdefault(key, _Same()).add(case)
        return case

    def cases(self) -> list[Case]:
        """Give all cases filed so far."""
        while True:
            try:
                return [case for same in self._cases.copy().values() for case in same.cases()]
            except RuntimeError:  # a collection during the copy filed one more
                continue

    def drain(self) -> list[Case]:
        """Take in what the garbage collector noticed; give the cases that are new."""
        new: list[Case] = []
        while True:
            try:
                entry = self.pending.popleft()
            except IndexError:
                return new
            entry[KIND].collect()
            extra = entry[EXTRA]
            if extra is not None and extra.reported is not None:
                continue
            rule, certainty = leak_rule(entry, "LT102")
            end: RawEvent | None = (COLLECTED, None, None) if rule == "LT102" else None
            new.append(self.add_case(rule, certainty, entry, end))

    # -- what is open --------------------------------------------------------------------------------------------

    def snapshot(self) -> list[Entry]:
        """Give all entries, oldest first, at one moment."""
        while True:
            try:
                return list(self.entries.copy().values())
            except RuntimeError:  # a collection during the copy took an entry out
                continue

    def open_entries(self) -> list[Entry]:
        """Give the entries whose duty is open, oldest first."""
        return [entry for entry in self.snapshot() if entry[STATE] in OPEN_STATES]

    def note_scoped(self) -> None:
        """Note that a place other than the process may be entered from now on."""
        if not self.scoped:
            self.scoped.append(True)

    def mark(self) -> int:
        """Leave a mark in the order of entries, for :meth:`open_since`."""
        self.note_scoped()
        key = -next(self._marks)
        self.entries[key] = [FINALIZING, *[None] * EXTRA]
        return key

    def open_since(self, mark: int, *, keep: bool = False) -> list[Entry]:
        """Give the open entries younger than a mark, oldest first, and take the mark away unless told to keep it."""
        found: list[Entry] = []
        for _ in range(3):
            try:
                found = list(self._younger(reversed(self.entries.items()), mark))
                break
            except RuntimeError:  # another thread acquires or releases meanwhile
                continue
        else:
            found = list(self._younger(reversed(self.entries.copy().items()), mark))
        if not keep:
            self.entries.pop(mark, None)
        found.reverse()
        return found

    def _younger(self, items: Iterable[tuple[int, Entry]], mark: int) -> Iterator[Entry]:
        for key, entry in items:
            if key == mark:
                return
            if entry[STATE] in OPEN_STATES:
                yield entry

    def settle(self, is_released: Callable[[Entry], bool]) -> None:
        """Close the entries of which the object itself says that it is released."""
        for entry in self.open_entries():
            if entry[KIND].declaration.released_when is not None and is_released(entry):
                entry[STATE] = 3  # RELEASED
