"""Transfers: handing the duty to release from one owner to another."""

from __future__ import annotations

from sys import _getframe
from types import FrameType
from typing import Any, TypeVar

from lifetrack.guards import active
from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import BOUND, LIVE, Entry, place_of
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.ledger.rendering import owner_name
from lifetrack.ownership.custody import check_live, hand_over, is_task_info, note_transfer, object_place, refuse_circle
from lifetrack.ownership.handles import Handle, Owned, held_by
from lifetrack.ownership.holding import Holder, holder_of, let_go
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.scopes import Scope
from lifetrack.ownership.sharing import Shared
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.events import TRANSFERRED

_T = TypeVar("_T")
_TRANSFERABLE = frozenset({LIVE, BOUND})
#: What nobody can mean as an owner.
_NO_OWNERS = (type(None), str, bytes, int, float, type)


def transfer(obj: _T, *, to: Any) -> _T:
    """Hand the duty to release ``obj`` to another owner; give ``obj``.

    ``to`` is an :class:`lifetrack.Owner`, an open scope, a task, a thread, or any object: a plugin that owns its parts,
    a container that is tracked itself. ``obj`` may also be an ``Owned`` handle, which is empty afterwards, or an owner.
    Raises OwnershipError if ``to`` is closed or would own itself, or if several share the object; ConfigurationError
    for an owner that is none; DeclarationError if an ``Owner`` would not know how to release the object.
    """
    frame = _getframe(1)
    lone = active.lone
    if lone is None or to.__class__ is not Owner or not to.is_simple:
        return hand_to(obj, to, frame)
    # The usual case, in full, as a call costs as much as all of it: one tracker, and an open owner inside no other one.
    key = id(obj)
    entry = lone.entries.get(key)
    before: Any = None if entry is None else entry[4]
    is_held = before is not None and before.is_owner and before.kind != "Owner"
    if entry is None or entry[0] not in _TRANSFERABLE or is_held:
        return hand_to(obj, to, frame)
    code = frame.f_code
    place = to.place
    entry[0] = 7  # BOUND
    if lone.whose[code.co_filename] == 3:  # the user's
        before = note_transfer(entry, key, (TRANSFERRED, (code, frame.f_lasti, None), None, place), lone.moved)
    else:
        before = note_transfer(entry, key, (TRANSFERRED, lone.mark(frame), lone.when(), place), lone.moved)
    # Several threads may transfer it at once. Whoever comes last holds it: each looks again after what it has done.
    to.held[key] = obj
    if entry[4] is not place:
        to.held.pop(key, None)
    if before is not None and before.is_owner and before is not place:
        holder = before.holder()
        if holder.__class__ is Owner:
            holder.held.pop(key, None)
            if entry[4] is before:
                holder.held[key] = obj
        elif holder is not None:
            holder.let_go(key, moved=True)
    if to.closed and to.held.pop(key, None) is not None:  # by another thread, meanwhile: it has not released it
        return _refused(obj, entry, before, to, frame)  # type: ignore[no-any-return]
    return obj


def _refused(obj: Any, entry: Entry, before: Place | None, to: Owner, frame: FrameType) -> Any:
    """Put a resource back that an owner cannot take, for it is being closed; raise what a transfer to it raises."""
    entry[4] = before
    holder = None if before is None or before.holder is None else before.holder()
    if isinstance(holder, Owner):
        holder.held[id(obj)] = obj
    return hand_to(obj, to, frame)


def check_owner(to: Any) -> None:
    """Raise the error of :func:`transfer` where nothing can be transferred to ``to``; None stands for no owner."""
    if isinstance(to, Owner):
        to.check_open()
    elif to is not None and isinstance(to, (Handle, *_NO_OWNERS)):
        raise _no_owner(to)


def hand_to(obj: _T, to: Any, frame: FrameType) -> _T:
    """As :func:`transfer`, called from ``frame``."""
    if isinstance(obj, (Handle, Owner)):
        return _transfer_holder(obj, to, frame)  # type: ignore[no-any-return]
    known = [(engine, entry) for engine in active.engines if (entry := engine.ledger.entries.get(id(obj))) is not None]
    _check(obj, to, known)
    for engine, entry in known:
        check_live(engine, entry, frame)
    if isinstance(to, Owner):
        to.take(obj, is_known=bool(known))
    else:
        let_go(obj, moved=True)
    for engine, entry in known:
        hand_over(engine, entry, obj, to.place if isinstance(to, Owner) else _place(engine, to), frame)
    return obj


def _check(obj: Any, to: Any, known: list[tuple[Engine, Entry]]) -> None:
    """Raise the error of a transfer that cannot be, before anything has changed."""
    holder = holder_of(obj)
    if holder is not None:
        holder.check_transfer()
    if isinstance(to, Owner):
        to.check_open()
        for _, entry in known:
            refuse_circle(entry, None, to.place)
        return
    if isinstance(to, (Holder, *_NO_OWNERS)) or is_task_info(to):
        raise _no_owner(to)
    for engine, entry in known:
        refuse_circle(entry, None, _place(engine, to))


def _no_owner(to: Any) -> ConfigurationError:
    if is_task_info(to):
        return ConfigurationError(
            "transfer(to=...) needs the task itself: asyncio.current_task() or trio.lowlevel.current_task(), not what "
            "anyio tells of it"
        )
    hint = to.transfer_hint if isinstance(to, Holder) else Holder.transfer_hint
    return ConfigurationError(f"transfer(to=...) needs an owner, and {type(to).__name__} is none: {hint}")


def _place(engine: Engine, to: Any) -> Place:
    if not isinstance(to, Scope):
        return object_place(engine, to)
    entered = to.entered()
    place = to.place if entered is None else entered.place
    if place is None or place.ended:
        raise ConfigurationError(f"scope '{to.name}' is not open: transfer inside its block")
    return place


def _transfer_holder(holder: Any, to: Any, frame: FrameType) -> Any:
    """Transfer what a handle holds; or let an owner belong to another one, with all that it owns."""
    if isinstance(holder, Shared):
        holder.check_transfer()
    if isinstance(holder, Owned):
        hand_to(holder.surrender(frame), to, frame)
        return holder
    if isinstance(to, Owner):
        to.take(holder, is_known=True)
        return holder
    if isinstance(to, (Holder, *_NO_OWNERS)) or is_task_info(to):
        raise _no_owner(to)
    places = [_place(engine, to) for engine in active.engines]
    for place in places:
        refuse_circle(None, holder.place, place)
    let_go(holder, moved=True)
    for place in places:
        holder.place.parent = place
        holder.note_outside()
    return holder


def _behind(place: Place) -> Any:
    place = place.owner()
    holder = None if place.holder is None or place.kind == "Shared" else place.holder()
    return owner_name(place) if holder is None else holder


def owner_of(obj: Any) -> Any:
    """Give who has the duty to release ``obj``: an Owner, a handle, a scope, or the object that owns it.

    Where nothing more than its name is known, as of the process or of an owner that is gone, an
    :class:`lifetrack.OwnerName`. None for what is not tracked and held by nobody.
    """
    obj = held_by(obj)
    for engine in active.engines:
        entry = engine.ledger.entries.get(id(obj))
        if entry is not None:
            return _behind(place_of(entry))
    holder = holder_of(obj)
    if holder is None and isinstance(obj, Owner):
        return _behind(obj.place.parent or PROCESS)
    return holder
