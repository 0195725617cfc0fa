"""Places: who has the duty to release, and under which name a finding files it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Place:
    """The process, a scope, a test, a fixture or an allowance; each but the process stands inside another one.

    What is ``exclusive`` allows nobody else to release what it owns.
    """

    __slots__ = ("__weakref__", "ended", "exclusive", "holder", "kind", "name", "parent", "reason")
    #: Whether it is an owner of its own rather than a stretch of the program.
    is_owner = False

    def __init__(self, name: str, kind: str, parent: Place | None = None, reason: str | None = None) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        self.reason = reason
        self.ended = False
        self.exclusive = False
        #: Gives the object that stands behind it, or None when that is gone; None where nothing stands behind it.
        self.holder: Callable[[], Any] | None = None

    def is_gone(self) -> bool:
        """Whether there is nobody left to release anything."""
        return self.ended

    def living(self) -> Place:
        """Give the innermost place of the lineage that has not ended."""
        return next((place for place in self.lineage() if not place.ended), PROCESS)

    def outer(self) -> Place | None:
        """Give the place that it stands in."""
        return self.parent

    def lineage(self) -> Iterator[Place]:
        """Give this place and all that it stands in, innermost first."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.outer()

    def owner(self) -> Place:
        """Give the place that owns what is acquired here: an allowance owns nothing."""
        place: Place | None = self
        while place is not None and place.kind == "allow":
            place = place.outer()
        return PROCESS if place is None else place

    def allowed(self) -> str | None:
        """Give the reason why what is acquired here may leak; None if it may not."""
        return next((place.reason for place in self.lineage() if place.kind == "allow"), None)


class OwnerPlace(Place):
    """An owner of its own: an explicit one, a handle, an object, a task or a thread.

    ``is_over`` asks the object whether it still is one who can release anything.
    """

    __slots__ = ("is_over",)
    is_owner = True

    def __init__(
        self,
        name: str,
        kind: str,
        parent: Place,
        holder: Callable[[], Any] | None,
        is_over: Callable[[Any], bool] | None = None,
    ) -> None:
        super().__init__(name, kind, parent)
        self.holder = holder
        self.is_over = is_over

    def is_gone(self) -> bool:
        """Whether it was closed, collected, or says itself that it is over."""
        if self.ended:
            return True
        if self.holder is None:
            return False
        holder = self.holder()
        return holder is None or (self.is_over is not None and self.is_over(holder))


PROCESS = Place("process", "process")
