"""Classes as people write them by hand: plain, slotted, abstract, generic, with special methods of their own."""

from __future__ import annotations

import abc
import functools
import typing

from tests.guards.zoo import BODY, CALLS, specimen
from tests.guards.zoo import close as shared_close


@specimen()
def plain(tracked):
    @tracked
    class Plain:
        def __init__(self):
            self.name = "specimen"

        def use(self):
            CALLS.append("use")
            return "used"

        @property
        def size(self):
            return 3

        def close(self):
            CALLS.append("close")
            return "closed"

    return Plain


@specimen()
def slotted(tracked):
    @tracked
    class Slotted:
        __slots__ = ("name",)
        __init__, use, close, size = BODY

    return Slotted


@specimen()
def slotted_with_weakref(tracked):
    @tracked
    class SlottedWeak:
        __slots__ = ("__weakref__", "name")
        __init__, use, close, size = BODY

    return SlottedWeak


@specimen()
def without_constructor(tracked):
    @tracked
    class Bare:
        name = "specimen"
        _, use, close, size = BODY

    return Bare


@specimen()
def subclass_of_declared(tracked):
    @tracked
    class Base:
        __init__, use, close, size = BODY

    class Child(Base):
        def use(self):
            return super().use()

    return Child


@specimen()
def subclass_without_any_super(tracked):
    @tracked
    class Base:
        __init__, use, close, size = BODY

    class Child(Base):
        def __init__(self):
            self.name = "specimen"

        def close(self):
            return shared_close(self)

    return Child


@specimen()
def three_levels(tracked):
    @tracked
    class Base:
        __init__, use, close, size = BODY

    class Middle(Base):
        def __init__(self):
            super().__init__("specimen")

        def close(self):
            result = super().close()
            self.use_inside()
            return result

        def use_inside(self):
            return self.size

    class Leaf(Middle):
        def close(self):
            return super().close()

    return Leaf


@specimen()
def abstract_base(tracked):
    @tracked
    class Base(abc.ABC):
        def __init__(self):
            self.name = "specimen"

        @abc.abstractmethod
        def close(self): ...

    class Concrete(Base):
        _, use, close, size = BODY

    return Concrete


@specimen()
def generic(tracked):
    T = typing.TypeVar("T")

    @tracked
    class Box(typing.Generic[T]):
        __init__, use, close, size = BODY

    return Box


@specimen()
def protocol_implementer(tracked):
    @tracked
    class Closable(typing.Protocol):
        def close(self): ...

    class Explicit(Closable):
        __init__, use, close, size = BODY

    return Explicit


@specimen()
def own_finalizer_that_closes(tracked):
    @tracked
    class Finalized:
        __init__, use, close, size = BODY

        def __del__(self):
            self.close()

    return Finalized


@specimen()
def own_finalizer_that_does_not_close(tracked):
    @tracked
    class Finalized:
        __init__, use, close, size = BODY

        def __del__(self):
            CALLS.append("del")

    return Finalized


@specimen()
def own_getattr(tracked):
    @tracked
    class Lazy:
        __init__, use, close, size = BODY

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            return f"made {name}"

    return Lazy


@specimen()
def own_getattribute(tracked):
    @tracked
    class Watcher:
        __init__, use, close, size = BODY

        def __getattribute__(self, name):
            return object.__getattribute__(self, name)

    return Watcher


@specimen(named=False)
def own_setattr(tracked):
    @tracked
    class Locked:
        _, use, close, size = BODY

        def __setattr__(self, name, value):
            raise AttributeError("locked")

    return Locked


@specimen()
def own_class_property(tracked):
    class Other:
        pass

    @tracked
    class Disguised:
        __init__, use, close, size = BODY

        @property
        def __class__(self):
            return Other

    return Disguised


@specimen("specimen")
def new_with_arguments(tracked):
    @tracked
    class Made:
        _, use, close, size = BODY

        def __new__(cls, name):
            self = super().__new__(cls)
            self.name = name
            return self

    return Made


@specimen()
def own_equality_without_hash(tracked):
    @tracked
    class Unhashable:
        __init__, use, close, size = BODY

        def __eq__(self, other):
            return isinstance(other, Unhashable)

    return Unhashable


@specimen()
def hostile_special_methods(tracked):
    @tracked
    class Hostile:
        __init__, use, close, size = BODY

        def __repr__(self):
            raise ValueError("repr")

        def __hash__(self):
            raise ValueError("hash")

        def __eq__(self, other):
            raise ValueError("eq")

        def __bool__(self):
            raise ValueError("bool")

    return Hostile


@specimen()
def cached_property_holder(tracked):
    @tracked
    class Cached:
        __init__, use, close, size = BODY

        @functools.cached_property
        def costly(self):
            return object()

    return Cached
