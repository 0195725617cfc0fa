"""Places: to whom a duty belongs by default, and under which name a finding files it."""

from __future__ import annotations

from collections.abc import Iterator


class Place:
    """The process, a scope, a test, a fixture or an allowance; each but the process stands inside another one."""

    __slots__ = ("__weakref__", "ended", "kind", "name", "parent", "reason")

    def __init__(self, name: str, kind: str, parent: Place | None = None, reason: str | None = None) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        self.reason = reason
        self.ended = False

    def living(self) -> Place:
        """Give the innermost place of the lineage that has not ended."""
        return next((place for place in self.lineage() if not place.ended), PROCESS)

    def lineage(self) -> Iterator[Place]:
        """Give this place and all that it stands in, innermost first."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent

    def owner(self) -> Place:
        """Give the place that owns what is acquired here: an allowance owns nothing."""
        return next((place for place in self.lineage() if place.kind != "allow"), PROCESS)

    def allowed(self) -> str | None:
        """Give the reason why what is acquired here may leak; None if it may not."""
        return next((place.reason for place in self.lineage() if place.kind == "allow"), None)


PROCESS = Place("process", "process")
