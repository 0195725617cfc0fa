"""Belonging: a collection owns its backends, in the ledgers and outside of them, and each backend in one collection."""

from __future__ import annotations

import gc
import sys
import weakref
from functools import partial
from types import FrameType
from typing import Any, NamedTuple

from lifetrack.backends.seats import Seat
from lifetrack.guards import active
from lifetrack.guards.conditions import judge_end_of_owner
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import EXTRA, OPEN_STATES, STATE, Entry, place_of
from lifetrack.ledger.places import OwnerPlace, Place
from lifetrack.ledger.rendering import finding_of_case, owner_words
from lifetrack.ownership.custody import current_place, hand_over
from lifetrack.ownership.holding import Holder, end_unclosed, forget, hold, hold_first, holder_of
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.transfers import hand_to
from lifetrack.tracker import default_tracker
from lifetrack.values.errors import BackendError, OwnershipError
from lifetrack.values.findings import Finding


class _Claim(NamedTuple):
    """Which seat a backend has, in whose collection; neither is kept alive."""

    seat: weakref.ref[Seat]
    owner: str


#: By the backend's address. Changed by single atomic operations, so that of two collections one gets it.
_claims: dict[int, _Claim] = {}


def _claim_of(backend: object) -> tuple[Seat, str] | None:
    claim = _claims.get(id(backend))
    seat = None if claim is None else claim.seat()
    return (seat, claim.owner) if claim is not None and seat is not None and seat.backend is backend else None


def is_seated(backend: object) -> bool:
    """Whether a backend is in any collection."""
    return _claim_of(backend) is not None


def _claim(seat: Seat, owner: str) -> None:
    key = id(seat.backend)
    mine = _Claim(weakref.ref(seat, partial(_lapse, key)), owner)
    patient = True
    while True:
        theirs = _claims.setdefault(key, mine)
        if theirs is mine:
            return
        if patient:  # a collection that was dropped has nothing any more, once it is collected
            patient = False
            gc.collect()
            continue
        other = theirs.seat()
        if other is not None and other.backend is seat.backend:
            raise BackendError(
                f"collection '{owner}': {seat.describe()} cannot be added: it is '{other.name}' in collection "
                f"'{theirs.owner}': take it out there first, with remove()"
            )
        _lapse(key, theirs.seat)


def _lapse(key: int, reference: weakref.ref[Seat]) -> None:
    claim = _claims.get(key)
    if claim is not None and claim.seat is reference:
        _claims.pop(key, None)


def _unclaim(seat: Seat) -> None:
    claim = _claims.get(id(seat.backend))
    if claim is not None and claim.seat() is seat:
        _claims.pop(id(seat.backend), None)


