"""Classes that a decorator, a base or a metaclass generates: dataclasses, attrs, pydantic, named tuples, registries."""

from __future__ import annotations

import enum
import typing
import weakref
from dataclasses import dataclass

import attr
import attrs
import pydantic

from tests.guards.zoo import BODY, specimen
from tests.guards.zoo import close as shared_close
from tests.guards.zoo import size as shared_size
from tests.guards.zoo import use as shared_use


def _dataclass(name, above, **options):
    def declare(tracked):
        inner, outer = (dataclass(**options), tracked) if above else (tracked, dataclass(**options))

        @outer
        @inner
        class Data:
            name: str

            def use(self):
                return shared_use(self)

            def close(self):
                return shared_close(self)

            @property
            def size(self):
                return 3

        return Data

    declare.__name__ = name
    specimen("specimen")(declare)


_dataclass("dataclass_tracked_above", True)
_dataclass("dataclass_tracked_below", False)
_dataclass("frozen_dataclass_tracked_above", True, frozen=True)
_dataclass("frozen_dataclass_tracked_below", False, frozen=True)
_dataclass("slotted_dataclass_tracked_above", True, slots=True)
_dataclass("slotted_dataclass_tracked_below", False, slots=True)
_dataclass("frozen_slotted_dataclass_tracked_above", True, frozen=True, slots=True)
_dataclass("frozen_slotted_dataclass_tracked_below", False, frozen=True, slots=True)


@specimen("specimen")
def dataclass_over_declared_base(tracked):
    @tracked
    class Base:
        __init__, use, close, size = BODY

    @dataclass
    class Data(Base):
        name: str

    return Data


@specimen("specimen")
def slotted_dataclass_over_declared_base(tracked):
    @tracked
    class Base:
        __slots__ = ()
        _, use, close, size = BODY

    @dataclass(slots=True)
    class Data(Base):
        name: str

        def close(self):
            return shared_close(self)

    return Data


def _attrs(name, above, define, **options):
    def declare(tracked):
        inner, outer = (define(**options), tracked) if above else (tracked, define(**options))

        @outer
        @inner
        class Data:
            name = attr.ib()

            def use(self):
                return shared_use(self)

            def close(self):
                return shared_close(self)

            @property
            def size(self):
                return 3

        return Data

    declare.__name__ = name
    specimen("specimen")(declare)


_attrs("attrs_define_tracked_above", True, attrs.define)
_attrs("attrs_define_tracked_below", False, attrs.define)
_attrs("attrs_frozen_tracked_above", True, attrs.frozen)
_attrs("attrs_without_slots_tracked_above", True, attrs.define, slots=False)
_attrs("attrs_without_slots_tracked_below", False, attrs.define, slots=False)
_attrs("attr_s_tracked_above", True, attr.s)
_attrs("attr_s_tracked_below", False, attr.s)


@specimen("specimen")
def attrs_over_declared_base(tracked):
    @tracked
    class Base:
        _, use, close, size = BODY

    @attrs.define
    class Data(Base):
        name: str

    return Data


@specimen(named=False)
def pydantic_model(tracked):
    @tracked
    class Model(pydantic.BaseModel):
        name: str = "specimen"

        def use(self):
            return shared_use(self)

        def close(self):
            return shared_close(self)

        @property
        def size(self):
            return 3

    return Model


@specimen("specimen")
def named_tuple(tracked):
    @tracked
    class Row(typing.NamedTuple):
        name: str
        use = shared_use
        close = shared_close
        size = shared_size

    return Row


@specimen()
def metaclass_registry(tracked):
    class Registry(type):
        plugins: typing.ClassVar = []

        def __new__(mcls, name, bases, namespace, *, key):
            cls = super().__new__(mcls, name, bases, namespace)
            mcls.plugins.append(key)
            return cls

        def __init__(cls, name, bases, namespace, *, key):
            super().__init__(name, bases, namespace)

        def __setattr__(cls, name, value):
            raise AttributeError("the registry seals its classes")

    @tracked
    class Plugin(metaclass=Registry, key="base"):
        __init__, use, close, size = BODY

    return Plugin


@specimen()
def subclass_registry_with_keywords(tracked):
    class Root:
        plugins: typing.ClassVar = {}

        def __init_subclass__(cls, *, key, **rest):
            super().__init_subclass__(**rest)
            if key in Root.plugins:
                raise ValueError("registered twice")
            Root.plugins[key] = cls

    @tracked
    class Plugin(Root, key="one"):
        __init__, use, close, size = BODY

    return Plugin


@specimen()
def final_by_init_subclass(tracked):
    @tracked
    class Final:
        __init__, use, close, size = BODY

        def __init_subclass__(cls):
            raise TypeError("this class is final")

    return Final


@specimen()
def singleton_made_in_new(tracked):
    made = weakref.WeakValueDictionary()

    @tracked
    class Only:
        __init__, use, close, size = BODY

        def __new__(cls):
            one = made.get("one")
            if one is None:
                one = made["one"] = super().__new__(cls)
            return one

    return Only


class _Colour(enum.Enum):
    RED = 1


@specimen(_Colour.RED)
def enum_valued(tracked):
    @tracked
    class Painted:
        def __init__(self, colour):
            self.name = "specimen"
            self.colour = colour

        _, use, close, size = BODY

    return Painted


@specimen()
def two_declared_bases(tracked):
    @tracked
    class Left:
        __init__, use, close, size = BODY

    @tracked
    class Right:
        def close(self):
            return shared_close(self)

    class Both(Left, Right):
        pass

    return Both


@specimen()
def mixin_whose_constructor_calls_super(tracked):
    class Mixin:
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.mixed = True

    @tracked
    class Base:
        __init__, use, close, size = BODY

    class Mixed(Mixin, Base):
        pass

    return Mixed
