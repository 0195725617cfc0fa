"""Records: what lifetrack knows of one resource, and a snapshot of all live ones."""

from __future__ import annotations

from lifetrack.values.endings import NEVER
from lifetrack.values.events import Event
from lifetrack.values.findings import OwnerName, Resource
from lifetrack.values.making import dataclass
from lifetrack.values.stacks import Site


@dataclass(frozen=True, slots=True)
class Record:
    """One resource at one moment: what it is, its state, where it was acquired, who owns it and what happened to it.

    ``ended`` is how it ended, one of :data:`lifetrack.values.endings.ENDINGS`; ``never`` while its duty is open.
    """

    resource: Resource
    state: str
    site: Site | None
    owner: OwnerName
    events: tuple[Event, ...]
    ended: str = NEVER


@dataclass(frozen=True, slots=True)
class TypeTotals:
    """How many resources of one type were acquired and released, and how many are live."""

    type: str
    acquired: int
    released: int
    live: int


@dataclass(frozen=True, slots=True)
class Lasting:
    """Something that lives as long as the process by design: a thread, process or descriptor, its name, and why."""

    kind: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Tenure:
    """Who had the duty to release, and since when: in seconds since tracking started, None where it is not known."""

    owner: OwnerName
    since: float | None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One resource in time: from ``since`` to ``until``, None while it lasts or where the end was not recorded.

    Both are in seconds since tracking started in process ``pid``. ``owners`` are all that it had, the first since it
    was acquired. ``rule`` is the one under which it was reported as a leak, None if it was not.
    """

    resource: Resource
    state: str
    site: Site | None
    pid: int
    thread: str | None
    since: float
    until: float | None
    owners: tuple[Tenure, ...]
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Some resources in time, and of how many others nothing is told, for want of room."""

    shown: tuple[Lifetime, ...] = ()
    left_out: int = 0

    def __bool__(self) -> bool:
        return bool(self.shown or self.left_out)


NO_LIFETIMES = Lifetimes()

#: What the records may not cover: objects that could not be tracked, and those acquired before tracking began.
UNTRACKABLE, UNKNOWN = "untrackable", "unknown"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Objects of one type that no record is about, or not from their beginning: how many, and why."""

    what: str
    type: str
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All live resources at one moment, and the totals by type."""

    types: tuple[TypeTotals, ...]
    live: tuple[Record, ...]
