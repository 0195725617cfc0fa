"""Entries: what the ledger holds for one resource while its object exists.

An entry is a plain list, made by one literal on the path of every acquisition; the names of its places are here.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import Any, TypeAlias

from lifetrack.ledger.capture import Trace, unpack
from lifetrack.ledger.moment import Moment
from lifetrack.values.declarations import Declaration
from lifetrack.values.findings import Certainty
from lifetrack.values.stacks import RawStack

Entry: TypeAlias = list[Any]

STATE, NUMBER, TRACE, OFFSET, SCOPE, KIND, MOMENT, RELEASE_TRACE, RELEASE_OFFSET, RELEASE_MOMENT, EXTRA = range(11)

# States. LIVE, RELEASING and RELEASED are written as numbers in generated code.
UNOPENED, LIVE, RELEASING, RELEASED, HALF_RELEASED, FAILED, FINALIZING = range(7)
STATE_WORDS = ("not acquired", "live", "releasing", "released", "half-released", "failed", "finalizing")
#: The states in which a duty is open.
OPEN_STATES = frozenset({LIVE, RELEASING, HALF_RELEASED, FAILED})


def counted(counter: count[int]) -> int:
    """Read a counter without moving it. ``next`` on it is atomic, so that totals are exact without a lock."""
    return int(repr(counter)[6:-1])


class Kind:
    """Resources of one type in one ledger: its name, its declaration, how many were acquired and how many collected."""

    __slots__ = ("_collected", "collect", "declaration", "next", "numbers", "type_name")

    def __init__(self, type_name: str, declaration: Declaration) -> None:
        self.type_name = type_name
        self.declaration = declaration
        self.numbers = count()
        self.next = self.numbers.__next__
        self._collected = count()
        self.collect = self._collected.__next__

    @property
    def acquired(self) -> int:
        """How many were acquired."""
        return counted(self.numbers)

    @property
    def collected(self) -> int:
        """How many were collected while their duty was open."""
        return counted(self._collected)


#: How many first and how many last uses of one resource are kept.
KEPT_USES = 8
Use: TypeAlias = tuple[Trace | None, Moment | None]


class Extra:
    """What few entries have: more events, a label, a failure."""

    __slots__ = (
        "certainty",
        "dropped_uses",
        "error",
        "events",
        "first_uses",
        "label",
        "last_uses",
        "opening",
        "reference",
        "released_by",
        "reported",
        "serial",
    )

    def __init__(self) -> None:
        self.events: list[tuple[str, Trace | None, Moment | None]] = []
        self.label: str | None = None
        self.serial: int | None = None
        #: The rule under which it was reported as a leak already.
        self.reported: str | None = None
        #: The type name of the exception that its acquire or release method raised.
        self.error: str | None = None
        #: The release method that released it, where there are several.
        self.released_by: str | None = None
        #: Whether an acquire method was begun; one that succeeds makes another entry.
        self.opening = False
        self.certainty = Certainty.PROVEN
        self.first_uses: list[Use] = []
        self.last_uses: deque[Use] = deque(maxlen=KEPT_USES)
        self.dropped_uses = 0
        #: A weak reference, where the declaration has to ask the object itself.
        self.reference: Any = None

    def note_use(self, use: Use) -> None:
        """Note a use; of many the first and the last are kept."""
        if len(self.first_uses) < KEPT_USES:
            self.first_uses.append(use)
            return
        if len(self.last_uses) == KEPT_USES:
            self.dropped_uses += 1
        self.last_uses.append(use)


def extra_of(entry: Entry) -> Extra:
    """Give the extra part of an entry, made on first use."""
    extra: Extra | None = entry[EXTRA]
    if extra is None:
        extra = entry[EXTRA] = Extra()
    return extra


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
