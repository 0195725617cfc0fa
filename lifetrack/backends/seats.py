"""Seats: one registered backend each, who borrows it, and the one decision of who releases it.

A collection's contents are an immutable :class:`State` that is replaced as a whole, so that readers need no lock. The
lock below is held for a handful of instructions at a time, in which nobody's code runs; it may be entered again by the
same thread, because the garbage collector may run a plugin's finalizer anywhere.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from lifetrack.values.process import when_forking
from lifetrack.values.stacks import RawFrame, site_of

if TYPE_CHECKING:
    from lifetrack.backends.discovery import Plugin
    from lifetrack.backends.parts import Nursery

OPEN, CLEANING, CLEANED = range(3)
_numbers = count(1)


class _Lock:
    """The lock of all collections, made anew in a forked child, where nobody is left to give it back."""

    def __init__(self) -> None:
        self.now = threading.RLock()

    def renew(self) -> None:
        self.now = threading.RLock()


LOCK = _Lock()
when_forking(in_child=LOCK.renew)


def place_text(place: RawFrame | None) -> str:
    """Tell a place as ``file:line``."""
    return "an unknown place" if place is None else str(site_of(place))


@dataclass(eq=False, slots=True)
class Loan:
    """One borrow that is open: where and in which thread it began."""

    place: RawFrame | None
    thread: str
    ident: int


@dataclass(eq=False, slots=True, weakref_slot=True)
class Seat:
    """One backend in one collection."""

    backend: Any
    name: str
    type_name: str
    priority: float
    #: Capability names, and classes that were declared as capabilities.
    capabilities: frozenset[Any]
    #: Where it was added.
    place: RawFrame | None
    #: The entry point that it comes from; None where it was added by hand.
    plugin: Plugin | None = None
    #: Owns what was acquired while it was made.
    nursery: Nursery | None = None
    number: int = field(default_factory=_numbers.__next__)
    loans: dict[int, Loan] = field(default_factory=dict)
    #: Nobody may borrow it any more.
    retired: bool = False
    #: Somebody has the duty to release it now, and nobody else ever will.
    taken: bool = False

    def describe(self) -> str:
        """Tell what it is and where it came from, without the backend's own words."""
        source = f" of {self.plugin.words()}" if self.plugin is not None else ""
        return f"{self.type_name}{source} (added at {place_text(self.place)})"

    def lend(self, loan: Loan) -> bool:
        """Note a borrow; False if it may not be borrowed any more."""
        with LOCK.now:
            if self.retired:
                return False
            self.loans[id(loan)] = loan
            return True

    def give_back(self, loan: Loan) -> bool:
        """End a borrow; True if the caller has to release the backend now."""
        with LOCK.now:
            self.loans.pop(id(loan), None)
            return self._take() if self.retired and not self.loans else False

    def retire(self) -> bool:
        """Lend it no more; True if the caller has to release it now, for nobody borrows it."""
        with LOCK.now:
            self.retired = True
            return False if self.loans else self._take()

    def take(self) -> bool:
        """Lend it no more; True if the caller has to release it, although it may be lent."""
        with LOCK.now:
            self.retired = True
            return self._take()

    def _take(self) -> bool:
        free, self.taken = not self.taken, True
        return free


class State(NamedTuple):
    """The contents of a collection at one moment."""

    #: In order of arrival.
    seats: tuple[Seat, ...] = ()
    #: Replaced or removed, and still lent.
    retired: tuple[Seat, ...] = ()
    phase: int = OPEN
    sealed: bool = False
    sealed_at: RawFrame | None = None

    def seat(self, name: object) -> Seat | None:
        """Give the seat of this name."""
        for seat in self.seats:
            if seat.name == name:
                return seat
        return None

    def seat_of(self, backend: object) -> Seat | None:
        """Give the seat of this very object."""
        for seat in self.seats:
            if seat.backend is backend:
                return seat
        return None

    def with_seat(self, seat: Seat) -> State:
        """Give the state with one more backend."""
        return State((*self.seats, seat), self.retired, self.phase, self.sealed, self.sealed_at)

    def without(self, seat: Seat) -> State:
        """Give the state without this seat."""
        return self._replace(
            seats=tuple(each for each in self.seats if each is not seat),
            retired=tuple(each for each in self.retired if each is not seat),
        )

    def exchanged(self, old: Seat, new: Seat) -> State:
        """Give the state with another backend in the same place; the old one waits for its borrowers."""
        seats = tuple(new if each is old else each for each in self.seats)
        return self._replace(seats=seats, retired=(*self.retired, old))

    def newest(self) -> Seat | None:
        """Give what arrived last of all that is still to be released."""
        return max((*self.seats, *self.retired), key=lambda seat: seat.number, default=None)
