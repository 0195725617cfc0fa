"""The registry: which classes are declared, whether tracking is on or off. It keeps no class alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import TypeAlias

from lifetrack.guards.shapes import mro, own
from lifetrack.ledger.entries import type_name
from lifetrack.values.declarations import Declaration

_Peers: TypeAlias = dict[type, dict[str, list[type]]]


class _Declared:
    """One declared class, and how to know the class that a decorator above ours has made in its place."""

    __slots__ = ("base", "declaration", "method", "name", "ref")

    def __init__(self, cls: type, declaration: Declaration) -> None:
        self.ref = weakref.ref(cls)
        self.declaration = declaration
        self.name = type_name(cls)
        self.base = weakref.ref(cls.__bases__[0]) if cls.__bases__ else None
        # Slotted dataclasses and attrs make the class again, of the same functions.
        method = next((item for item in own(cls).copy().values() if isinstance(item, FunctionType)), None)
        self.method = None if method is None else weakref.ref(method)

    def classes(self, peers: _Peers) -> Iterator[type]:
        """Give the class, while it lives, and those made in its place."""
        cls = self.ref()
        if cls is not None:
            yield cls
        base = None if self.base is None else self.base()
        method = None if self.method is None else self.method()
        if base is None or method is None:
            return
        if base not in peers:
            named = peers[base] = {}
            subclasses: list[type] = type.__subclasses__(base)
            for subclass in subclasses:
                named.setdefault(type_name(subclass), []).append(subclass)
        for peer in peers[base].get(self.name, ()):
            if peer is not cls and any(item is method for item in own(peer).copy().values()):
                yield peer


class Registry:
    """The declared classes of one tracker, oldest first."""

    def __init__(self) -> None:
        self._declared: list[_Declared] = []

    def add(self, cls: type, declaration: Declaration) -> None:
        """Remember a declaration; a later one of the same class replaces the earlier."""
        self._declared = [item for item in self._declared if item.ref() is not cls]
        self._declared.append(_Declared(cls, declaration))

    def find(self, cls: type) -> Declaration | None:
        """Give the declaration that covers a class: its own, or that of the nearest base."""
        declared = {id(ref): item.declaration for item in self._declared if (ref := item.ref()) is not None}
        return next((declared[id(base)] for base in mro(cls) if id(base) in declared), None)

    def has_limits(self) -> bool:
        """Whether any declaration says how long its resources may be held, or how many may be live."""
        return any(
            each.declaration.limit is not None or each.declaration.max_live is not None for each in self._declared
        )

    def install(self, install: Callable[[type, Declaration], None]) -> None:
        """Instrument every declared class."""
        peers: _Peers = {}
        for item in self._declared:
            for cls in item.classes(peers):
                install(cls, item.declaration)
