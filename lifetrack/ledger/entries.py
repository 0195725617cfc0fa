"""Entries: what the ledger holds for one resource while its object exists.

An entry is a plain list, made by one literal on the path of every acquisition; the names of its places are here.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from types import CodeType
from typing import Any, TypeAlias

from lifetrack.ledger.capture import Trace, unpack
from lifetrack.ledger.moment import Moment, Who
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.values.declarations import OUTLIVES_POOL, Declaration
from lifetrack.values.findings import Certainty
from lifetrack.values.holders import Holder
from lifetrack.values.stacks import RawStack

Entry: TypeAlias = list[Any]

STATE, NUMBER, TRACE, OFFSET, SCOPE, KIND, MOMENT, RELEASE_TRACE, RELEASE_OFFSET, RELEASE_MOMENT, EXTRA = range(11)

# States. LIVE, RELEASING and RELEASED are written as numbers in generated code. What is BOUND is live, and its release
# must be looked at: the fast path asks for LIVE alone, so what nobody uses costs it nothing.
UNOPENED, LIVE, RELEASING, RELEASED, HALF_RELEASED, FAILED, FINALIZING, BOUND, INHERITED, COLLECTED = range(10)
STATE_WORDS = (
    "not acquired", "live", "releasing", "released", "half-released", "failed", "finalizing", "live", "inherited",
    "collected",
)  # fmt: skip
#: The states in which a duty is open.
OPEN_STATES = frozenset({LIVE, RELEASING, HALF_RELEASED, FAILED, BOUND})


def counted(counter: count[int]) -> int:
    """Read a counter without moving it. ``next`` on it is atomic, so that totals are exact without a lock."""
    return int(repr(counter)[6:-1])


class Kind:
    """Resources of one type in one ledger: its name, its declaration, how many were acquired and how many collected."""

    __slots__ = ("_before", "_collected", "bases", "collect", "declaration", "next", "noted", "numbers", "type_name")

    def __init__(self, type_name: str, declaration: Declaration) -> None:
        self.type_name = type_name
        #: The names of the classes that its class inherits from, so that a limit may name one of these.
        self.bases: tuple[str, ...] = ()
        self.declaration = declaration
        self.numbers = count()
        self.next = self.numbers.__next__
        self._collected = count()
        self.collect = self._collected.__next__
        self._before = 0, 0
        #: Its number in the journal, if there is one.
        self.noted = 0

    @property
    def acquired(self) -> int:
        """How many were acquired in this process."""
        return counted(self.numbers) - self._before[0]

    @property
    def collected(self) -> int:
        """How many were collected while their duty was open."""
        return counted(self._collected) - self._before[1]

    def discount(self) -> None:
        """Take one out of the count that is no acquisition of this process's."""
        self._before = self._before[0] + 1, self._before[1]

    def begin_anew(self) -> None:
        """Count from here, in a process that was forked."""
        self._before = counted(self.numbers), counted(self._collected)


#: How many first and how many last notes of one resource are kept.
KEPT_NOTES = 8
#: One more event of a resource: its word, where and when, and what it is about: a place, an entry, a text.
Note: TypeAlias = tuple[str, Trace | None, Moment | None, Any]
#: A borrow: where and when it began, and where and when it was over; the last is OPEN until then.
Loan: TypeAlias = list[Any]
OPEN: Any = object()


class Extra:
    """What few entries have: more events, a label, a failure, ties to others.

    Made on the path of every transfer and borrow, so what is not set stands on the class.
    """

    label: str | None = None
    serial: int | None = None
    #: The rule under which it was reported as a leak already.
    reported: str | None = None
    #: Whether it was reported as held too long.
    overdue = False
    #: The type name of the exception that its acquire or release method raised.
    error: str | None = None
    #: The release method that released it, where there are several.
    released_by: str | None = None
    #: How it ended, where the site of the release does not tell.
    ended: str | None = None
    #: Whether an acquire method was begun; one that succeeds makes another entry.
    opening = False
    certainty = Certainty.PROVEN
    #: Further events in order; of many the first and the last.
    notes: list[Note] | None = None
    dropped = 0
    #: A weak reference, where the declaration has to ask the object itself.
    reference: Any = None
    #: The place in which it was acquired, once it has been transferred; and the last transfer.
    origin: Place | None = None
    transfer: Note | None = None
    #: The borrows that are open, by address, and the last of those that are over.
    lent: dict[int, Loan] | None = None
    loans: deque[Loan] | None = None
    #: Those who share it, by the address of their handles.
    sharers: dict[int, Note] | None = None
    #: The entry of the resource that it depends on.
    parent: Entry | None = None
    #: The entries of those that depend on it, by address, each with a weak reference to its object if there can be one.
    children: dict[int, tuple[Entry, Any]] | None = None
    #: The thread that it is bound to.
    thread: Who | None = None
    #: The exception by which its acquiring function was left: type name, code and offset.
    left: tuple[str, CodeType | None, int] | None = None
    #: The suspended generator that holds it: code and offset.
    suspended: tuple[CodeType, int] | None = None
    #: Who was found to hold its object.
    held_by: tuple[Holder, ...] = ()

    def note(self, note: Note) -> None:
        """Keep an event; of many the first and the last are kept, and the rest is counted."""
        notes = self.notes
        if notes is None:
            # The first transfer is not among the notes until there is something to put it before.
            self.notes = [note] if self.transfer is None else [self.transfer, note]
            return
        notes.append(note)
        if len(notes) > 2 * KEPT_NOTES:
            del notes[KEPT_NOTES]
            self.dropped += 1

    def claim(self, rule: str) -> bool:
        """Note that it is reported as a leak; False if another thread has done so."""
        if self.reported is not None:  # no call stands between this question and the answer
            return False
        self.reported = rule
        return True

    def begin_lending(self) -> dict[int, Loan]:
        """Make room for borrows; give those that are open."""
        loans: deque[Loan] = deque(maxlen=KEPT_NOTES)
        lent: dict[int, Loan] = {}
        # Nothing is made between a question and its answer, so of several threads one prevails.
        if self.loans is None:
            self.loans = loans
        if self.lent is None:
            self.lent = lent
        return self.lent


