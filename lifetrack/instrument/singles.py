"""Tracking single objects, and leases: resources that are a stretch of time rather than an object."""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any

from lifetrack.guards.engine import Engine
from lifetrack.guards.noting import new_entry, note_release
from lifetrack.guards.release_names import recognise
from lifetrack.guards.shapes import resolve, shape_of
from lifetrack.instrument.classes import Classes
from lifetrack.instrument.declare import names_of
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import (
    LIVE,
    OPEN_STATES,
    STATE,
    Kind,
    extra_of,
    type_name,
)
from lifetrack.values.declarations import Declaration
from lifetrack.values.errors import DeclarationError


class Lease:
    """Stands for a resource between the entry and the end of a context manager or generator."""

    __slots__ = ("__weakref__", "_singles")

    def __init__(self, singles: Singles) -> None:
        self._singles = singles

    def __del__(self) -> None:
        self._singles.lost(self)


class Singles:
    """Single tracked objects of one engine."""

    def __init__(self, engine: Engine, classes: Classes) -> None:
        self._engine = engine
        self._ledger = engine.ledger
        self._classes = classes
        self._proxies: dict[tuple[type, tuple[str, ...], str | None], type] = {}
        self._kinds: dict[tuple[str, str | None], Kind] = {}
        #: The proxies in use, by the address of the object behind: an object handed out again is the same resource.
        self._in_use: weakref.WeakValueDictionary[tuple[int, type], Any] = weakref.WeakValueDictionary()

    def take_over(self, other: Singles) -> None:
        """Go on with the proxies of another engine with the same ledger."""
        self._proxies |= other._proxies
        self._kinds |= other._kinds
        self._in_use = other._in_use

    # -- objects -------------------------------------------------------------------------------------------------

    def track(self, obj: Any, release: object, label: str | None, *, lenient: bool = False) -> Any:
        """Track one object; give what its user shall use from now on.

        ``lenient`` accepts an object without a release method: a function releases it. Raises DeclarationError where
        there is none otherwise.
        """
        recorder = self._classes.recorder
        entry = self._ledger.entries.get(id(obj))
        if entry is not None and entry[STATE] in OPEN_STATES:
            return self._labelled(obj, label)
        if any(shape_of(base) for base in type(obj).__mro__):
            recorder.acquire(obj, caller(1))
            return self._labelled(obj, label)
        made = self._proxy_class(type(obj), self._releases(type(obj), release, lenient))
        return self._labelled(self._proxy(obj, made), label)

    def _proxy(self, obj: Any, made: type) -> Any:
        proxy = self._in_use.get((id(obj), made))
        if proxy is not None:
            entry = self._ledger.entries.get(id(proxy))
            if entry is not None and entry[STATE] in OPEN_STATES:
                return proxy
        proxy = self._in_use[id(obj), made] = made(obj)
        return proxy

    def _labelled(self, obj: Any, label: str | None) -> Any:
        entry = self._ledger.entries.get(id(obj))
        if label is not None and entry is not None:
            extra_of(entry).label = label
            if self._ledger.journal is not None:
                self._ledger.journal.labelled(entry)
        return obj

    def _releases(self, cls: type, release: object, lenient: bool) -> tuple[tuple[str, ...], bool]:
        if release is not None:
            names = names_of(release, "release")
            for name in names:
                if resolve(cls, name) is None:
                    raise DeclarationError(
                        f"{cls.__qualname__} has no method {name}() to release it: name one that it has"
                    )
            return names, False
        names = recognise(cls)
        if not names and not lenient:
            raise DeclarationError(
                f'{cls.__qualname__} has no method that looks like a release: name it, as in release="hang_up"'
            )
        return names, True

    def _proxy_class(self, cls: type, releases: tuple[tuple[str, ...], bool]) -> type:
        from lifetrack.guards.proxies import context_releases, proxy_class

        names, recognised = releases
        key = (cls, names, None)
        made = self._proxies.get(key)
        if made is None:
            exits = tuple(name for name in context_releases(cls) if name not in names) if names else ()
            made = proxy_class(cls, (*names, *exits))
            declaration = Declaration(release=(*names, *exits), recognised=recognised or bool(exits))
            self._proxies[key] = made
            self._classes.install(made, declaration)
            shape = shape_of(made)
            if shape is not None:
                shape.surface = cls
        return made

    # -- leases --------------------------------------------------------------------------------------------------

    def lease(self, value: object, label: str | None, frame: FrameType) -> Lease | None:
        """Begin a lease of what a context manager handed out; None where it is tracked already."""
        entry = self._ledger.entries.get(id(value))
        if entry is not None and entry[STATE] in OPEN_STATES:
            return None
        name = type_name(type(value)) if value is not None else "context"
        kind = self._kind(name, label)
        lease = Lease(self)
        entry = new_entry(self._engine, kind, LIVE, kind.next(), frame)
        if self._ledger.journal is not None:
            self._ledger.journal.acquired(entry)
        self._ledger.entries[id(lease)] = entry
        return lease

    def _kind(self, name: str, label: str | None) -> Kind:
        key = (name, label)
        if key not in self._kinds:
            self._kinds[key] = self._ledger.new_kind(
                name, Declaration(release=("__exit__",), guard="none", label=label)
            )
        return self._kinds[key]

    def end(self, lease: Lease | None, frame: FrameType) -> None:
        """End a lease in order."""
        entry = None if lease is None else self._ledger.entries.get(id(lease))
        if entry is not None:
            note_release(self._engine, entry, frame)

    def lost(self, lease: Lease) -> None:
        """Notice that a lease was dropped; runs in the garbage collector, so it only enqueues."""
        entry = self._ledger.entries.pop(id(lease), None)
        if entry is not None and entry[STATE] in OPEN_STATES and self._engine.on:
            self._ledger.pending.append(entry)
        elif entry is not None:
            self._ledger.departures.soon(entry)
