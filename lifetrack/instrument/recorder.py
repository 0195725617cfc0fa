"""The recorder: what the wrappers do off the fast path, for one engine."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from lifetrack.guards.authority import ending_now
from lifetrack.guards.callers import is_construction
from lifetrack.guards.conditions import judge_live_release, judge_order
from lifetrack.guards.engine import Engine
from lifetrack.guards.noting import new_entry, note_release
from lifetrack.guards.shapes import Shape, mro, set_class, shape_of
from lifetrack.guards.tombstones import bury, is_tombstone, judge_release, orphan, seal, unseal
from lifetrack.instrument.evidence import left_behind
from lifetrack.ledger.entries import (
    BOUND,
    EXTRA,
    FAILED,
    FINALIZING,
    HALF_RELEASED,
    INHERITED,
    KIND,
    LIVE,
    MOMENT,
    NUMBER,
    OFFSET,
    RELEASED,
    RELEASING,
    STATE,
    TRACE,
    UNOPENED,
    Entry,
    Extra,
    extra_of,
    is_opening,
    place_of,
)
from lifetrack.ledger.moment import this_thread
from lifetrack.ledger.unseen import NO_REFERENCE
from lifetrack.ownership.custody import mark_bound
from lifetrack.ownership.holding import let_go
from lifetrack.ownership.kinship import dependents
from lifetrack.values.declarations import INIT
from lifetrack.values.events import ACQUIRE_FAILED, RELEASE_FAILED


class Recorder:
    """Records acquire and release for the wrappers of one engine. Its methods take the object itself, none keeps it."""

    def __init__(self, engine: Engine, find_shape: Callable[[type], Shape | None]) -> None:
        self.engine = engine
        self.ledger = engine.ledger
        self.entries = engine.ledger.entries
        self._find_shape = find_shape

    def shape(self, obj: object) -> Shape:
        """Give the shape of an object's class, instrumenting it now if it has escaped so far.

        Raises LookupError for an object of a class that nobody declared.
        """
        for cls in type(obj).__mro__:  # the object may carry a tombstone's class
            shape = shape_of(cls) or self._find_shape(cls)
            if shape is not None:
                return shape
        raise LookupError(f"no declaration for {type(obj).__name__}")

    # -- acquire -------------------------------------------------------------------------------------------------

    def acquire(self, obj: object, frame: FrameType) -> None:
        """Record an acquisition that has just completed."""
        entry = self.entries.get(id(obj))
        state = None if entry is None or entry[NUMBER] is None else entry[STATE]
        if entry is not None and state in (LIVE, RELEASING, BOUND):
            self._acquired_further_out(entry, frame)
            return
        shape = self.shape(obj)
        kind = shape.kind
        if entry is not None:
            if entry[NUMBER] is None:
                self.ledger.gaps.forget_unknown(entry[KIND].type_name)
            self._take_out(obj, entry)  # so that the fresh one stands last, as the youngest
            self.ledger.departures.soon(entry)
            unseal(shape, obj)
        reference = None
        if kind.declaration.released_when is not None:
            try:
                reference = weakref.ref(obj)
            except TypeError:
                self.ledger.gaps.untrackable(kind.type_name, NO_REFERENCE)
                return
        fresh = new_entry(self.engine, kind, LIVE, kind.next(), frame)
        if kind.declaration.thread_bound:
            mark_bound(fresh).thread = this_thread()
        elif self.ledger.guarded and place_of(fresh).owner().exclusive:
            mark_bound(fresh)
        if reference is not None:
            extra_of(fresh).reference = reference
        self._put(obj, fresh)

    def _take_out(self, obj: object, entry: Entry) -> None:
        self.entries.pop(id(obj), None)
        if self.ledger.journal is not None:
            self.ledger.journal.ended(entry)

    def _put(self, obj: object, entry: Entry) -> None:
        if self.ledger.journal is not None:
            self.ledger.journal.acquired(entry)
        self.entries[id(obj)] = entry

    def _acquired_further_out(self, entry: Entry, frame: FrameType) -> None:
        """Note that an outer constructor completed after an inner one; its site is where the user acquired it."""
        entry[TRACE], entry[OFFSET], entry[MOMENT] = self.engine.place(frame)
        if entry[KIND].declaration.thread_bound:
            mark_bound(entry).thread = this_thread()
        if self.ledger.journal is not None:
            self.ledger.journal.moved_site(entry)

    def constructed(self, obj: object, frame: FrameType) -> None:
        """Note a new object whose acquire method is yet to run."""
        if id(obj) in self.entries or is_construction(frame, obj):
            return
        shape = self.shape(obj)
        self.entries[id(obj)] = new_entry(self.engine, shape.kind, UNOPENED, 0, frame)
        seal(shape, obj)

    def construction_failed(
        self, obj: object, error: BaseException, frame: FrameType, arguments: tuple[Any, ...]
    ) -> None:
        """Note a constructor that raised, if it has left something behind that nobody can release now."""
        shape = self.shape(obj)
        declaration = shape.declaration
        entry = self.entries.get(id(obj))
        if entry is not None and (entry[NUMBER] is None or entry[STATE] in (RELEASED, RELEASING)):
            if entry[NUMBER] is None:
                self.ledger.gaps.forget_unknown(entry[KIND].type_name)
                self.entries.pop(id(obj), None)
            return  # it has cleaned up after itself
        if declaration.acquire != INIT or declaration.safe_constructor:
            return
        if entry is None:
            certainty = left_behind(obj, arguments, self.entries, error)
            if certainty is None:
                return
            entry = new_entry(self.engine, shape.kind, FAILED, shape.kind.next(), frame)
            extra_of(entry).certainty = certainty
            self._put(obj, entry)
        elif entry[STATE] in (LIVE, BOUND):
            entry[STATE] = FAILED
        entry[TRACE], entry[OFFSET], entry[MOMENT] = self.engine.place(frame)
        self._note_error(entry, ACQUIRE_FAILED, error, frame)
        if self.ledger.journal is not None:
            self.ledger.journal.changed(entry)
            self.ledger.journal.moved_site(entry)

    # -- release -------------------------------------------------------------------------------------------------

    def unknown(self, obj: object) -> None:
        """Note a release of something that no acquisition is known of."""
        if not self.engine.on:
            return
        entry: Entry = [RELEASED, None, None, None, None, self.shape(obj).kind, None, None, None, None, None]
        self.entries[id(obj)] = entry
        self.ledger.gaps.unknown(entry[KIND].type_name)

    def begins(self, entry: Entry, obj: object, name: str, frame: FrameType) -> bool:
        """Decide on a release of something that is not simply live: True if a release begins now."""
        state = entry[STATE]
        if state in (BOUND, INHERITED, HALF_RELEASED, FAILED):
            judge_live_release(self.engine, entry, frame)
            return True
        if state == RELEASED:
            judge_release(self.shape(obj), entry, name, obj, frame)
        elif state == UNOPENED and not self.engine.is_within(obj):
            shape = self.shape(obj)
            unseal(shape, obj)
            if not shape.declaration.idempotent and not is_opening(entry) and not is_construction(frame, obj):
                self.engine.violation("LT204", entry, "released", frame)
        return False

    def released(self, entry: Entry, obj: object, name: str, frame: FrameType) -> None:
        """Record a release that has just completed."""
        declaration = entry[KIND].declaration
        if declaration.released_when is not None and not declaration.released_when(obj):
            entry[STATE] = LIVE if entry[EXTRA] is None else BOUND
            return
        note_release(self.engine, entry, frame)
        extra: Extra | None = entry[EXTRA]
        ended = ending_now(self.ledger, entry, frame)
        if ended is not None:
            extra_of(entry).ended = ended
        if extra is not None:
            let_go(obj, moved=False)
            self.ledger.moved.pop(id(obj), None)
        if declaration.recognised and len(declaration.release) > 1:
            extra_of(entry).released_by = name
        if declaration.guard != "none":
            bury(self.shape(obj), obj)
        if extra is not None and extra.children:
            for child, dependent in dependents(entry):
                self._orphan(child, dependent)
            judge_order(self.engine, entry, frame)

    def _orphan(self, entry: Entry, obj: object) -> None:
        """Guard a child against use, now that what it depends on is released; it may still be released itself."""
        mark_bound(entry)
        if obj is None:
            return
        try:
            orphan(self.shape(obj), obj)
        except LookupError:
            return  # it is watched rather than declared, and carries no guards

    def release_failed(self, entry: Entry, error: BaseException, frame: FrameType) -> None:
        """Record a release that raised or was cancelled."""
        if entry[STATE] != RELEASING:
            return
        entry[STATE] = HALF_RELEASED
        self._note_error(entry, RELEASE_FAILED, error, frame)

    def _note_error(self, entry: Entry, word: str, error: BaseException, frame: FrameType) -> None:
        extra = extra_of(entry)
        if extra.error is None or word == RELEASE_FAILED:  # the constructors of bases come by with the same error
            extra.error = type(error).__name__
            note = (word, *self.engine.trace_error(error, frame), None)
            extra.note(note)
            if self.ledger.journal is not None:
                self.ledger.journal.changed(entry)
                self.ledger.journal.event(entry, note)

    # -- the end of the object -----------------------------------------------------------------------------------

    def finalizing(self, obj: object) -> None:
        """Mark an object that its own finalizer works on, so that what it releases is not judged.

        It sees its own class: ``type(self).count -= 1`` must not end up on ours.
        """
        self.entries[id(obj)] = [FINALIZING, 0, *[None] * 9]
        if is_tombstone(type(obj)):
            set_class(obj, mro(type(obj))[1])
