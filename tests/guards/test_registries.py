"""Plugin registries, abstract bases and protocols: they must not see what lifetrack makes."""

from __future__ import annotations

import abc
import gc
import inspect
import sys
import typing

import pytest

from lifetrack.values.errors import UseAfterReleaseError


@pytest.fixture
def on(tracker):
    """A tracker that is on and raises."""
    tracker.start(policy="raise", report=False)
    return tracker


def body():
    """Give the methods of an ordinary plugin as a namespace."""
    return {"use": lambda self: "used", "close": lambda self: "closed"}


def test_a_metaclass_registry_sees_only_the_programs_classes(on):
    """Neither __new__, __init__, __call__ nor __prepare__ of a metaclass runs for ours."""
    seen = []

    class Registry(type):
        def __prepare__(name, bases, **options):
            seen.append(("prepare", name))
            return {}

        def __new__(mcls, name, bases, namespace, **options):
            seen.append(("new", name))
            return super().__new__(mcls, name, bases, namespace)

        def __init__(cls, name, bases, namespace, **options):
            seen.append(("init", name))
            super().__init__(name, bases, namespace)

    base = on.tracked(Registry("Base", (), body()))
    plugin = Registry("Plugin", (base,), {})
    before = list(seen)
    obj = plugin()
    obj.close()
    with pytest.raises(UseAfterReleaseError):
        obj.use()
    assert seen == before


def test_init_subclass_registry_sees_only_the_programs_classes(on):
    """A registry with required keywords neither fails nor grows, and works on for later plugins."""
    plugins = {}

    @on.tracked
    class Base:
        def __init_subclass__(cls, /, key, **rest):
            super().__init_subclass__(**rest)
            plugins[key] = cls

        def use(self):
            return "used"

        def close(self):
            return "closed"

    class One(Base, key="one"):
        pass

    for cls in (Base, One):
        obj = cls()
        obj.close()
        with pytest.raises(UseAfterReleaseError):
            obj.use()

    class Two(One, key="two"):
        pass

    assert plugins == {"one": One, "two": Two}
    with pytest.raises(TypeError, match="key"):
        type("Three", (Base,), {})


def test_set_name_and_class_getitem_stay_the_programs(on):
    """Descriptors are told their names for the program's classes only."""
    named = []

    class Field:
        def __set_name__(self, owner, name):
            named.append((owner.__name__, name))

    @on.tracked
    class Base:
        field = Field()

        def __class_getitem__(cls, item):
            return item

        def close(self): ...

    obj = Base()
    obj.close()
    assert named == [("Base", "field")]
    assert Base["x"] == "x"


def test_a_loader_that_walks_subclasses_skips_ours(on):
    """Loaders skip abstract classes; ours is abstract, and never instantiable as a plugin of its own."""

    @on.tracked
    class Base:
        def close(self): ...

    class Plugin(Base):
        pass

    for cls in (Base, Plugin):
        cls().close()

    def walk(cls):
        for subclass in cls.__subclasses__():
            if not inspect.isabstract(subclass):
                yield subclass
            yield from walk(subclass)

    assert list(walk(Base)) == [Plugin]


def test_abstract_methods_stay_abstract(on):
    """A declared abstract class cannot be instantiated, tracking or not, and an implementation can."""

    @on.tracked
    class Base(abc.ABC):
        @abc.abstractmethod
        def close(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Base()
    assert inspect.isabstract(Base)

    class Incomplete(Base):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Incomplete()

    class Complete(Base):
        def close(self):
            return super().close()

    obj = Complete()
    obj.close()
    on.stop()
    assert Base.__abstractmethods__ == {"close"}
    with pytest.raises(TypeError, match="abstract"):
        Incomplete()


def test_virtual_subclasses_and_the_abc_cache(on):
    """register() and isinstance on an abstract base answer as before, for released objects too."""

    class Interface(abc.ABC):
        pass

    @on.tracked
    class Impl:
        def close(self): ...

    Interface.register(Impl)
    obj = Impl()
    obj.close()
    assert isinstance(obj, Interface)
    assert issubclass(Impl, Interface)


def test_structural_isinstance_is_unchanged(on):
    """A runtime-checkable protocol that is declared accepts and refuses what it did before."""

    @on.tracked
    @typing.runtime_checkable
    class Closable(typing.Protocol):
        def close(self): ...

    class Fits:
        def close(self): ...

    class Not:
        def shut(self): ...

    class Explicit(Closable):
        def close(self):
            return "closed"

        def use(self):
            return "used"

    assert isinstance(Fits(), Closable)
    assert issubclass(Fits, Closable)
    assert not isinstance(Not(), Closable)
    with pytest.raises(TypeError):
        Closable()
    obj = Explicit()
    assert isinstance(obj, Closable)
    obj.close()
    assert isinstance(obj, Closable)
    with pytest.raises(UseAfterReleaseError):
        obj.use()
    fits = Fits()
    del fits
    assert on.find_leaks() == []


def test_classes_made_in_functions_die(on):
    """A class declared inside a function, its tombstone and its objects are collected; only the record stays."""
    import weakref

    def make():
        @on.tracked
        class Local:
            def close(self): ...

        obj = Local()
        obj.close()
        return weakref.ref(Local), weakref.ref(type(obj))

    refs = make()
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_a_singleton_is_one_resource(on):
    """A singleton made in __new__, asked for again and again, is acquired once, and again after its release."""
    one = []

    @on.tracked
    class Only:
        def __new__(cls):
            if not one:
                one.append(super().__new__(cls))
            return one[0]

        def use(self):
            return "used"

        def close(self): ...

    first, second = Only(), Only()
    assert first is second
    assert on.report().totals.acquired == 1
    first.close()
    with pytest.raises(UseAfterReleaseError):
        second.use()
    third = Only()  # constructed again: open again
    assert third.use() == "used"
    assert type(third) is Only
    third.close()
    assert sys.getrefcount(first) < 10
