"""Duties: the scopes of tests and of fixtures, entered and left more than once; and which finding is whose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Any

import pytest

from lifetrack.detect.families import Leak, fold
from lifetrack.judgement import is_released
from lifetrack.ledger import clock
from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import SCOPE, Entry, extra_of, origin_of, place_of
from lifetrack.ledger.journaling import note_name, note_owner
from lifetrack.ledger.ledger import Ledger, is_reported
from lifetrack.ledger.places import PROCESS, OwnerPlace, Place
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.ownership.custody import ObjectPlace
from lifetrack.pytest_plugin.options import Terms
from lifetrack.tracker import Tracker
from lifetrack.values.collector import collector_paused
from lifetrack.values.findings import Finding
from lifetrack.values.headroom import headroom

TEST, FIXTURE = "test", "fixture"
_OWN = {TEST, FIXTURE, PROCESS.kind}


class Post(Place):
    """The place of a test, or of a fixture that outlives it. Threads of it may acquire more once it was judged."""

    __slots__ = ("judged_by",)

    def __init__(self, name: str, kind: str, parent: Place) -> None:
        super().__init__(name, kind, parent)
        #: The docket of the run that has judged it; None before.
        self.judged_by: Docket | None = None


class Part(Place):
    """The place of a fixture that ends with its test: it is named as the owner, and judged with the test."""

    __slots__ = ()


def put_back(variable: ContextVar[Place], token: Token[Place]) -> None:
    """Undo one setting of a variable, whatever came after it.

    A variable that was not set before is not set then: what it held would stay in the context, which outlasts all
    modules, and with it what leads on from there.
    """
    try:
        variable.reset(token)
    except ValueError:  # set in another context
        before = token.old_value
        variable.set(PROCESS if before is Token.MISSING else before)


class Stay(AbstractContextManager[None]):
    """A block in which is acquired for a place; a class, because it costs less than a generator."""

    __slots__ = ("_place", "_token", "_variable")

    def __init__(self, variable: ContextVar[Place], place: Place) -> None:
        self._variable = variable
        self._place = place

    def __enter__(self) -> None:
        self._token = self._variable.set(self._place)

    def __exit__(self, *_: object) -> None:
        put_back(self._variable, self._token)


class Duty:
    """The scope of one test or of one fixture.

    It is entered for each phase and left in between, because other plugins work there, and because the setup of a wider
    fixture falls into the time of a test. ``failed`` says that the test or fixture failed anyway.
    """

    __slots__ = (
        "_deadline",
        "_home",
        "_token",
        "_tracker",
        "ended",
        "failed",
        "found",
        "inner",
        "kind",
        "mark",
        "name",
        "place",
        "report",
        "section",
        "terms",
        "variable",
    )

    def __init__(self, tracker: Tracker, ledger: Ledger, name: str, kind: str, terms: Terms, parent: Place) -> None:
        self.name = name
        self.kind = kind
        self.terms = terms
        #: What says in each context where it acquires.
        self.variable: ContextVar[Place] = ledger.place
        #: Where it stands in the order of what is acquired.
        self.mark = ledger.mark()
        self.place = Post(name, kind, parent)
        #: Where it acquires: in its place, or in an allowance there.
        self.inner = self.place if terms.allow is None else Place("allow", "allow", self.place, terms.allow)
        self.failed = False
        self.ended = False
        #: What was found at its end, and the text of it that belongs beside the failure of a test that failed anyway.
        self.found: Sequence[Finding] = ()
        self.section = ""
        #: By which report it failed before its end.
        self.report: pytest.TestReport | None = None
        self._tracker = tracker
        self._home = ledger
        self._token: Token[Place] | None = None
        #: When it has waited long enough for what is just ending; None before it has begun to.
        self._deadline: float | None = None

    def inside(self, part: Place | None = None) -> Stay:
        """Acquire for this duty, or for a part of it, for a block."""
        return Stay(self.variable, part or self.inner)

    def part(self, name: str) -> Part:
        """Make the place of a fixture that ends with this test."""
        return Part(name, FIXTURE, self.inner)

    def enter(self, part: Place | None = None) -> None:
        """Acquire for this duty, or for a part of it, from now on."""
        self._token = self.variable.set(part or self.inner)

    def leave(self, part: Place | None = None) -> None:
        """Undo :meth:`enter`; does nothing after another :meth:`leave`."""
        token, self._token = self._token, None
        if token is not None and self.variable.get() is (part or self.inner):
            put_back(self.variable, token)

    def _left(self, lasts: Callable[[Entry], bool]) -> list[Entry]:
        """Give what is open, but for what lives as long as the process: nobody need be found who releases that.

        What tells by itself that it is released, as a descriptor that a file has closed, is none of it.
        """
        if not self.is_current() or self._home.is_quiet_since(self.mark):
            return []
        entries = self._home.open_since(self.mark, keep=True)
        mine = (entry for entry in entries if self._is_mine(place_of(entry)) and not is_reported(entry))
        return [entry for entry in mine if not is_released(entry) and not lasts(entry)]

    def _is_mine(self, place: Place) -> bool:
        """Whether a place is this one or a part of it, or a living owner in it, and no scope of the program's."""
        owner = (_owner_that_stands(place) or place).owner()
        if owner.is_owner:
            owner = (owner.parent or PROCESS).owner()
        return owner is self.place or (isinstance(owner, Part) and owner.parent is self.inner)

    def hand_on(self, holders: Iterable[tuple[Duty | None, Callable[[], Iterable[object]]]]) -> None:
        """Let what somebody else is going to release be due when that one has had his turn.

        ``holders`` are wider fixtures, or None for the process. They are asked in order for what they hold, as long as
        anything is left.
        """
        judgement = self._tracker.judgement
        if judgement is None:
            return
        lasts = judgement.asking(idle=False)  # it looks for some things once, in much
        acquired = self._left(lasts)
        if not acquired:
            return
        self._hand_on_imports(acquired)
        for duty, ask in holders:
            left = {id(entry): entry for entry in self._left(lasts)}
            if not left:
                return
            with collector_paused():  # an address stays that of one object
                addresses = {key: entry for key, entry in self._home.entries.copy().items() if id(entry) in left}
                found = self._found_by(ask, addresses)
            for key in found:
                self._move(addresses[key], PROCESS if duty is None else duty.inner)

    def pools_of(self, place: Place) -> list[object]:
        """Give the pools of libraries that were made in a place."""
        known: dict[Any, Place] = vars(self._home.pools)["data"].copy()  # other threads may add to it meanwhile
        mine = (reference() for reference, made in known.items() if made.owner() is place)
        return [pool for pool in mine if pool is not None]

    def _found_by(self, ask: Callable[[], Iterable[object]], addresses: dict[int, Entry]) -> set[int]:
        """Give which of the objects at some addresses somebody holds; what is lent stands for its lease."""
        with headroom():
            from lifetrack.pytest_plugin.reach import lent, reached

            addresses |= {item: addresses[lease] for item, lease in lent(addresses).items()}
            return reached(ask(), set(addresses))

    def _hand_on_imports(self, left: list[Entry]) -> None:
        """Let what modules have acquired that were imported meanwhile be the process's."""
        with headroom():
            from lifetrack.pytest_plugin.imported import is_imports
        for entry in left:
            if is_imports(entry):
                self._move(entry, PROCESS)

    def _move(self, entry: Entry, place: Place) -> None:
        """Let a resource be due at the end of another place; if it has an owner, that stands there from now on."""
        owner = _owner_that_stands(place_of(entry))
        if owner is not None:
            owner.parent = place
            note_name(self._home, place_of(entry))
            return
        extra = extra_of(entry)
        extra.origin = extra.origin or place_of(entry)  # the test that has acquired it, however often it is handed on
        entry[SCOPE] = place
        note_owner(self._home, entry)

    def is_current(self) -> bool:
        """Whether the tracker still works with the ledger of this duty: the program may have stopped it."""
        return self._tracker.ledger is self._home

    def ends_quietly(self) -> bool:
        """End it if nothing that came since it began is open, as in most tests of a suite; whether that is so."""
        self.ended = self.is_current() and self._tracker.end_quietly(self.place, self.mark)
        return self.ended

    def wait(self) -> None:
        """Give what is just ending the time that its type declares, counted from the first time that this is asked."""
        grace = self._tracker.pending_grace(self.place, self.mark)
        if not grace:
            return
        if self._deadline is None:
            self._deadline = clock.now() + grace
        left = self._deadline - clock.now()
        clock.wait_while(lambda: self._tracker.pending_grace(self.place, self.mark), left)

    def end(self, *, holders: bool) -> None:
        """File what is still open, with who holds it where that is wanted; nothing is raised.

        A grace period that a type declares is waited for.
        """
        self.ended = True
        if not self.is_current():
            return
        self.wait()
        self._tracker.end_scope(self.place, self.mark, may_raise=False, holders=holders)


