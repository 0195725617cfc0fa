"""Holding: which owner or handle keeps an object for its release, whether tracking is on or off."""

from __future__ import annotations

import weakref
from typing import Any

from lifetrack.guards import active
from lifetrack.ledger.entries import INHERITED, OPEN_STATES, SCOPE, STATE, Entry
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import OwnerPlace


class Standing:
    """What stands among the owners itself: an owner or a handle."""

    __slots__ = ()
    #: Its place in the ledgers.
    place: OwnerPlace

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError(f"{type(self).__name__} cannot be copied or pickled: the duty to release is one")


class Holder(Standing):
    """An owner or a handle: it keeps what it owns alive until it releases it."""

    __slots__ = ()
    #: What to do in place of a transfer to it, where it cannot be given anything that way.
    transfer_hint = "make one with Owner('name')"

    def let_go(self, key: int, *, moved: bool) -> None:
        """Forget the object at an address: it was released, or belongs to another owner now if it ``moved``."""
        raise NotImplementedError

    def check_transfer(self) -> None:
        """Raise OwnershipError where what it holds cannot be transferred."""


_HELD = OPEN_STATES | {INHERITED}
#: The holders of objects whose owner no ledger knows, by the object's address: its own for as long as it is held. A
#: holder that goes away unclosed leaves its reference behind, which says nothing of the next object there.
_holders: dict[int, weakref.ref[Holder]] = {}


def holder_of(obj: object) -> Holder | None:
    """Give the owner or handle that holds an object; None if none does."""
    key = id(obj)
    reference = _holders.get(key)
    holder = None if reference is None else reference()
    if holder is not None:
        return holder
    for engine in active.engines:
        entry = engine.ledger.entries.get(key)
        if entry is not None:
            place = entry[SCOPE]
            found = place.holder() if place is not None and place.is_owner and place.holder is not None else None
            return found if isinstance(found, Holder) else None
    return None


def _is_open(entry: Entry | None) -> bool:
    """Whether a ledger knows who owns it: not of what is released, which somebody may hold all the same."""
    return entry is not None and entry[STATE] in _HELD


def hold_first(obj: object, holder: Holder) -> bool:
    """Note who holds an object that no ledger knows; False if somebody does already, and nothing is changed then."""
    reference = weakref.ref(holder)
    before = _holders.setdefault(id(obj), reference)
    while before() is None and before is not reference:  # of one that is gone, and so is what it held at this address
        _holders.pop(id(obj), None)
        before = _holders.setdefault(id(obj), reference)
    return before is reference


def hold(obj: object, holder: Holder) -> None:
    """Note who holds an object from now on; whoever held it before lets go of it.

    Raises OwnershipError where that one cannot: several share it, or it is in a collection.
    """
    before = holder_of(obj)
    if before is not None and before is not holder:
        before.check_transfer()
    let_go(obj, moved=True, unless=holder)
    if not any(_is_open(engine.ledger.entries.get(id(obj))) for engine in active.engines):
        _holders[id(obj)] = weakref.ref(holder)


def let_go(obj: object, *, moved: bool, unless: Holder | None = None) -> None:
    """Note that its holder has nothing to do with an object any more: it ``moved``, or was released."""
    holder = holder_of(obj)
    _holders.pop(id(obj), None)
    if holder is not None and holder is not unless:
        holder.let_go(id(obj), moved=moved)


def forget(key: int) -> None:
    """Forget who held the object at an address; called by the holder itself."""
    _holders.pop(key, None)


def outlive(ledger: Ledger) -> None:
    """Keep in mind who holds what, before a ledger is emptied: owners and handles go on while tracking is off."""
    for key, entry in ledger.entries.copy().items():
        if entry[STATE] not in _HELD:
            continue  # its holder has let go of it, and would never tell that it may be forgotten
        place = entry[SCOPE]
        holder = place.holder() if place is not None and place.is_owner and place.holder is not None else None
        if isinstance(holder, Holder):
            _holders[key] = weakref.ref(holder)


def end_unclosed(place: OwnerPlace) -> None:
    """Notice that an owner went away without closing; runs in the garbage collector, so it only enqueues."""
    place.ended = True
    for engine in active.engines:
        engine.ledger.orphaned.append(place)
