"""What is watched."""

from __future__ import annotations

from collections.abc import Iterable

from lifetrack.instrument.classes import Classes
from lifetrack.instrument.singles import Singles


def check_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Validate watch names."""
    return (names,) if isinstance(names, str) else tuple(names)


class Watching:
    """The watched things of one tracker that is on."""

    def __init__(self, classes: Classes, singles: Singles) -> None:
        self.names: tuple[str, ...] = ()

    def install(self, names: tuple[str, ...]) -> None:
        """Watch more."""

    def remove(self, names: tuple[str, ...] | None = None) -> None:
        """Undo."""
