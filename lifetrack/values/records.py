"""Records: what lifetrack knows of one resource, and a snapshot of all live ones."""

from __future__ import annotations

from dataclasses import dataclass

from lifetrack.values.endings import NEVER
from lifetrack.values.events import Event
from lifetrack.values.findings import OwnerName, Resource
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
