"""What one tracker notes of watched things: they carry no guards, and most of them know their own state."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from lifetrack.guards.authority import ending_now
from lifetrack.guards.conditions import judge_live_release
from lifetrack.guards.engine import Engine
from lifetrack.guards.shapes import mro, shape_of
from lifetrack.instrument.recorder import new_entry, note_release
from lifetrack.ledger.entries import (
    BOUND,
    EXTRA,
    HALF_RELEASED,
    KIND,
    LIVE,
    OPEN_STATES,
    STATE,
    Entry,
    Kind,
    extra_of,
    type_name,
)
from lifetrack.ownership.holding import let_go
from lifetrack.ownership.kinship import bind
from lifetrack.values.declarations import INIT, Declaration
from lifetrack.values.events import RELEASE_FAILED
from lifetrack.watchers.finalizers import in_finalizer, is_finalized
from lifetrack.watchers.raw_files import recorded_as

_Note = Callable[[Any, type, FrameType], None]


class _Reference(weakref.ref[Any]):
    """A weak reference that knows the key of the entry it stands in."""

    __slots__ = ("key", "parts")
    key: int
    #: What the object is made of. When nothing of it is open any more, the object has nothing left to release.
    parts: tuple[Entry, ...]


def _says_released(obj: object, declaration: Declaration) -> bool:
    return declaration.released_when is not None and declaration.released_when(obj)


class Recording:
    """Records watched objects for one engine; keeps none of them alive."""

    def __init__(self, engine: Engine, drain: Callable[[], object]) -> None:
        self.engine = engine
        self.ledger = engine.ledger
        self.drain = drain
        self._entries = engine.ledger.entries
        self._kinds: weakref.WeakKeyDictionary[type, tuple[Declaration, Kind | None]] = weakref.WeakKeyDictionary()
        self._gone = self._make_callback()

    def kind(self, cls: type, declaration: Declaration) -> Kind | None:
        """Give the account of a type; None for one that its user has declared and that is recorded as such."""
        known = self._kinds.get(cls)
        if known is not None and known[0] is declaration:
            return known[1]
        declared = any(shape_of(base) is not None for base in mro(cls))
        kind = None if declared else self.ledger.new_kind(type_name(cls), declaration)
        self._kinds[cls] = (declaration, kind)
        return kind

    def acquired(
        self,
        obj: object,
        declaration: Declaration,
        frame: FrameType,
        cls: type | None = None,
        *,
        finalized: bool = False,
    ) -> None:
        """Record an acquisition that has just completed.

        ``cls`` is the type that the program sees. With ``finalized``, the finalizer of the object tells of its end: it
        can still ask the object, which a weak reference cannot.
        """
        if self.ledger.pending:
            self.drain()
        known = self._entries.get(id(obj))
        if known is not None and known[STATE] in OPEN_STATES:
            return  # an outer constructor; the site is the same
        kind = self.kind(type(obj) if cls is None else cls, declaration)
        if kind is None or (declaration.acquire == INIT and _says_released(obj, declaration)):
            return
        entry = new_entry(self.engine, kind, LIVE, kind.next(), frame)
        try:
            reference = _Reference(obj) if finalized else _Reference(obj, self._gone)
        except TypeError:
            self.ledger.note_untrackable()
            return
        reference.key, reference.parts = id(obj), ()
        extra_of(entry).reference = reference
        self._entries.pop(id(obj), None)  # so that the entry stands last, as the youngest
        if self.ledger.journal is not None:
            if known is not None:
                self.ledger.journal.ended(known)
            self.ledger.journal.acquired(entry)
        self._entries[id(obj)] = entry
        if self.ledger.observer is not None:
            self.ledger.observer(obj, entry)

    def observed(self, note: _Note) -> _Note:
        """Let the witness see, if there is one, what a function notes; else it stays as fast as it is."""
        if self.ledger.observer is None:
            return note

        def observed(obj: Any, cls: type, frame: FrameType) -> None:
            note(obj, cls, frame)
            entry, observer = self._entries.get(id(obj)), self.ledger.observer
            if entry is not None and observer is not None:
                observer(obj, entry)

        return observed

    def relate(self, obj: object, parts: Iterable[object], parent: object) -> None:
        """Note what an object that was just recorded is made of, and what it depends on; where that is recorded."""
        entry = self._entries.get(id(obj))
        if entry is None or entry[STATE] not in OPEN_STATES:
            return
        made_of = [(part, found) for part in parts if (found := self._entries.get(id(recorded_as(part)))) is not None]
        for part, found in made_of:
            bind(found, part, entry)
        reference = extra_of(entry).reference
        if isinstance(reference, _Reference):
            reference.parts += tuple(found for _, found in made_of)
        upper = None if parent is None else self._entries.get(id(recorded_as(parent)))
        if upper is not None:
            bind(entry, obj, upper)

    def _own(self, obj: object, declaration: Declaration) -> Entry | None:
        entry = self._entries.get(id(obj))
        if entry is None or entry[STATE] not in OPEN_STATES or entry[KIND].declaration is not declaration:
            return None
        return entry

    def released(self, obj: Any, declaration: Declaration, frame: FrameType, *, asked: bool = True) -> None:
        """Record a release that has just returned, unless the object says otherwise."""
        entry = self._own(obj, declaration)
        if entry is None:
            return
        when = declaration.released_when
        if asked and when is not None and not when(obj):
            return
        if is_finalized(obj) or in_finalizer(frame, entry):
            self.lost(obj)
            return
        if entry[STATE] == BOUND:
            self._released_bound(entry, obj, frame)
        else:
            note_release(self.engine, entry, frame)

    def release_begins(self, obj: object, declaration: Declaration, frame: FrameType) -> None:
        """Note that somebody asks for a release which will be completed later: the program, or a finalizer."""
        entry = self._own(obj, declaration)
        if entry is not None and in_finalizer(frame, entry):
            self.lost(obj)

    def _released_bound(self, entry: Entry, obj: object, frame: FrameType) -> None:
        """Record a release that had conditions. It has run already, so nothing can be refused."""
        extra_of(entry).ended = ending_now(self.ledger, entry, frame)
        try:
            judge_live_release(self.engine, entry, frame)
        finally:
            note_release(self.engine, entry, frame)
            let_go(obj, moved=False)
            self.ledger.moved.pop(id(obj), None)

    def release_failed(self, obj: Any, declaration: Declaration, error: BaseException, frame: FrameType) -> None:
        """Record a release that raised, for a kind that cannot be asked for its state."""
        entry = self._own(obj, declaration)
        if entry is None:
            return
        entry[STATE] = HALF_RELEASED
        extra = extra_of(entry)
        extra.error = type(error).__name__
        note = (RELEASE_FAILED, *self.engine.trace(frame), None)
        extra.note(note)
        if self.ledger.journal is not None:
            self.ledger.journal.changed(entry)
            self.ledger.journal.event(entry, note)

    # -- the collector: these run anywhere, so they take no lock and only enqueue --------------------------------

    def lost(self, obj: object) -> None:
        """Notice that a finalizer is about to give back what nobody has released."""
        entry = self._entries.pop(id(obj), None)
        if entry is not None and entry[STATE] in OPEN_STATES:
            self.ledger.pending.append(entry)

    def finalized(self, obj: object, declaration: Declaration) -> None:
        """Notice that an object's own finalizer begins."""
        if _says_released(obj, declaration):
            entry = self._entries.pop(id(obj), None)
            if entry is not None and self.ledger.journal is not None:
                self.ledger.journal.ended(entry)
        else:
            self.lost(obj)

    def _make_callback(self) -> Callable[[Any], None]:
        entries, pending, journal = self._entries, self.ledger.pending, self.ledger.journal

        def gone(reference: _Reference) -> None:
            entry = entries.get(reference.key)
            if entry is None or entry[EXTRA] is None or entry[EXTRA].reference is not reference:
                return
            entries.pop(reference.key, None)
            parts = reference.parts
            if parts and all(part[STATE] not in OPEN_STATES for part in parts):
                if journal is not None:
                    journal.ended(entry)
                return
            # What may end with the process ends by itself too, and the interpreter keeps it alive until then.
            if entry[STATE] in OPEN_STATES and entry[KIND].declaration.ends_with_process is None:
                pending.append(entry)
            elif journal is not None:
                journal.ended(entry)

        return gone
