"""Events: the things that happen to a resource."""

from __future__ import annotations

from lifetrack.values.making import dataclass
from lifetrack.values.stacks import Stack

CREATED = "created"
ACQUIRED = "acquired"
RELEASED = "released"
RELEASE_FAILED = "release-failed"
ACQUIRE_FAILED = "acquire-failed"
USED = "used"
COLLECTED = "collected"
TRANSFERRED = "transferred"
BORROWED = "borrowed"
RETURNED = "returned"
#: Somebody who shares a resource and has not let go of it.
SHARED = "shared"
#: What happened to a resource that the one in question depends on, or that depends on it.
PARENT_ACQUIRED = "parent-acquired"
PARENT_RELEASED = "parent-released"
CHILD_ACQUIRED = "child-acquired"
#: The owner of a resource that was still lent.
OWNER_ENDED = "owner-ended"
#: A lock that was held already, and one that was taken meanwhile.
HELD = "held"
THEN_ACQUIRED = "then-acquired"
#: The acquiring function was left by an exception.
LEFT = "left"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one resource.

    ``time`` is in seconds since tracking started. ``time``, ``thread`` and ``task`` are None where the level does not
    record them; ``stack`` has the most recent call first and is empty at level ``counts``. ``detail`` says more where
    there is more to say: to whom a resource was transferred, who released it, which parent it is about.
    """

    event: str
    time: float | None
    thread: str | None
    task: str | None
    pid: int
    stack: Stack
    detail: str | None = None
