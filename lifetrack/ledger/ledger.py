"""The ledger: every entry, every open question from the garbage collector, and every case found."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from itertools import count, repeat
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lifetrack.ledger.capture import site_in
from lifetrack.ledger.cases import Case, Cases, leak_rule
from lifetrack.ledger.departures import Departures
from lifetrack.ledger.entries import (
    BOUND,
    COLLECTED,
    EXTRA,
    FINALIZING,
    INHERITED,
    KIND,
    LIVE,
    OPEN_STATES,
    RELEASED,
    SCOPE,
    STATE,
    UNOPENED,
    Entry,
    Kind,
    Note,
    acquire_stack,
    extra_of,
    is_idle,
)
from lifetrack.ledger.places import PROCESS, OwnerPlace, Place
from lifetrack.ledger.unseen import Gaps
from lifetrack.values import events as words
from lifetrack.values.declarations import Declaration
from lifetrack.values.findings import Certainty
from lifetrack.values.newest import newest, since
from lifetrack.values.process import when_forking

if TYPE_CHECKING:
    from lifetrack.ledger.journaling import Journaling


def is_reported(entry: Entry) -> bool:
    """Whether an entry was reported as a leak already."""
    return entry[EXTRA] is not None and entry[EXTRA].reported is not None


#: What stands in the place of an entry to mark a moment.
_MARK: Entry = [FINALIZING, *[None] * EXTRA]
_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


def _after_fork() -> None:
    """Let the child begin with an account of its own: it inherits the handles of its parent, not the duties."""
    for ledger in list(_ledgers):
        ledger.begin_anew()


when_forking(in_child=_after_fork)


class Ledger:
    """All that one tracker knows, safe under threads without a lock.

    The collector may run a finalizer of the program's in the middle of anything here, and that may wait for a thread
    which is on its way into the ledger. So nobody ever waits in here: all changes are single atomic operations.

    ``entries`` is keyed by the address of the object, which is unique while the object lives: whoever notices that an
    object is collected takes its entry out.
    """

    def __init__(self, entries: dict[int, Entry] | None = None) -> None:
        self.entries: dict[int, Entry] = {} if entries is None else entries
        self.pending: deque[Entry] = deque()
        self.place: ContextVar[Place] = ContextVar("lifetrack place", default=PROCESS)
        #: Not empty as soon as any scope or allowance was entered.
        self.scoped: list[bool] = []
        #: Whether a scope was entered that allows nobody else to release what it owns.
        self.guarded = False
        self.kinds: list[Kind] = []
        self.started = perf_counter()
        self.pid = os.getpid()
        self.cases = Cases()
        #: Where the resources of each site were released.
        self.departures = Departures()
        #: Entries that were transferred, so that the place which got them finds them whatever their age; by address.
        self.moved: dict[int, Entry] = {}
        #: The places of objects that own something, by address.
        self.owners: dict[int, OwnerPlace] = {}
        #: What to look into again, for its owner went without a word.
        self.orphaned: deque[Place] = deque()
        #: Whether the exit hooks of the program may be running.
        self.exiting = False
        #: Is shown each watched object with its new entry, if the operating system is asked as witness.
        self.observer: Callable[[Any, Entry], None] | None = None
        #: Is told every event, if there is one; from the beginning or not at all.
        self.journal: Journaling | None = None
        #: The pools of libraries that are known, each with the place in which it was made.
        self.pools: weakref.WeakKeyDictionary[Any, Place] = weakref.WeakKeyDictionary()
        #: Relates what has grown since it was acquired to its new parts; called before anything is judged.
        self.relate_anew: Callable[[], None] | None = None
        self._strangers: dict[str, Kind] = {}
        self._serials = count(1)
        #: What no record is about, or not from its beginning.
        self.gaps = Gaps()
        self._marks = count(1)
        _ledgers.add(self)

    def new_kind(self, type_name: str, declaration: Declaration) -> Kind:
        """Open an account for a type."""
        kind = Kind(type_name, declaration)
        self.kinds.append(kind)
        if self.journal is not None:
            self.journal.meet(kind)
        return kind

    def stranger(self, type_name: str) -> Entry:
        """Make an entry for an object that nothing is known of; all of one type share an account."""
        kind = self._strangers.get(type_name)
        if kind is None:
            kind = self._strangers[type_name] = self.new_kind(type_name, Declaration(release=()))
        return [UNOPENED, 0, None, None, None, kind, *[None] * (EXTRA - KIND)]

    def serial_of(self, entry: Entry) -> int:
        """Give the resource's number, handed out when it is first asked for."""
        extra = extra_of(entry)
        if extra.serial is None:
            extra.serial = next(self._serials)
        return extra.serial

    # -- from the garbage collector ------------------------------------------------------------------------------

    def drain(self) -> list[Case]:
        """Take in what the garbage collector noticed; give the cases that are new."""
        new: list[Case] = []
        gone: list[Entry] = []
        while self.pending:
            try:
                gone.append(self.pending.popleft())
            except IndexError:  # another thread was faster
                break
        # What kept others is asked before those are filed, in whatever order they went.
        idle = {id(entry) for entry in gone if is_idle(entry)}
        for entry in gone:
            if id(entry) in idle:  # what it kept was given back when it went
                if self.journal is not None:
                    self.journal.ended(entry)
                entry[STATE] = RELEASED
                continue
            entry[KIND].collect()
            if self.journal is not None and entry[KIND].declaration.hollow:
                self.journal.collected(entry)
            extra = entry[EXTRA]
            rule, certainty = leak_rule(entry, "LT102")
            entry[STATE] = COLLECTED
            if extra is not None and extra.transfer is not None:
                self._forget_moved()
            if extra is not None and not extra.claim(rule):
                continue
            end: Note | None = (words.COLLECTED, None, None, None) if rule in {"LT102", "LT104"} else None
            new.append(self.cases.add(Case(rule, certainty, entry, end)))
        if self.orphaned:
            new += self._drain_orphaned()
        return new

    def _forget_moved(self) -> None:
        for key, entry in self.moved.copy().items():
            if entry[STATE] not in OPEN_STATES:
                self.moved.pop(key, None)

    def _drain_orphaned(self) -> list[Case]:
        gone: dict[int, Place] = {}  # with the places, so that their addresses stay theirs
        while self.orphaned:
            try:
                place = self.orphaned.popleft()
            except IndexError:  # another thread was faster
                break
            gone[id(place)] = place
        left = (entry for entry in self.open_entries() if id(entry[SCOPE]) in gone and not is_idle(entry))
        return [case for entry in left if (case := self.file_leak(entry, "LT104")) is not None]

    def file_leak(self, entry: Entry, otherwise: str) -> Case | None:
        """File an open entry as a leak; give None if it was filed before."""
        rule, sure = leak_rule(entry, otherwise)
        if not extra_of(entry).claim(rule):
            return None
        # The entry goes on changing; the case keeps what it was.
        return self.cases.add(Case(rule, sure, list(entry), None))

    def file_leaks(self, entries: Iterable[Entry], otherwise: str, certainty: Certainty) -> None:
        """File open entries as leaks, at most so certain; there may be a million, most of which are counted."""
        for entry in entries:
            rule, sure = leak_rule(entry, otherwise)
            if extra_of(entry).claim(rule) and not self.cases.counts(rule, entry):
                self.cases.add(Case(rule, sure if sure is certainty else min(sure, certainty), list(entry), None))

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
        if not self.scoped:
            self.note_scoped()
        key = -next(self._marks)
        self.entries[key] = _MARK.copy()
        return key

    def forget_mark(self, mark: int) -> None:
        """Take a mark away."""
        self.entries.pop(mark, None)

    def is_quiet_since(self, mark: int) -> bool:
        """Whether nothing has come since a mark that is open: acquired, handed on, or noticed by the collector."""
        if self.pending or self.orphaned or self.moved:
            return False
        if newest(self.entries) == mark:
            return True
        return mark in self.entries and not any(map(self._is_open, since(self.entries, mark)))

    def _is_open(self, key: int) -> bool:
        """Whether the entry at a key, which may be gone by now, is open; marks are none."""
        return self.entries.get(key, _MARK)[STATE] in OPEN_STATES

    def open_since(self, mark: int, *, keep: bool = False) -> list[Entry]:
        """Give the open entries younger than a mark, oldest first, and take the mark away unless told to keep it."""
        # What another thread releases meanwhile may be gone.
        younger = map(self.entries.get, reversed(since(self.entries, mark)), repeat(_MARK))
        found = [entry for entry in younger if entry[STATE] in OPEN_STATES]
        if not keep:
            self.forget_mark(mark)
        return found

    def due_since(self, mark: int) -> list[Entry]:
        """Give the open entries younger than a mark, and those that came later by a transfer."""
        found = self.open_since(mark)
        if self.moved:
            known = {id(entry) for entry in found}
            for entry in self.moved.copy().values():
                if entry[STATE] in OPEN_STATES and id(entry) not in known:
                    known.add(id(entry))
                    found.append(entry)
        return found

    # -- fork ------------------------------------------------------------------------------------------------------

    def begin_anew(self) -> None:
        """Begin an account of its own in a forked child: what is open is the parent's to release."""
        self.pending.clear()
        self.orphaned.clear()
        self.cases.forget()
        self.departures.forget()
        self.moved.clear()
        self.gaps.begin_anew()
        self.pid = os.getpid()
        if self.journal is not None:
            self.journal.begin_in_fork()
            for entry in self.snapshot():
                self.journal.inherit(entry)
        for entry in self.open_entries():
            entry[STATE] = INHERITED
        for kind in self.kinds:
            kind.begin_anew()

    def disown(self, file: str) -> None:
        """Take what was acquired by code of a file as inherited: the duty is that of whoever handed it over."""
        for entry in self.open_entries():
            site = site_in(acquire_stack(entry))
            if site is not None and site.file == file:
                self.discount(entry)

    def discount(self, entry: Entry) -> None:
        """Take an open resource as nobody's here, and as no acquisition of this process's."""
        if self.journal is not None:
            self.journal.ended(entry)
        entry[STATE] = INHERITED
        entry[KIND].discount()
        if self.journal is not None:
            self.journal.discounted(entry[KIND])

    def begin_exit(self) -> None:
        """Let every release be looked at from here on: the exit hooks of the program begin to run."""
        self.exiting = True
        for entry in self.snapshot():
            if entry[STATE] == LIVE:
                entry[STATE] = BOUND

    def settle(self, is_released: Callable[[Entry], bool]) -> None:
        """Close the entries of which the object itself says that it is released."""
        if self.relate_anew is not None:
            self.relate_anew()
        for entry in self.open_entries():
            if is_released(entry):
                if self.journal is not None:
                    self.journal.ended(entry)
                entry[STATE] = RELEASED