def _owner_that_stands(place: Place) -> Place | None:
    """Give the living owner, as a handle, that a place is or is in, whose own place can be changed; the outermost."""
    found = None
    for each in place.lineage():
        if not isinstance(each, OwnerPlace) or isinstance(each, ObjectPlace) or each.is_gone():
            break
        found = each
    return found


class Docket:
    """Sorts new findings by the test or fixture that acquired the resource; what neither did is the process's."""

    def __init__(self) -> None:
        # The cases themselves, so that their ids stay theirs even if the program throws their ledger away.
        self._seen: dict[int, Case] = {}
        self._latest: Case | None = None
        self._waiting: dict[Place, list[Leak]] = {}
        #: What the program was told by an exception: misuses, and leaks from scopes that ended inside a test.
        self.raised: list[Finding] = []

    def take(self, ledger: Ledger | None, *, scopes_raised: bool = False) -> None:
        """Sort in what was filed since the last time.

        ``scopes_raised`` says that leaks filed for a scope inside a test were filed by the end of that scope.
        """
        if ledger is None or ledger.cases.latest is self._latest:
            return
        self._latest = ledger.cases.latest  # before the others are asked for, so that none is missed
        for case in ledger.cases.all():
            if id(case) in self._seen:
                continue
            self._seen[id(case)] = case
            finding = finding_of_case(ledger, case)
            place = place_of(case.entry)
            by_scope = scopes_raised and finding.rule != "LT102" and place.owner().kind not in _OWN
            if case.raised and (by_scope or not finding.is_leak):
                self.raised.append(finding)
            elif self._may_judge(due_with := _blamed_of(case.entry)):
                self._waiting.setdefault(due_with, []).append((case.entry, finding))

    def _may_judge(self, place: Place) -> bool:
        """Whether nobody else has: a run within a test tells of its own tests itself."""
        return not isinstance(place, Post) or place.judged_by is None or place.judged_by is self

    def pass_over(self, ledger: Ledger | None) -> None:
        """Leave to others what was filed before: it is another run's, or the program's."""
        if ledger is not None:
            self._latest = ledger.cases.latest
            self._seen.update((id(case), case) for case in ledger.cases.all())

    def has_nothing(self, ledger: Ledger | None, place: Place) -> bool:
        """Whether nothing was filed since the last time, and nothing waits for one test or fixture."""
        return ledger is not None and ledger.cases.latest is self._latest and place not in self._waiting

    def of(self, place: Place) -> list[Finding]:
        """Give and forget the findings of one test or fixture."""
        leaks = self._waiting.pop(place, None)
        return [] if leaks is None else fold(leaks)

    def rest(self) -> list[tuple[Place, Finding]]:
        """Give and forget all findings that nobody has asked for."""
        waiting, self._waiting = self._waiting, {}
        return [(place, finding) for place, leaks in waiting.items() for finding in fold(leaks)]


def _blamed_of(entry: Entry) -> Place:
    """Give the test or fixture whose leak it is: that of its last owner, else the one that acquired it."""
    owner = blamed(place_of(entry))
    return blamed(origin_of(entry)) if owner is PROCESS else owner


def blamed(place: Place) -> Place:
    """Give the test or fixture that a place is in and that is judged for it, else the process."""
    judged = (item for item in place.lineage() if item.kind in {TEST, FIXTURE} and not isinstance(item, Part))
    return next(judged, PROCESS)
