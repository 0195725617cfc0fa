"""Holding: which owner or handle keeps an object for its release, whether tracking is on or off."""

from __future__ import annotations

import weakref
from typing import Any, Protocol

from lifetrack.guards import active
from lifetrack.ledger.places import OwnerPlace, Place


class Holder(Protocol):
    """An owner or a handle."""

    @property
    def place(self) -> Place:
        """Its place in the ledgers."""

    def let_go(self, key: int, *, moved: bool) -> None:
        """Forget the object at an address: it was released, or belongs to another owner now if it ``moved``."""

    def check_transfer(self) -> None:
        """Raise OwnershipError where what it holds cannot be transferred."""


#: The holder of each held object, by the object's address, which is its own for as long as it is held.
_holders: dict[int, weakref.ref[Any]] = {}


def holder_of(obj: object) -> Any:
    """Give the owner or handle that holds an object; None if none does."""
    reference = _holders.get(id(obj))
    return None if reference is None else reference()


def hold(obj: object, reference: weakref.ref[Any]) -> None:
    """Note who holds an object from now on; whoever held it before lets go of it.

    Raises OwnershipError where the one who holds it cannot give it away.
    """
    key = id(obj)
    before = holder_of(obj)
    if before is not None and _holders[key] is not reference:
        before.check_transfer()
    # No call stands between these two, so of several threads each finds the one before it.
    known = _holders[key] if key in _holders else None  # noqa: SIM401 - that is a call
    _holders[key] = reference
    holder = None if known is None or known is reference else known()
    if holder is not None:
        holder.let_go(key, moved=True)


def let_go(obj: object, *, moved: bool) -> None:
    """Note that its holder has nothing to do with an object any more: it ``moved``, or was released."""
    reference = _holders.pop(id(obj), None)
    holder = None if reference is None else reference()
    if holder is not None:
        holder.let_go(id(obj), moved=moved)


def forget(key: int) -> None:
    """Forget who held the object at an address; called by the holder itself."""
    _holders.pop(key, None)


def end_unclosed(place: OwnerPlace) -> None:
    """Notice that an owner went away without closing; runs in the garbage collector, so it only enqueues."""
    place.ended = True
    for engine in active.engines:
        engine.ledger.orphaned.append(place)
