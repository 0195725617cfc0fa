"""What one tracker notes of watched things: they carry no guards, and most of them know their own state."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import Any

from lifetrack.guards.authority import ending_now
from lifetrack.guards.conditions import judge_live_release
from lifetrack.guards.engine import Engine
from lifetrack.guards.noting import new_entry, note_release
from lifetrack.guards.shapes import mro, shape_of
from lifetrack.ledger.entries import (
    BOUND,
    EXTRA,
    HALF_RELEASED,
    KIND,
    LIVE,
    OPEN_STATES,
    RELEASED,
    SCOPE,
    STATE,
    Entry,
    Extra,
    Kind,
    bases_of,
    extra_of,
    is_idle,
    type_name,
)
from lifetrack.ledger.unseen import NO_REFERENCE
from lifetrack.ownership.holding import let_go
from lifetrack.ownership.kinship import bind
from lifetrack.values.declarations import INIT, Declaration
from lifetrack.values.events import RELEASE_FAILED
from lifetrack.watchers.custody import judge_lent
from lifetrack.watchers.finalizers import in_finalizer, is_finalized
from lifetrack.watchers.raw_files import recorded_as
from lifetrack.watchers.references import Reference, ending, has_open_part, part_from_all


def _always(_: object) -> bool:
    return True


#: Of a pool that existed before tracking began: nobody has to close it. One that is known later is recorded anew.
EARLIER = Declaration(release=(), guard="none", watched=True, ends_with_process=_always)

#: Beyond this number they are forgotten.
_MANY_DEPARTED = 4096


def _forget(kinds: dict[int, Any], key: int, _: object) -> None:
    """Take the account of a type out that is gone; runs in the garbage collector."""
    kinds.pop(key, None)


def _says_released(obj: object, declaration: Declaration) -> bool:
    return declaration.released_when is not None and declaration.released_when(obj)


class Recording:
    """Records watched objects for one engine; keeps none of them alive."""

    def __init__(self, engine: Engine, drain: Callable[[], object]) -> None:
        self.engine = engine
        self.ledger = engine.ledger
        self.drain = drain
        self._entries = engine.ledger.entries
        #: The account of each type, by its address, with a weak reference that takes it out when the type is gone.
        self._kinds: dict[int, tuple[weakref.ref[type], Declaration, Kind | None]] = {}
        #: Gives the parts of the objects of a declaration that get more of them as they work.
        self._growing: dict[int, Callable[[Any], Iterable[object]]] = {}
        #: What was collected quietly, by address: the collector may tell of that before it asks the finalizer.
        self._departed: dict[int, Entry] = {}
        self._gone = self._make_callback()
        self._gone_quietly = self._make_callback(quiet=True)

    def kind(self, cls: type, declaration: Declaration) -> Kind | None:
        """Give the account of a type; None for one that its user has declared and that is recorded as such."""
        known = self._kinds.get(id(cls))
        if known is not None and known[1] is declaration:
            return known[2]
        declared = any(shape_of(base) is not None for base in mro(cls))
        kind = None if declared else self.ledger.new_kind(type_name(cls), declaration)
        if kind is not None:
            kind.bases = bases_of(cls)
        forget = partial(_forget, self._kinds, id(cls))
        self._kinds[id(cls)] = weakref.ref(cls, forget), declaration, kind
        return kind

    def acquired(
        self,
        obj: object,
        declaration: Declaration,
        frame: FrameType,
        cls: type | None = None,
        *,
        finalized: bool = False,
        quiet: bool = False,
    ) -> None:
        """Record an acquisition that has just completed.

        ``cls`` is the type that the program sees. With ``finalized``, the finalizer of the object tells of its end: it
        can still ask the object, which a weak reference cannot. What is ``quiet`` is no leak when it is collected,
        unless :meth:`lost` said so before.
        """
        ledger, key = self.ledger, id(obj)
        if ledger.pending:
            self.drain()
        if quiet:
            self.begins_quietly(obj)
        known = self._entries.get(key)
        if known is not None and known[STATE] in OPEN_STATES and known[KIND].declaration is not EARLIER:
            return  # an outer constructor; the site is the same
        kind = self.kind(type(obj) if cls is None else cls, declaration)
        when = declaration.released_when
        if kind is None or (when is not None and declaration.acquire == INIT and when(obj)):
            return
        reference = None
        try:
            gone = self._gone_quietly if quiet else self._gone
            reference = Reference(obj) if finalized else Reference(obj, gone)
        except TypeError:
            if not finalized:
                self.ledger.gaps.untrackable(kind.type_name, NO_REFERENCE)
                return
        entry = new_entry(self.engine, kind, LIVE, kind.next(), frame)
        if reference is not None:
            reference.key, reference.parts = key, ()
            entry[EXTRA] = extra = Extra()
            extra.reference = reference
        self._put(key, entry, known)
        if ledger.observer is not None:
            ledger.observer(obj, entry)

    def _put(self, key: int, entry: Entry, known: Entry | None) -> None:
        """Let an entry stand last, as the youngest, in place of the one that is known."""
        if known is not None:
            self._entries.pop(key, None)
        if self.ledger.journal is not None:
            if known is not None:
                self.ledger.journal.ended(known)
            self.ledger.journal.acquired(entry)
        self._entries[key] = entry

    def earlier(self, obj: object) -> Entry | None:
        """Make an entry for a pool that existed before tracking began, or None where that cannot be done."""
        try:
            reference = Reference(obj, self._gone)
        except TypeError:
            return None
        kind = self.ledger.new_kind(type_name(type(obj)), EARLIER)
        entry = new_entry(self.engine, kind, LIVE, kind.next(), None)
        entry[SCOPE], reference.key, reference.parts = None, id(obj), ()
        extra_of(entry).reference = reference
        if self.ledger.journal is not None:
            self.ledger.journal.acquired(entry)
        self._entries[id(obj)] = entry
        return entry

    def relate(self, obj: object, parts: Iterable[object], parent: object) -> None:
        """Note what an object that was just recorded is made of, and what it depends on; where that is recorded."""
        entry = self._entries.get(id(obj))
        if entry is None or entry[STATE] not in OPEN_STATES:
            return
        made_of = []
        for part in parts:
            found = self._entries.get(id(recorded_as(part)))
            if found is not None:
                bind(found, part, entry)
                made_of.append(found)
        reference = extra_of(entry).reference
        if made_of and isinstance(reference, Reference):
            reference.parts += tuple(made_of)
        upper = None if parent is None else self._entries.get(id(recorded_as(parent)))
        if upper is not None:
            bind(entry, obj, upper)

    def grows(self, declaration: Declaration, parts: Callable[[Any], Iterable[object]]) -> None:
        """Look at the parts of such objects again whenever something is judged."""
        self._growing[id(declaration)] = parts
        self.ledger.relate_anew = self._relate_anew

    def _relate_anew(self) -> None:
        for entry in self.ledger.open_entries():
            parts = self._growing.get(id(entry[KIND].declaration))
            reference = None if parts is None or entry[EXTRA] is None else entry[EXTRA].reference
            obj = None if reference is None else reference()
            for part in () if parts is None or obj is None else parts(obj):
                found = self._entries.get(id(recorded_as(part)))
                if found is not None:
                    bind(found, part, entry)

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
        if (in_finalizer(frame, entry, obj) or is_finalized(obj)) and not self._is_quiet(entry):
            self.lost(obj)
            return
        if entry[STATE] == BOUND:
            self._released_bound(entry, obj, frame)
        else:
            note_release(self.engine, entry, frame)
        self.ledger.departures.soon(entry)
        if entry[EXTRA] is not None and entry[EXTRA].children:
            judge_lent(self.engine, entry, frame)

    def _is_quiet(self, entry: Entry) -> bool:
        reference = None if entry[EXTRA] is None else entry[EXTRA].reference
        return getattr(reference, "__callback__", None) is self._gone_quietly

    def is_met(self, obj: object) -> bool:
        """Whether there is a record of an object."""
        return id(obj) in self._entries

    def unmet(self, obj: object, declaration: Declaration) -> None:
        """Note that an object was released whose acquisition nobody has seen; one that is declared tells by itself."""
        kind = self.kind(type(obj), declaration)
        if kind is not None:
            self.ledger.gaps.unknown(kind.type_name)

    def release_begins(self, obj: object, declaration: Declaration, frame: FrameType) -> None:
        """Note that somebody asks for a release which will be completed later: the program, or a finalizer."""
        entry = self._own(obj, declaration)
        if entry is not None and in_finalizer(frame, entry, obj):
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

    def taken_over(self, obj: object) -> None:
        """Forget an object that another one releases from now on."""
        entry = self._entries.pop(id(obj), None)
        if entry is not None:
            if self.ledger.journal is not None:
                self.ledger.journal.ended(entry)
            entry[STATE] = RELEASED

    def handed_over(self, obj: object, frame: FrameType) -> None:
        """Note that another one releases an object from now on; what the program does with it later is judged."""
        entry = self._entries.get(id(obj))
        if entry is not None:
            note_release(self.engine, entry, frame)

    # -- the collector: these run anywhere, so they take no lock and only enqueue --------------------------------

    def lost(self, obj: object) -> None:
        """Notice that a finalizer is about to give back what nobody has released."""
        entry = self._entries.pop(id(obj), None) or self._departed.pop(id(obj), None)
        if entry is None:
            return
        if entry[STATE] not in OPEN_STATES:
            part_from_all(entry)
        elif not is_idle(entry):
            self.ledger.pending.append(entry)
        elif self.ledger.journal is not None:
            self.ledger.journal.ended(entry)

    def begins_quietly(self, obj: object) -> None:
        """Forget who was at the address of an object that is new; to be told of each that may be :meth:`lost` later."""
        departed = self._departed
        if departed:
            if len(departed) > _MANY_DEPARTED:
                departed.clear()
            departed.pop(id(obj), None)

    def finalized(self, obj: object, declaration: Declaration) -> None:
        """Notice that an object's own finalizer begins."""
        entry = self._entries.get(id(obj))
        half = entry is not None and entry[STATE] == HALF_RELEASED
        if not half and _says_released(obj, declaration):
            self._entries.pop(id(obj), None)
            if entry is not None:
                if self.ledger.journal is not None:
                    self.ledger.journal.ended(entry)
                part_from_all(entry)
        else:
            self.lost(obj)

    def _make_callback(self, *, quiet: bool = False) -> Callable[[Any], None]:
        entries, pending, departed = self._entries, self.ledger.pending, self._departed
        # The globals of this module may be gone when the last objects of the process are.
        state, extra, kind, open_states, idle, open_part = STATE, EXTRA, KIND, OPEN_STATES, is_idle, has_open_part
        end = ending(self.ledger)

        def gone(reference: Reference) -> None:
            entry = entries.get(reference.key)
            if entry is None or entry[extra] is None or entry[extra].reference is not reference:
                return
            entries.pop(reference.key, None)
            if entry[state] not in open_states:  # parents and children would be a cycle for the collector
                reference.parts = ()
                if entry[extra].children:
                    entry[extra].children.clear()
            if quiet:
                if entry[state] in open_states:
                    departed[reference.key] = entry
                end(entry)
                return
            declaration = entry[kind].declaration
            # What may end with the process ends by itself too, and the interpreter keeps it alive until then;
            # a pool only closes what it keeps when it is told to.
            if (
                entry[state] in open_states
                and open_part(reference.parts)
                and (not idle(entry) if declaration.hollow else declaration.ends_with_process is None)
            ):
                pending.append(entry)
            else:
                end(entry)

        return gone
