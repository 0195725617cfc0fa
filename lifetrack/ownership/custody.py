"""Custody: the duty to release moves from one place to another in the ledgers."""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any

from lifetrack.guards import active
from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import (
    BOUND,
    EXTRA,
    INHERITED,
    LIVE,
    OPEN_STATES,
    SCOPE,
    STATE,
    UNOPENED,
    Entry,
    Extra,
    Note,
    extra_of,
    place_of,
    type_name,
)
from lifetrack.ledger.journaling import note_name
from lifetrack.ledger.moment import name_of_task
from lifetrack.ledger.places import PROCESS, OwnerPlace, Place
from lifetrack.ownership.holding import Standing, holder_of
from lifetrack.values.each_thread import name_of
from lifetrack.values.errors import OwnershipError
from lifetrack.values.events import TRANSFERRED


def current_place() -> Place:
    """Give the innermost place of the running code: of the first tracker that is on."""
    for engine in active.engines:
        return engine.ledger.place.get()
    return PROCESS


def check_live(engine: Engine, entry: Entry, frame: FrameType) -> None:
    """File a transfer of what is not live as LT201, before anything has changed."""
    if entry[STATE] not in OPEN_STATES:
        engine.violation("LT201", entry, TRANSFERRED, frame)


def check_all_live(obj: object, frame: FrameType) -> None:
    """As :func:`check_live`, for every tracker that knows the object; raise OwnershipError where several share it."""
    holder = holder_of(obj)
    if holder is not None:
        holder.check_transfer()
    for engine in active.engines:
        entry = engine.ledger.entries.get(id(obj))
        if entry is not None:
            check_live(engine, entry, frame)


def hand_over(engine: Engine, entry: Entry, obj: object, place: Place, frame: FrameType) -> None:
    """Note that a resource belongs to ``place`` from now on; one that is not live stays where it is."""
    state = entry[STATE]
    if state == LIVE:
        entry[STATE] = BOUND
    elif state not in OPEN_STATES:
        return
    ledger = engine.ledger
    note = (TRANSFERRED, engine.mark(frame), engine.when(), place)
    note_transfer(entry, id(obj), note, ledger.moved)
    if ledger.journal is not None:
        ledger.journal.transferred(entry, note)
    ledger.note_scoped()


def note_transfer(entry: Entry, key: int, note: Note, moved: dict[int, Entry]) -> Place | None:
    """Note a transfer, whose note names the place; give the place before it."""
    extra: Extra = entry[EXTRA] or extra_of(entry)
    before = extra.transfer
    extra.transfer = note
    if before is None:
        if entry[SCOPE] is not None:
            extra.origin = entry[SCOPE]
        moved[key] = entry
    if extra.notes is not None:
        extra.note(note)
    elif before is not None:
        extra.notes = [before, note]
    # Nothing comes in between these two, so of several threads each knows whom it follows.
    displaced: Place | None = entry[SCOPE]
    entry[SCOPE] = note[3]
    return displaced


#: The states of a tracked object in which it can still release what it owns; before it is acquired, too.
_ABLE = OPEN_STATES | {UNOPENED, INHERITED}


class ObjectPlace(OwnerPlace):
    """An object of the program as an owner. One that is tracked can release something while its own duty is open."""

    __slots__ = ("_entries", "_entry", "_key")

    def __init__(self, engine: Engine, obj: object, name: str, kind: str, is_over: Any) -> None:
        super().__init__(name, kind, PROCESS, _weak(obj), is_over)
        self._entries, self._key = engine.ledger.entries, id(obj)
        self._entry = self._entries.get(self._key)

    def is_of(self, obj: object) -> bool:
        """Whether it stands for this very object, not for an earlier one at the same address."""
        if self.holder is not None:
            return self.holder() is obj
        return self._entry is not None and self._entries.get(id(obj)) is self._entry

    def outer(self) -> Place | None:
        """Give the place that the object itself belongs to now."""
        entry = self.entry
        return PROCESS if entry is None else place_of(entry)

    @property
    def entry(self) -> Entry | None:
        """The entry of the object, if it is tracked itself: it may be so later only, or be acquired anew."""
        if self.holder is not None and self.holder() is not None:
            self._entry = self._entries.get(self._key, self._entry)
        return self._entry

    def meet(self) -> None:
        """Learn the entry of the object, which was recorded only now, while the object can still be asked for it."""
        self._entry = self.entry

    def is_gone(self) -> bool:
        """Whether the object is collected, released, or done."""
        entry = self.entry
        if entry is not None and entry[STATE] not in _ABLE:
            return True
        if self.holder is None:
            return entry is not None and self._entries.get(self._key) is not entry
        return super().is_gone()


