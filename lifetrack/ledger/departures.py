"""Departures: where the resources of one site were released, counted, so that a leak can be told from its siblings.

The first resources of each type are counted, so that a program pays for it once and not for ever. They wait until
somebody asks, as counting takes longer than a release: as their entries, or as what is counted of these. What happens
meanwhile may run in the garbage collector, so nothing here takes a lock. Of what was counted only code objects and
offsets are kept, for a bounded number of sites and places.
"""

from __future__ import annotations

from collections import deque
from itertools import count, islice
from types import CodeType
from typing import TypeAlias

from lifetrack.ledger.capture import Trace, frames, users_frames
from lifetrack.ledger.ends import ending_at, told_ending
from lifetrack.ledger.entries import (
    EXTRA,
    KIND,
    NUMBER,
    OFFSET,
    RELEASE_OFFSET,
    RELEASE_TRACE,
    RELEASED,
    STATE,
    TRACE,
    Entry,
    counted,
)
from lifetrack.ledger.journaling import AGAIN
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values import endings
from lifetrack.values.declarations import CONTEXT_RELEASES
from lifetrack.values.stacks import RawFrame

#: How many resources of each type are counted: those with a lower number.
COUNTED = 10_000
#: How many sites are told of, how many places of release of each, and how many callers of each of these.
KEPT_SITES, KEPT_PLACES, KEPT_CALLERS = 2_000, 16, 16
#: How many wait at most besides those that are nothing but their entries; the others are counted at once.
KEPT_WAITING = 4_096
#: The ways of ending that meet a duty. What exit hooks and finalizers did says nothing of how it is meant to be.
_MET = frozenset({endings.EXPLICIT, endings.WITH, endings.OWNER})
_BLOCK_ENDS = frozenset(CONTEXT_RELEASES)

#: A type and an instruction, by the address of its code object.
Key = tuple[str, int, int]

#: What is counted of a resource: its type, where it was acquired, where it was released and how, and whether it was
#: transferred. The collector need not look at it, nor does it keep alive what an entry leads to.
Departed: TypeAlias = tuple[str, Trace, int | None, Trace | CodeType | None, int | None, str | None, bool]


class Way:
    """One place at which resources of one site were released, and the callers of the site for whom they were made.

    ``callers`` is None once there were too many to keep.
    """

    __slots__ = ("_numbers", "callers", "moved", "place")

    def __init__(self, place: RawFrame | None) -> None:
        self.place = place
        self.callers: dict[tuple[int, int], RawFrame] | None = {}
        #: Whether any of them was transferred.
        self.moved = False
        self._numbers = count()

    def add(self, caller: RawFrame | None, *, moved: bool) -> None:
        """Count one more."""
        next(self._numbers)
        self.moved = self.moved or moved
        callers = self.callers
        if caller is None or callers is None:
            return
        key = id(caller[0]), caller[1]
        if key not in callers:
            if len(callers) < KEPT_CALLERS:
                callers[key] = caller  # which keeps the code object, so that its address stays its own
            else:
                self.callers = None

    def copy(self) -> Way:
        """Give a copy that counts on by itself."""
        other = Way(self.place)
        other.moved, other.callers = self.moved, None if self.callers is None else self.callers.copy()
        other._numbers = count(counted(self._numbers))
        return other

    @property
    def released(self) -> int:
        """How many were released here."""
        return counted(self._numbers)


class Ways:
    """All places at which resources of one site were released."""

    __slots__ = ("elsewhere", "places", "site")

    def __init__(self, site: RawFrame) -> None:
        self.site = site
        self.places: dict[tuple[int, int], Way] = {}
        #: Stands for all places beyond the bound.
        self.elsewhere = Way(None)

    def at(self, place: RawFrame | None) -> Way:
        """Give the way that leads to a place."""
        if place is None:
            return self.elsewhere
        key = id(place[0]), place[1]
        way = self.places.get(key)
        if way is None:
            if len(self.places) >= KEPT_PLACES:
                return self.elsewhere
            way = self.places.setdefault(key, Way(place))
        return way

    def copy(self) -> Ways:
        """Give a copy that counts on by itself."""
        other = Ways(self.site)
        other.places = {key: way.copy() for key, way in self.places.copy().items()}
        other.elsewhere = self.elsewhere.copy()
        return other

    def all(self) -> list[Way]:
        """Give those that were gone."""
        return [way for way in (*self.places.copy().values(), self.elsewhere) if way.released]


