"""Parts: what a backend acquires while it is made or released belongs to it, and carries its name."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import place_of
from lifetrack.ledger.journaling import note_name
from lifetrack.ledger.places import OwnerPlace, Place
from lifetrack.ownership.custody import ObjectPlace, object_place
from lifetrack.ownership.holding import end_unclosed
from lifetrack.tracker import default_tracker

KIND = "backend"


class Nursery(ObjectPlace):
    """Owns what is acquired while a backend is being made, until there is a backend that it can stand for."""

    __slots__ = ("_bound",)

    def __init__(self, engine: Engine, name: str, parent: Place) -> None:
        OwnerPlace.__init__(self, name, KIND, parent, None)
        self._entries, self._key, self._entry = engine.ledger.entries, 0, None
        self._bound = False

    def bind(self, backend: object) -> None:
        """Stand for a backend from now on. Its own entry must belong to another place by now."""
        self._key, self._entry, self._bound = id(backend), self._entries.get(id(backend)), True
        try:
            self.holder = weakref.ref(backend)
        except TypeError:
            self.holder = None

    def outer(self) -> Place | None:
        """Give the place that the backend belongs to, or will."""
        entry = self.entry if self._bound else None
        return self.parent if entry is None else place_of(entry)

    def is_gone(self) -> bool:
        """Whether the backend is gone, or was never made."""
        return super().is_gone() if self._bound else self.ended


@contextmanager
def making(name: str) -> Iterator[Nursery | None]:
    """Let what is acquired in a block belong to the backend that is made in it; gives nothing while tracking is off."""
    engine = default_tracker().engine
    if engine is None:
        yield None
        return
    ledger = engine.ledger
    ledger.note_scoped()
    nursery = Nursery(engine, name, ledger.place.get())
    token = ledger.place.set(nursery)
    try:
        yield nursery
    except BaseException:
        end_unclosed(nursery)
        raise
    finally:
        ledger.place.reset(token)


@contextmanager
def releasing(backend: object) -> Iterator[None]:
    """Let what a backend acquires in a block, in which it is released, belong to it."""
    engine = default_tracker().engine
    if engine is None:
        yield
        return
    ledger = engine.ledger
    ledger.note_scoped()
    token = ledger.place.set(object_place(engine, backend))
    try:
        yield
    finally:
        ledger.place.reset(token)


def name_parts(backend: object, label: str) -> None:
    """Let the parts of a backend be told under its name and that of its distribution."""
    engine = default_tracker().engine
    if engine is not None:
        place = object_place(engine, backend)
        place.name, place.kind, place.ended = label, KIND, False
        note_name(engine.ledger, place)


def name_nursery(nursery: Nursery, label: str) -> None:
    """Let what a backend acquired while it was made be told under its name and that of its distribution."""
    nursery.name = label
    engine = default_tracker().engine
    if engine is not None:
        note_name(engine.ledger, nursery)