def extra_of(entry: Entry) -> Extra:
    """Give the extra part of an entry, made on first use. Of two threads that make it at once one prevails."""
    extra: Extra | None = entry[EXTRA]
    if extra is None:
        fresh = Extra()
        extra = entry[EXTRA]
        if extra is None:  # no call stands between this question and the answer, so no other thread comes in
            entry[EXTRA] = extra = fresh
    return extra


def part_from_children(entry: Entry) -> None:
    """Forget what depends on a resource whose object is gone: parent and child would be a cycle for the collector.

    Runs in the garbage collector, so it changes one thing at once.
    """
    extra: Extra | None = entry[EXTRA]
    if extra is not None and extra.children:
        extra.children.clear()


def place_of(entry: Entry) -> Place:
    """Give the place that an entry belongs to."""
    place: Place = entry[SCOPE] or PROCESS
    return place


def origin_of(entry: Entry) -> Place:
    """Give the place in which a resource was acquired, whoever owns it now."""
    extra: Extra | None = entry[EXTRA]
    if extra is not None and extra.origin is not None:
        return extra.origin
    return place_of(entry) if extra is None or extra.transfer is None else PROCESS


def is_orphan(entry: Entry) -> bool:
    """Whether the owner of a resource is gone: one that it was transferred to, or made for."""
    place = place_of(entry)
    return place.is_gone() and (place.is_owner or (entry[EXTRA] is not None and entry[EXTRA].transfer is not None))


def is_idle(entry: Entry) -> bool:
    """Whether it is of a kind that has nothing of its own to give back, and nothing that it keeps or uses is open."""
    if not entry[KIND].declaration.hollow:
        return False
    extra: Extra | None = entry[EXTRA]
    if extra is None:
        return True
    kept = [child for child, _ in (extra.children or {}).copy().values()]
    kept += getattr(extra.reference, "parts", ())
    return not any(each[STATE] in OPEN_STATES and not _outlives_pool(each) and not is_idle(each) for each in kept)


def _outlives_pool(entry: Entry) -> bool:
    """Whether it was lent for longer than its pool may live, or is in the hands of something that was."""
    parent = None if entry[EXTRA] is None else entry[EXTRA].parent
    return any(
        each is not None and each[KIND].declaration.lent == OUTLIVES_POOL and each[STATE] in OPEN_STATES
        for each in (entry, parent)
    )


def is_opening(entry: Entry) -> bool:
    """Whether an acquire method was begun on what is not live: it may begin with a release, or tidy up by one."""
    return entry[EXTRA] is not None and bool(entry[EXTRA].opening)


def acquire_stack(entry: Entry) -> RawStack:
    """Give the frames of the acquisition."""
    return unpack(entry[TRACE], entry[OFFSET])


def release_stack(entry: Entry) -> RawStack:
    """Give the frames of the release; empty while there is none."""
    return unpack(entry[RELEASE_TRACE], entry[RELEASE_OFFSET])


def type_name(cls: type) -> str:
    """Give the full name of a class, without asking anything that its author may have overridden."""
    name = type.__dict__["__qualname__"].__get__(cls)
    module = type.__dict__["__module__"].__get__(cls)
    return str(name) if module in (None, "builtins") else f"{module}.{name}"


def bases_of(cls: type) -> tuple[str, ...]:
    """Give the names of what a class inherits from, nearest first."""
    return tuple(type_name(base) for base in type.__dict__["__mro__"].__get__(cls)[1:-1])
