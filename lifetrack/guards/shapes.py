"""Shapes: what lifetrack keeps for one instrumented class, on that class itself and so never longer than it lives."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from lifetrack.guards.engine import Engine
from lifetrack.guards.patches import Patches
from lifetrack.ledger.entries import Kind
from lifetrack.values.declarations import Declaration

#: The class attribute that holds the shape while tracking is on.
ATTRIBUTE = "__lifetrack_shape__"

_class_dict: Callable[[type], dict[str, Any]] = type.__dict__["__dict__"].__get__
_class_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
#: Set the class of an object, whatever its author has made of ``__class__`` and ``__setattr__``.
set_class: Callable[[object, type], None] = object.__dict__["__class__"].__set__


def own(cls: type) -> dict[str, Any]:
    """Give the attributes that stand on the class itself, past any metaclass of its own.

    Whoever goes through them goes through a copy: other threads may add some meanwhile.
    """
    return _class_dict(cls)


def mro(cls: type) -> tuple[type, ...]:
    """Give the method resolution order, past any metaclass of its own."""
    return _class_mro(cls)


def resolve(cls: type, name: str) -> Any:
    """Give the raw attribute that ``cls`` has or inherits under this name; None if there is none."""
    for base in mro(cls):
        if name in own(base):
            return own(base)[name]
    return None


class Shape:
    """One class as one tracker sees it: its account, its declaration, and the class of its released objects."""

    __slots__ = (
        "cls", "constructor", "declaration", "engine", "kind", "orphaned", "patches", "plain", "refused", "surface",
        "tombstone", "unopened",
    )  # fmt: skip

    def __init__(self, engine: Engine, cls: type, declaration: Declaration, kind: Kind) -> None:
        self.engine = engine
        self.cls = cls
        self.declaration = declaration
        self.kind = kind
        #: Its objects take a new ``__class__`` by assignment, which is cheaper than :func:`set_class`.
        self.plain = all(resolve(cls, name) is object.__dict__[name] for name in ("__setattr__", "__class__"))
        #: The code of the class's own constructor.
        self.constructor: CodeType | None = None
        self.tombstone: type | None = None
        self.unopened: type | None = None
        #: The class of its live objects whose parent is released.
        self.orphaned: type | None = None
        #: The interpreter refused the swap of classes once, so it is not tried again.
        self.refused = False
        #: The class whose methods are guarded: for a proxy, that of the object behind it.
        self.surface = cls
        #: What was replaced on the class.
        self.patches = Patches()


def shape_of(cls: type) -> Shape | None:
    """Give the shape of exactly this class, not of a base."""
    shape = own(cls).get(ATTRIBUTE)
    return shape if isinstance(shape, Shape) and shape.cls is cls else None
