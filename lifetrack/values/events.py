"""Events: the things that happen to a resource."""

from __future__ import annotations

from dataclasses import dataclass

from lifetrack.values.stacks import Stack

CREATED = "created"
ACQUIRED = "acquired"
RELEASED = "released"
RELEASE_FAILED = "release-failed"
ACQUIRE_FAILED = "acquire-failed"
USED = "used"
COLLECTED = "collected"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one resource.

    ``time`` is in seconds since tracking started. ``time``, ``thread`` and ``task`` are None where the level does not
    record them; ``stack`` has the most recent call first and is empty at level ``counts``.
    """

    event: str
    time: float | None
    thread: str | None
    task: str | None
    pid: int
    stack: Stack