class Belonging(Holder):
    """The collection as an owner: nobody else may release what is in it (LT301)."""

    transfer_hint = "add() the backend to the collection"

    def __init__(self, name: str) -> None:
        self.place = OwnerPlace(name, "collection", current_place(), weakref.ref(self))
        self.place.exclusive = True
        #: What is in it, by address; who it was taken from is asked for where it is given back.
        self._seated: dict[int, Seat] = {}

    def let_go(self, key: int, *, moved: bool) -> None:
        """Do nothing: a backend that was released elsewhere stays in the collection until it is taken out."""

    def check_transfer(self) -> None:
        """Raise OwnershipError: a backend leaves its collection by ``remove()`` only."""
        raise OwnershipError(f"collection '{self.place.name}' owns it: take it out first, with remove()")

    def take_in(self, seat: Seat) -> Before:
        """Own a backend from now on; give what it takes to go back. Raises BackendError if another one has it."""
        backend = seat.backend
        _claim(seat, self.place.name)
        self._seated[id(backend)] = seat
        if not active.engines and hold_first(backend, self):
            return _NOBODY
        before = Before(holder_of(backend), [(engine, place_of(entry)) for engine, entry in _entries(backend)])
        try:
            hold(backend, self)
        except BaseException:
            self._seated.pop(id(backend), None)
            _unclaim(seat)
            raise
        self._own(seat, caller(1))
        return before

    def _own(self, seat: Seat, frame: FrameType) -> None:
        nursery = seat.nursery
        for engine, entry in _open_entries(seat.backend):
            hand_over(engine, entry, seat.backend, self.place, frame)
            if nursery is not None and entry[EXTRA] is not None and entry[EXTRA].origin is nursery:
                entry[EXTRA].origin = nursery.parent
        if nursery is not None:
            nursery.bind(seat.backend)

    def put_back(self, seat: Seat, before: Before) -> None:
        """Undo :meth:`take_in`, because the backend was refused in the end."""
        self._leave(seat)
        frame = caller(1)
        if isinstance(before.holder, Owner) and not before.holder.closed:
            hand_to(seat.backend, before.holder, frame)
            return
        for engine, place in before.places:
            entry = engine.ledger.entries.get(id(seat.backend))
            if entry is not None:
                hand_over(engine, entry, seat.backend, place, frame)

    def give_out(self, seat: Seat) -> None:
        """Let a backend be its user's again: of the place where the code runs that asked for it."""
        self._leave(seat)
        for engine, entry in _open_entries(seat.backend):
            hand_over(engine, entry, seat.backend, engine.ledger.place.get().owner(), caller(1))

    def let_out(self, seat: Seat) -> None:
        """Have nothing to do any more with a backend whose release was run."""
        self._leave(seat)
        end_part_place(seat.backend)

    def _leave(self, seat: Seat) -> None:
        if self._seated.pop(id(seat.backend), None) is not None:
            _unclaim(seat)
            forget(id(seat.backend))

    def judge_borrows(self, seat: Seat) -> None:
        """File a borrow that is still open now that the collection ends (LT304)."""
        for engine, entry in _entries(seat.backend):
            try:
                judge_end_of_owner(engine, entry, self.place, caller(1))
            finally:
                if entry[EXTRA] is not None and entry[EXTRA].lent:
                    entry[EXTRA].lent.clear()

    def check_from_here(self, backend: object, what: str) -> None:
        """Raise BackendError, and file LT206, for a backend that is to be released here and is another one's."""
        found = _claim_of(backend)
        if found is None or id(backend) in self._seated:
            return
        seat, owner = found
        finding = self._mismatch(backend)
        raise BackendError(
            f"collection '{self.place.name}': {what} of {seat.describe()}, which is '{seat.name}' in collection "
            f"'{owner}': release it there",
            finding=finding,
        )

    def _mismatch(self, backend: object) -> Finding | None:
        finding = None
        for engine, entry in _entries(backend):
            words = {"through": owner_words(self.place), "owner": owner_words(place_of(entry).owner())}
            case = engine.violation("LT206", entry, "released", caller(1), words=words, may_raise=False)
            case.raised = True
            finding = finding_of_case(engine.ledger, case)
        return finding

    def __del__(self) -> None:
        seated = getattr(self, "_seated", None)
        if seated and not sys.is_finalizing():
            for seat in list(seated.values()):
                self._leave(seat)
            end_unclosed(self.place)


class Before(NamedTuple):
    """Who had a backend before: its holder, and its places in the ledgers."""

    holder: Holder | None
    places: list[tuple[Any, Place]]


_NOBODY = Before(None, [])


def _entries(obj: object) -> list[tuple[Any, Entry]]:
    known = ((engine, engine.ledger.entries.get(id(obj))) for engine in active.engines)
    return [(engine, entry) for engine, entry in known if entry is not None]


def _open_entries(obj: object) -> list[tuple[Any, Entry]]:
    """Give the entries of what can still be handed over, because it was not released."""
    return [(engine, entry) for engine, entry in _entries(obj) if entry[STATE] in OPEN_STATES]


def end_part_place(backend: object) -> None:
    """Note that a backend releases nothing any more: what it still owns is left behind."""
    engine = default_tracker().engine
    place = None if engine is None else engine.ledger.owners.get(id(backend))
    if place is not None and place.holder is not None and place.holder() is backend:
        place.ended = True
