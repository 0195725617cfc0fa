"""The mechanism for classes written in C that nobody can subclass, change or refer to weakly.

What makes their objects gives a stand-in instead: an object that has the real one and all its methods, and answers as
it. Where the maker is the class itself, as ``select.epoll``, the class of the stand-ins takes its place.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ClassMethodDescriptorType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from lifetrack.guards.shapes import mro, own
from lifetrack.ledger.callers import caller
from lifetrack.watchers.aliases import exchange, replacement
from lifetrack.watchers.numbers import taken
from lifetrack.watchers.provenance import whose_call
from lifetrack.watchers.rows import Row, asked
from lifetrack.watchers.shared import Shared

#: What a stand-in has of its own, or from ``object``.
_OWN = frozenset({
    "__new__", "__init__", "__del__", "__getattribute__", "__class_getitem__", "__reduce__", "__reduce_ex__",
    "__doc__", "__module__", "__next__", "__init_subclass__", "__subclasshook__",
})  # fmt: skip
#: Of the flags of a type: that it may be subclassed.
_BASETYPE = 1 << 10


class WatchedMaker(Shared):
    """What makes objects of one kind, for all trackers."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self._old: Any = None
        self._new: Any = None
        self._classes: dict[type, Any] = {}
        self._users = frozenset(attribute.partition(":")[0] for attribute in row.taken_by)

    def put(self) -> None:
        """Replace it under all its names."""
        native = self._old = getattr(sys.modules[self._row.module], self._row.name)
        if isinstance(native, type):
            self._new = self._stand_in(native)
        else:
            self._new = replacement(native, self._making(native))
        exchange(self._old, self._new)

    def restore(self) -> None:
        """Give all the names back; stand-ins that are open go on, and tell nobody."""
        new, self._new = self._new, None
        if new is not None:
            exchange(new, self._old)
            for attribute in self._row.taken_by:
                self._give_back(attribute, new)

    def _give_back(self, attribute: str, new: object) -> None:
        """Restore an attribute of a class that was made while this was in place."""
        module, _, path = attribute.partition(":")
        owner, _, name = path.partition(".")
        cls = getattr(sys.modules.get(module), owner, None)
        if cls is not None and own(cls).get(name) is new:
            setattr(cls, name, self._old)

    def _making(self, native: Any) -> Callable[..., Any]:
        def making(_: object, /, *args: Any, **kwargs: Any) -> Any:
            return self.made(native(*args, **kwargs))

        return making

    def made(self, real: Any) -> Any:
        """Give the stand-in for a new object, and record it; called by what the program calls."""
        frame, row = caller(2), self._row
        if row.takes is not None:
            taken(asked(row.takes, -1, real))
        if not self.listeners or (row.callers and whose_call(frame, row.name, self._users) not in row.callers):
            return real
        made = object.__new__(self._stand_in(type(real)))
        made._real = real
        if hasattr(real, "__next__"):
            made._next = real.__next__
        for listener in self.listeners:
            listener.acquired(made, row.declaration, frame, type(real))
        return made

    def _stand_in(self, real: type) -> Any:
        if real not in self._classes:
            self._classes[real] = self._make_class(real)
        return self._classes[real]

    def _make_class(self, real: type) -> Any:
        slots = ("_real", "__weakref__", "_next") if hasattr(real, "__next__") else ("_real", "__weakref__")
        space: dict[str, Any] = {
            "__slots__": slots, "__doc__": real.__doc__, "__module__": real.__module__,
            "__qualname__": real.__qualname__, "__class__": property(lambda self: real),
            "__reduce_ex__": _not_pickled(real), "__getattr__": _of_real,
        }  # fmt: skip
        attributes = {name: value for cls in reversed(mro(real)[:-1]) for name, value in own(cls).copy().items()}
        for name, value in attributes.items():
            if name not in _OWN and not isinstance(value, ClassMethodDescriptorType):
                space[name] = self._forwarded(name, value)
        if not real.__flags__ & _BASETYPE:
            space["__init_subclass__"] = _not_subclassed(real)
        if "_next" in slots:
            space["__next__"] = self._iterating(attributes["__next__"])
        return type.__new__(_meta(self, real, attributes), real.__name__, (), space)

    def _forwarded(self, name: str, attribute: Any) -> Any:
        if isinstance(attribute, GetSetDescriptorType | MemberDescriptorType):
            return property(lambda self: attribute.__get__(self._real), doc=attribute.__doc__)
        if not callable(attribute):
            return attribute

        def forward(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            real = self._real
            result = attribute(real, *args, **kwargs)
            return self if result is real else result

        if name in self._row.declaration.release:
            forward = self.releaser(self._row.declaration, forward)
        return functools.wraps(attribute)(forward)

    def _iterating(self, attribute: Any) -> Any:
        """Wrap the step of an iterator, which releases what it has when it comes to its end."""

        def __next__(self: Any) -> Any:
            try:
                return self._next()
            except BaseException:
                for listener in watched.listeners:
                    listener.released(self, watched._row.declaration, caller(1), asked=False)
                raise

        watched = self
        return functools.wraps(attribute)(__next__)


def _of_real(self: Any, name: str) -> Any:
    """Say in the words of the real object that it has no such attribute."""
    if name in ("_real", "_next"):
        raise AttributeError(name)
    return getattr(self._real, name)


def _not_pickled(real: type) -> Any:
    def __reduce_ex__(_: Any, _protocol: Any) -> Any:
        raise TypeError(f"cannot pickle '{real.__module__}.{real.__qualname__}' object")

    return __reduce_ex__


def _not_subclassed(real: type) -> Any:
    def __init_subclass__(_: Any, /, **__: Any) -> Any:
        raise TypeError(f"type '{real.__module__}.{real.__qualname__}' is not an acceptable base type")

    return classmethod(__init_subclass__)


def _meta(watched: WatchedMaker, real: type, attributes: dict[str, Any]) -> Any:
    """Make the class of a class of stand-ins: it makes real objects, and knows them as its own."""

    def __call__(_: Any, /, *args: Any, **kwargs: Any) -> Any:
        return watched.made(real(*args, **kwargs))

    def __instancecheck__(cls: Any, obj: Any) -> bool:
        return type.__instancecheck__(cls, obj) or isinstance(obj, real)

    def __subclasscheck__(cls: Any, other: Any) -> bool:
        return type.__subclasscheck__(cls, other) or issubclass(other, real)

    def __signature__(_: Any) -> Any:
        import inspect

        return inspect.signature(real)

    space: dict[str, Any] = {
        "__call__": __call__, "__instancecheck__": __instancecheck__, "__subclasscheck__": __subclasscheck__,
        "__signature__": property(__signature__), "__repr__": lambda cls: repr(real),
    }  # fmt: skip
    for name, value in attributes.items():
        if isinstance(value, ClassMethodDescriptorType):
            space[name] = _class_method(watched, real, name)
    return type("type", (type,), space)


def _class_method(watched: WatchedMaker, real: type, name: str) -> Any:
    native = getattr(real, name)

    @functools.wraps(native)
    def method(_: Any, /, *args: Any, **kwargs: Any) -> Any:
        result = native(*args, **kwargs)
        return watched.made(result) if type(result) is real else result

    return method
