"""Subclasses that take the place of a class written in C under its names, and answer as it."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable
from typing import Any

from lifetrack.ledger.callers import caller


def substitute_meta(real: Any, made: Callable[[Any], object]) -> Any:
    """Make the class of such a subclass: it knows the objects and subclasses of the ``real`` one as its own.

    It is of the kind that abstract classes are, so that a subclass may be abstract too. ``made`` hears of each object
    that is made by a call of the class or a subclass, two frames below whoever calls.
    """

    class Meta(ABCMeta):
        def __new__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any], /, **options: Any) -> Any:
            # That of abstract classes is written in Python: what `type(...)` makes would be of its module.
            module = caller(1).f_globals.get("__name__")
            return super().__new__(cls, name, bases, {"__module__": module, **space}, **options)

        def __call__(cls, /, *args: Any, **kwargs: Any) -> Any:
            obj = type.__call__(cls, *args, **kwargs)
            if isinstance(obj, real):
                made(obj)
            return obj

        def __instancecheck__(cls, obj: Any) -> bool:
            return isinstance(obj, real) if _stands_for(cls, real) else bool(super().__instancecheck__(obj))

        def __subclasscheck__(cls, other: Any) -> bool:
            return issubclass(other, real) if _stands_for(cls, real) else bool(super().__subclasscheck__(other))

        @property
        def __signature__(cls) -> Any:
            import inspect

            return inspect.signature(real)

        def __repr__(cls) -> str:
            return repr(real) if _stands_for(cls, real) else super().__repr__()

    return Meta


def _stands_for(cls: type, real: type) -> bool:
    """Whether it is the substitute itself, and no subclass of the program's, which has that as its base."""
    return cls.__bases__ == (real,)
