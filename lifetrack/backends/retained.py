"""Retained: backends that were released and that somebody still has."""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any, NamedTuple

from lifetrack.backends.holders import Path, paths_to
from lifetrack.backends.seats import Seat
from lifetrack.ledger.cases import Case
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.tracker import default_tracker
from lifetrack.values.findings import Certainty, Finding

#: What holds an object where the collector sees nothing that does.
_VARIABLE: Path = ("a variable of a running function",)
#: How many may be noted before those that are no more are let go.
_LEAST = 64


class Retained(NamedTuple):
    """A backend that was released and is still referred to, and the paths of references from its holders to it."""

    name: str
    type: str
    held_by: tuple[Path, ...]
    #: The same as a finding (LT109), where the backend was tracked.
    finding: Finding | None = None

    def __str__(self) -> str:
        return f"backend '{self.name}' ({self.type}) was released and is still held by {' '.join(self.held_by[0])}"


def _finding(backend: object, paths: tuple[Path, ...]) -> Finding | None:
    engine = default_tracker().engine
    entry = None if engine is None else engine.released(backend)
    if engine is None or entry is None:
        return None
    case = Case("LT109", Certainty.PROVEN, list(entry), None, words={"holder": " ".join(paths[0])})
    held_by = tuple({"verdict": "unknown", "path": list(path)} for path in paths)
    return dataclasses.replace(finding_of_case(engine.ledger, case), held_by=held_by)


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
                paths = tuple(paths_to(backend)) or (_VARIABLE,)
                found.append(Retained(name, kind, paths, _finding(backend, paths)))
        return tuple(found)