class Departures:
    """Where the resources of each site were released."""

    def __init__(self) -> None:
        self.sites: dict[Key, Ways] = {}
        #: Whether there were more sites than are kept.
        self.overflown = False
        self._waiting: deque[Entry | Departed] = deque()
        #: Lets the entry of a resource that was released wait to be counted; for those that count and nobody else has.
        self.later = self._waiting.append

    def soon(self, entry: Entry) -> None:
        """Count a resource that was released, unless it does not count: later, where little has to wait for that."""
        number = entry[NUMBER]
        if number.__class__ is int and entry[EXTRA] is None:
            if number % AGAIN < COUNTED:
                self.later(entry)
        elif (departed := _departed(entry)) is not None:
            if len(self._waiting) < KEPT_WAITING:
                self.later(departed)
            else:
                self._count(departed)

    def settle(self) -> Departures:
        """Count those that wait."""
        take = self._waiting.popleft
        while self._waiting:
            try:
                waiting = take()
            except IndexError:  # another thread was faster
                break
            if isinstance(waiting, tuple):
                self._count(waiting)
            else:
                self.tally(waiting)
        return self

    def copy(self) -> Departures:
        """Give an account to count further in, without a change to this one."""
        other = Departures()
        other.sites = {key: ways.copy() for key, ways in self.sites.copy().items()}
        other.overflown = self.overflown
        return other

    def forget(self) -> None:
        """Begin anew, in a process that was forked."""
        self._waiting.clear()
        self.sites.clear()
        self.overflown = False

    def tally(self, entry: Entry) -> None:
        """Count a resource that was released; it may be one that does not count."""
        departed = _departed(entry)
        if departed is not None:
            self._count(departed)

    def _count(self, departed: Departed) -> None:
        name, trace, offset, release_trace, release_offset, ended, moved = departed
        place = _place_of(release_trace, release_offset)
        if place is None or (ended or ending_at(release_trace, release_offset)) not in _MET:
            return
        site, caller = _origin(trace, offset)
        if site is None:
            return
        key = _key(name, site)
        ways = self.sites.get(key)
        if ways is None:
            if len(self.sites) >= KEPT_SITES:
                self.overflown = True
                return
            ways = self.sites.setdefault(key, Ways(site))
        ways.at(place).add(caller, moved=moved)


def _departed(entry: Entry) -> Departed | None:
    """Give what is counted of a resource that was released; None if it is none, or does not count."""
    extra, moved = entry[EXTRA], False
    if entry[STATE] != RELEASED or not counts(entry):
        return None
    if extra is not None:
        if extra.reported is not None:
            return None
        moved = extra.transfer is not None
    release = entry[RELEASE_TRACE], entry[RELEASE_OFFSET]
    return entry[KIND].type_name, entry[TRACE], entry[OFFSET], *release, told_ending(entry), moved


def counts(entry: Entry) -> bool:
    """Whether a resource is one of those of its type that are counted, and was acquired at a known place."""
    number = entry[NUMBER]
    if entry[TRACE] is None or number is None:
        return False
    if isinstance(number, memoryview):  # with a journal its slot has the number, until that is another's
        if entry[STATE] == RELEASED:
            return True
        number = number[0]
    return bool(number % AGAIN < COUNTED)


def key_of(entry: Entry, site: RawFrame) -> Key:
    """Give the key under which the siblings of a resource are counted."""
    return _key(entry[KIND].type_name, site)


def _key(name: str, site: RawFrame) -> Key:
    return name, id(site[0]), site[1]


def origin_of(entry: Entry) -> tuple[RawFrame | None, RawFrame | None]:
    """Give the site of an acquisition, and the user's next frame above it."""
    return _origin(entry[TRACE], entry[OFFSET])


def _origin(trace: Trace | CodeType | None, offset: int | None) -> tuple[RawFrame | None, RawFrame | None]:
    if isinstance(trace, tuple) and len(trace) == 5 and FILES[trace[0].co_filename] == USER:
        if FILES[trace[2].co_filename] == USER:
            return (trace[0], trace[1]), (trace[2], trace[3])
    elif not isinstance(trace, tuple):
        return (None, None) if trace is None else ((trace, offset or 0), None)
    own = list(islice(users_frames(trace, None), 2))
    if not own:
        return next(frames(trace, None), None), None
    return own[0], (own[1] if len(own) > 1 else None)


def _place_of(trace: Trace | CodeType | None, offset: int | None) -> RawFrame | None:
    """Give the place of a release: the user's innermost frame, past an ``__exit__`` that somebody's block called."""
    innermost = None
    for frame in users_frames(trace, offset):
        if frame[0].co_name not in _BLOCK_ENDS:
            return frame
        innermost = innermost or frame
    return innermost or next(frames(trace, offset), None)