def _weak(obj: object) -> Any:
    try:
        return weakref.ref(obj)
    except TypeError:
        return None


def _is_done(task: Any) -> bool:
    if hasattr(task, "done"):
        return bool(task.done())
    # A task of trio's does not say, but its coroutine has no frame any more when it has ended.
    return getattr(getattr(task, "coro", None), "cr_frame", task) is None


def _has_ended(thread: Any) -> bool:
    return thread.ident is not None and not thread.is_alive()


def _naming(obj: Any) -> tuple[str, str, Any]:
    """Give name, kind and end of an object that is an owner; never anything that the object says of its contents."""
    names = {cls.__qualname__ for cls in type(obj).__mro__ if cls.__module__.partition(".")[0] in _TASK_MODULES}
    if "Task" in names:
        name = name_of_task(obj) if hasattr(obj, "get_name") else obj.name
        return str(name), "task", _is_done
    if "Thread" in names:
        return name_of(obj), "thread", _has_ended
    return type_name(type(obj)), "object", None


def is_task_info(obj: object) -> bool:
    """Whether it is what anyio tells of a task: made anew for whoever asks, so that it cannot own anything."""
    return any(cls.__name__ == "TaskInfo" and cls.__module__.partition(".")[0] == "anyio" for cls in type(obj).__mro__)


_TASK_MODULES = {"asyncio", "_asyncio", "trio", "threading"}


def object_place(engine: Engine, obj: object) -> ObjectPlace:
    """Give the place of an object that owns something."""
    places = engine.ledger.owners
    known = places.get(id(obj))
    if isinstance(known, ObjectPlace) and known.is_of(obj):
        return known
    if len(places) > 64 and len(places) & (len(places) - 1) == 0:
        for key, place in places.copy().items():
            if place.is_gone():
                places.pop(key, None)
    made = ObjectPlace(engine, obj, *_naming(obj))
    if made.holder is not None or made.entry is not None:  # else nobody could tell when the object is gone
        places[id(obj)] = made
    return made


def refuse_circle(entry: Entry | None, own: Place | None, place: Place) -> None:
    """Raise OwnershipError where an owner would end up inside itself."""
    for item in place.lineage():
        if item is own or (entry is not None and isinstance(item, ObjectPlace) and item.entry is entry):
            raise OwnershipError(
                f"{place.kind} '{place.name}' is owned by what it would own: an owner cannot own itself"
            )


def keep(obj: Any, place: Place, frame: FrameType) -> None:
    """Let a resource belong to a place from now on; of a handle or an owner, that is where it stands."""
    if isinstance(obj, Standing):
        obj.place.parent = place
        for engine in active.engines:
            note_name(engine.ledger, obj.place)
        return
    for engine in active.engines:
        entry = engine.ledger.entries.get(id(obj))
        if entry is not None:
            check_live(engine, entry, frame)
            hand_over(engine, entry, obj, place, frame)


def mark_bound(entry: Entry) -> Extra:
    """Let the release of a live resource be looked at; give its further part."""
    extra = extra_of(entry)
    if entry[STATE] == LIVE:
        entry[STATE] = BOUND
    return extra
