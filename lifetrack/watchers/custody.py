"""What pools have in their custody: it belongs where the pool does, and is told below it or below a check-out."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from lifetrack.guards.conditions import judge_order
from lifetrack.guards.engine import Engine
from lifetrack.guards.noting import note_release
from lifetrack.ledger.entries import BOUND, EXTRA, KIND, OPEN_STATES, RELEASED, SCOPE, STATE, Entry, extra_of
from lifetrack.ledger.holds import Nobodys
from lifetrack.ledger.journaling import note_owner
from lifetrack.ownership.custody import object_place
from lifetrack.ownership.kinship import bind, dependents
from lifetrack.values.declarations import DUE_BEFORE_POOL, ENDS_WITH_POOL
from lifetrack.watchers.raw_files import recorded_as

if TYPE_CHECKING:
    from lifetrack.watchers.recording import Recording


class Lease(Nobodys):
    """Stands for one stretch of use of what a pool lends."""

    __slots__ = ("__weakref__",)


class Out(weakref.ref[Any]):
    """A weak reference to what was lent, with the lease: when it is collected, nobody can give it back."""

    __slots__ = ("by", "key", "lease", "pool")
    key: int
    lease: Lease
    #: A weak reference to the pool.
    pool: weakref.ref[Any]
    #: The mechanism that heard of it.
    by: object


#: What was lent, by its address, until it is collected or lent again.
OUT: dict[int, Out] = {}


def find(item: object) -> Out | None:
    """Give what is known of the last check-out of something."""
    out = OUT.get(id(item))
    return out if out is not None and out() is item else None


def lease_of(item: object) -> Lease | None:
    """Give the lease of what was lent."""
    out = find(item)
    return None if out is None else out.lease


def pool_of(item: object) -> Any:
    """Give the pool that something was lent from last."""
    out = find(item)
    return None if out is None else out.pool()


@contextmanager
def keeping(listeners: Iterable[Recording], pool: object) -> Iterator[None]:
    """Let whatever the running code acquires belong to a pool, for a block: it may outlive the scope that runs."""
    tokens = []
    for listener in listeners:
        ledger = listener.ledger
        ledger.note_scoped()
        tokens.append((ledger.place, ledger.place.set(object_place(listener.engine, pool))))
    try:
        yield
    finally:
        for variable, token in tokens:
            try:
                variable.reset(token)
            except ValueError:  # a coroutine that is closed in another context than it ran in
                pass


def _open(listener: Recording, obj: object) -> Entry | None:
    entry = listener.ledger.entries.get(id(recorded_as(obj)))
    return entry if entry is not None and entry[STATE] in OPEN_STATES else None


def _pool(listener: Recording, pool: object) -> Entry | None:
    """Give the entry of a pool that is in use. One that was only emptied begins anew by that.

    One that nothing is known of existed before tracking began. None is given for one that was closed for good.
    """
    entry = listener.ledger.entries.get(id(pool))
    if entry is None:
        return listener.earlier(pool)
    if entry[STATE] == RELEASED and entry[KIND].declaration.hollow:
        if listener.ledger.journal is not None:
            listener.ledger.journal.acquired(entry)
        entry[STATE] = BOUND
    return _open(listener, pool)


def keep(listener: Recording, obj: object, pool: object) -> None:
    """Note that a pool keeps an object and will close it. What a pool that is closed keeps is its own."""
    entry = _open(listener, obj)
    if entry is None or obj is pool:
        return
    upper = _pool(listener, pool)
    if upper is None:
        _forget(listener, obj, entry)
        return
    entry[SCOPE] = object_place(listener.engine, pool)
    note_owner(listener.ledger, entry)
    bind(entry, obj, upper)


def _forget(listener: Recording, obj: object, entry: Entry) -> None:
    parts: Iterable[Entry] = () if entry[EXTRA] is None else getattr(entry[EXTRA].reference, "parts", ())
    for each in (entry, *parts):
        if listener.ledger.journal is not None:
            listener.ledger.journal.ended(each)
        each[STATE] = RELEASED
    listener.ledger.entries.pop(id(recorded_as(obj)), None)


def lend(listener: Recording, lease: object, pool: object, below: Iterable[object]) -> None:
    """Note that a check-out has begun: it depends on the pool, and what the pool keeps below it is in its hands."""
    entry = _open(listener, lease)
    if entry is None:
        return
    upper = _pool(listener, pool)
    if upper is not None:
        bind(entry, lease, upper)
    for each in below:
        inner = lease_of(each)
        found = _open(listener, each if inner is None or inner is lease else inner)
        if found is not None:
            if found[EXTRA] is None or found[EXTRA].parent is None:
                keep(listener, each, pool)
            extra_of(found).parent = entry


def put_below(listener: Recording, objects: Iterable[object], upper: object) -> None:
    """Tell what a pool keeps, or has kept, below what has it in use."""
    entry = _open(listener, upper)
    for each in objects if entry is not None else ():
        found = _open(listener, each)
        if found is not None and found is not entry:
            extra_of(found).parent = entry


def take_over(listener: Recording, objects: Iterable[object], owner: object) -> None:
    """Note that something has taken over what a pool kept, for good: it belongs to that now."""
    entry = _open(listener, owner)
    for each in objects if entry is not None else ():
        found = _open(listener, each)
        if found is None or entry is None or found is entry:
            continue
        extra = extra_of(found)
        above = extra.parent
        while above is not None and above[EXTRA] is not None:
            if above[EXTRA].children is not None:
                above[EXTRA].children.pop(id(found), None)
            above = above[EXTRA].parent
        extra.parent = None
        found[SCOPE] = entry[SCOPE]
        note_owner(listener.ledger, found)
        bind(found, each, entry)


def use(listener: Recording, user: object, lease: object) -> None:
    """Note that something uses a check-out, and has nothing else to give back."""
    entry, found = _open(listener, user), _open(listener, lease)
    if entry is None or found is None:
        return
    extra = extra_of(entry)
    parts: Iterable[Entry] = getattr(extra.reference, "parts", ())
    if extra.reference is not None and all(part is not found for part in parts):
        extra.reference.parts = (*(part for part in parts if part[STATE] in OPEN_STATES), found)
    extra.parent = found


def judge_lent(engine: Engine, entry: Entry, frame: FrameType) -> None:
    """File that a pool was closed, just now, while something that it has lent was out; some pools take that back."""
    if entry[EXTRA] is None or not entry[EXTRA].children:
        return
    out = [child for child, lease in dependents(entry) if child[KIND].declaration.lent and lease is not None]
    for child in out:
        if child[KIND].declaration.lent == ENDS_WITH_POOL:
            note_release(engine, child, frame)
    lent = [child for child in out if child[KIND].declaration.lent == DUE_BEFORE_POOL]
    if not lent:
        return
    for child, _ in dependents(entry):
        if not child[KIND].declaration.lent:
            if engine.ledger.journal is not None:
                engine.ledger.journal.ended(child)
            child[STATE] = RELEASED  # what is lost with the pool is a consequence, told by this finding
    judge_order(engine, entry, frame, lent)
