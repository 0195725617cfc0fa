"""Retained: backends that were released and that somebody still has."""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any, NamedTuple

from lifetrack.backends.seats import Seat
from lifetrack.holders.explain import explain
from lifetrack.ledger.cases import Case
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.tracker import default_tracker
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.holders import Holder

#: How many may be noted before those that are no more are let go.
_LEAST = 64


class Retained(NamedTuple):
    """A backend that was released and is still referred to, and the paths of references from its holders to it."""

    name: str
    type: str
    held_by: tuple[tuple[str, ...], ...]
    #: The same as a finding (LT109), where the backend was tracked.
    finding: Finding | None = None

    def __str__(self) -> str:
        holder = Holder("", self.held_by[0]).words
        return f"backend '{self.name}' ({self.type}) was released and is still held by {holder}"


def _finding(backend: object, holders: tuple[Holder, ...]) -> Finding | None:
    engine = default_tracker().engine
    entry = None if engine is None else engine.released(backend)
    if engine is None or entry is None:
        return None
    case = Case("LT109", Certainty.PROVEN, list(entry), None, words={"holder": str(holders[0])})
    return dataclasses.replace(finding_of_case(engine.ledger, case), held_by=holders)


def _retained(name: str, kind: str, backend: object, holders: tuple[Holder, ...]) -> Retained:
    return Retained(name, kind, tuple(holder.path for holder in holders), _finding(backend, holders))


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
        alive = [(name, kind, backend) for name, kind, ref in self._gone if (backend := ref()) is not None]
        if not alive:
            return ()
        holders = explain({id(backend) for _, _, backend in alive}).holders
        return tuple(_retained(name, kind, backend, holders[id(backend)]) for name, kind, backend in alive)
