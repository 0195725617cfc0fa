"""Transfers: handing the duty to release from one owner to another."""

from __future__ import annotations

from sys import _getframe
from types import FrameType
from typing import Any, TypeVar

from lifetrack.guards import active
from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import Entry, place_of
from lifetrack.ledger.places import Place
from lifetrack.ledger.rendering import owner_name
from lifetrack.ownership.custody import hand_over, object_place, refuse_circle
from lifetrack.ownership.handles import Handle, Owned, held_by
from lifetrack.ownership.holding import holder_of, let_go
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.scopes import Scope
from lifetrack.ownership.sharing import Shared
from lifetrack.values.errors import ConfigurationError

_T = TypeVar("_T")
#: What nobody can mean as an owner.
_NO_OWNERS = (type(None), str, bytes, int, float, type)


def transfer(obj: _T, *, to: Any) -> _T:
    """Hand the duty to release ``obj`` to another owner; give ``obj``.

    ``to`` is an :class:`lifetrack.Owner`, an open scope, a task, a thread, or any object: a plugin that owns its parts,
    a container that is tracked itself. ``obj`` may also be an ``Owned`` handle, which is empty afterwards, or an owner.
    Raises OwnershipError if ``to`` is closed or would own itself, or if several share the object; ConfigurationError
    for an owner that is none; DeclarationError if an ``Owner`` would not know how to release the object.
    """
    return hand_to(obj, to, _getframe(1))


def hand_to(obj: _T, to: Any, frame: FrameType) -> _T:
    """As :func:`transfer`, called from ``frame``."""
    if isinstance(obj, (Handle, Owner)):
        return _transfer_holder(obj, to, frame)  # type: ignore[no-any-return]
    known = [(engine, entry) for engine in active.engines if (entry := engine.ledger.entries.get(id(obj))) is not None]
    _check(obj, to, known)
    for engine, entry in known:
        hand_over(engine, entry, to.place if isinstance(to, Owner) else _place(engine, to), frame)
    if isinstance(to, Owner):
        to.take(obj, is_known=bool(known))
    else:
        let_go(obj, moved=True)
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
    if isinstance(to, (Handle, *_NO_OWNERS)):
        raise _no_owner(to)
    for engine, entry in known:
        refuse_circle(entry, None, _place(engine, to))


def _no_owner(to: Any) -> ConfigurationError:
    return ConfigurationError(
        f"transfer(to=...) needs an owner, and {type(to).__name__} is none: make one with Owner('name')"
    )


def _place(engine: Engine, to: Any) -> Place:
    if not isinstance(to, Scope):
        return object_place(engine, to)
    if to.place is None:
        raise ConfigurationError(f"scope '{to.name}' is not open: transfer inside its block")
    return to.place


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
    if isinstance(to, (Handle, *_NO_OWNERS)):
        raise _no_owner(to)
    places = [_place(engine, to) for engine in active.engines]
    for place in places:
        refuse_circle(None, holder.place, place)
    let_go(holder, moved=True)
    for place in places:
        holder.place.parent = place
    return holder


def _behind(entry: Entry) -> Any:
    place = place_of(entry).owner()
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
            return _behind(entry)
    return holder_of(obj)
