"""Retained: backends that were released and that somebody still has."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

from lifetrack.backends.holders import Path, paths_to
from lifetrack.backends.seats import Seat

#: What holds an object where the collector sees nothing that does.
_VARIABLE: Path = ("a variable of a running function",)
#: How many may be noted before those that are no more are let go.
_LEAST = 64


class Retained(NamedTuple):
    """A backend that was released and is still referred to, and the paths of references from its holders to it."""

    name: str
    type: str
    held_by: tuple[Path, ...]

    def __str__(self) -> str:
        return f"backend '{self.name}' ({self.type}) was released and is still held by {' '.join(self.held_by[0])}"


class Gone:
    """The backends that a collection has released; it does not keep them alive."""

    def __init__(self) -> None:
        self._gone: list[tuple[str, str, weakref.ref[Any]]] = []
        self._limit = _LEAST

    def note(self, seat: Seat) -> None:
        """Note a backend that was released."""
        try:
            reference = weakref.ref(seat.backend)
        except TypeError:  # then nobody can tell whether it is still held
            return
        self._gone.append((seat.name, seat.type_name, reference))
        if len(self._gone) > self._limit:
            self._gone = [each for each in self._gone if each[2]() is not None]
            self._limit = _LEAST + 2 * len(self._gone)

    def held(self) -> tuple[Retained, ...]:
        """Give those that are still alive, with who holds them."""
        found = []
        for name, kind, reference in self._gone:
            backend = reference()
            if backend is not None:
                found.append(Retained(name, kind, tuple(paths_to(backend)) or (_VARIABLE,)))
        return tuple(found)
