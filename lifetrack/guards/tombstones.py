"""Tombstones: the class of a released object.

Each instrumented class gets a generated subclass with guards in place of its public methods. Releasing an object sets
its class to it, so that live objects carry no guard at all. What people ask of a closed object keeps working, and
``obj.__class__`` still gives the real class. The same machine makes the class of an object whose acquire method has
not run yet.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FrameType, WrapperDescriptorType
from typing import Any

from lifetrack.guards.callers import is_exit, is_own_call, may_touch
from lifetrack.guards.class_methods import class_methods
from lifetrack.guards.conditions import judge_orphaned_use
from lifetrack.guards.copying import copying
from lifetrack.guards.coroutines import mark_coroutine
from lifetrack.guards.forgetting import forgetter
from lifetrack.guards.patches import attribute_setter
from lifetrack.guards.shapes import Shape, mro, own, resolve, set_class
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import (
    NUMBER,
    OPEN_STATES,
    RELEASED,
    STATE,
    UNOPENED,
    Entry,
    is_opening,
)
from lifetrack.values.declarations import CONTEXT_RELEASES, INIT

#: What people ask of a closed object, and how they wait for its end.
ASKED = frozenset({
    "closed", "is_closed", "isclosed", "is_closing", "is_open", "isopen", "is_alive", "isalive", "is_running",
    "is_active", "is_connected", "connected", "is_shutdown", "is_released", "released", "is_disposed", "done",
    "wait_closed", "join",
})  # fmt: skip
#: Special methods that use an object; all others only ask.
USES = frozenset({
    "__call__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__next__", "__reversed__", "__aiter__",
    "__anext__", "__await__", "__enter__", "__aenter__",
})  # fmt: skip
_ANSWERS = ("__repr__", "__str__", "__contains__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
_CREATION = "lifetrack_tombstone"
_NEVER = (object, BaseException)
_ABSTRACT = frozenset({"released"})
#: In which states of an object the guards of a rule are meant.
_GUARDED = {"LT201": frozenset({RELEASED}), "LT205": frozenset({UNOPENED}), "LT305": OPEN_STATES}


def is_tombstone(cls: type) -> bool:
    """Whether it is a class made here."""
    return own(cls).get("__abstractmethods__") is _ABSTRACT


def _is_callable_on_instances(attribute: object) -> bool:
    if attribute is None or isinstance(attribute, (staticmethod, classmethod, property, type)):
        return False
    kind = type(attribute)
    if not hasattr(kind, "__get__") or hasattr(kind, "__set__"):
        return False
    return callable(attribute) or kind in (functools.partialmethod, functools.singledispatchmethod)


def _is_use(shape: Shape, name: str) -> bool:
    declaration = shape.declaration
    if name in declaration.after_release or name in ASKED or name == declaration.acquire:
        return False
    if name in declaration.release:
        return False
    if name in {"__enter__", "__aenter__"} and declaration.acquire != INIT:
        return False  # it may well be what opens the object again
    return not name.startswith("_") or name in USES


def used_names(shape: Shape) -> Iterator[str]:
    """Give the names of all methods whose call uses an object."""
    seen = set()
    for base in mro(shape.surface):
        if base in _NEVER:
            continue
        for name, attribute in own(base).copy().items():
            if name not in seen and _is_use(shape, name) and _is_callable_on_instances(attribute):
                yield name
            seen.add(name)


def _is_free(shape: Shape, entry: Entry | None, obj: object, frame: FrameType) -> bool:
    """Whether a touch is nobody's mistake: not released, own business, or tracking is off."""
    engine = shape.engine
    if not engine.on:
        set_class(obj, shape.cls)
        return True
    if entry is None or engine.is_within(obj):
        return True
    return may_touch(shape.cls, shape.declaration, frame, obj)


def _real(shape: Shape, obj: Any, name: str) -> Any:
    """Give the method that a guard stands for, bound to the object."""
    attribute = resolve(shape.cls, name)
    return getattr(obj.__wrapped__, name) if attribute is None else attribute.__get__(obj, shape.cls)


def _dressed(guard: Any, shape: Shape, name: str) -> Callable[..., Any]:
    """Let a guard show the name, the documentation and the signature of what it stands for."""
    guard.__name__ = name
    guard.__qualname__ = f"{shape.cls.__qualname__}.{name}"
    guard.__module__ = shape.cls.__module__
    original = resolve(shape.surface, name)
    if callable(original):
        guard.__doc__ = original.__doc__
        guard.__wrapped__ = original
        mark_coroutine(guard, original)
    dressed: Callable[..., Any] = guard
    return dressed


def _method(shape: Shape, name: str, rule: str) -> Callable[..., Any]:
    states = _GUARDED[rule]

    def guard(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        frame = caller(1)
        entry = shape.engine.ledger.entries.get(id(self))
        if entry is not None and entry[STATE] not in states:
            entry = None
        original = _real(shape, self, name)
        if _is_free(shape, entry, self, frame) or entry is None:
            return original(*args, **kwargs)
        _file_use(shape, rule, entry, frame)
        with shape.engine.within(self):
            return original(*args, **kwargs)

    return _dressed(guard, shape, name)


def _file_use(shape: Shape, rule: str, entry: Entry, frame: FrameType) -> None:
    if rule == "LT305":
        judge_orphaned_use(shape.engine, entry, frame)
    else:
        shape.engine.violation(rule, entry, "used", frame)


def judge_release(shape: Shape, entry: Entry, name: str, obj: object, frame: FrameType) -> None:
    """File a release of a released object, unless it is legitimate."""
    declaration, engine = shape.declaration, shape.engine
    if not engine.on or entry[NUMBER] is None or engine.is_within(obj):
        return
    if declaration.idempotent or declaration.guard == "none" or is_exit(frame) or name in CONTEXT_RELEASES:
        return
    if is_opening(entry) or (is_own_call(frame, obj) and may_touch(shape.cls, declaration, frame, obj)):
        return
    if declaration.recognised and release_name(entry) not in (None, name):
        return
    engine.violation("LT202", entry, "released", frame)


def release_name(entry: Entry) -> str | None:
    """Give the name of the method that released, where that was noted."""
    extra = entry[-1]
    return None if extra is None else extra.released_by


def _release(shape: Shape, name: str) -> Callable[..., Any]:
    is_coroutine = inspect.iscoroutinefunction(resolve(shape.cls, name))

    def guard(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        entry = shape.engine.released(self)
        original = _real(shape, self, name)
        if not shape.engine.on:
            set_class(self, shape.cls)
        elif entry is not None and not is_coroutine:  # that is judged when it is awaited
            judge_release(shape, entry, name, self, caller(1))
        with shape.engine.within(self):
            return original(*args, **kwargs)

    return _dressed(guard, shape, name)


def _all_guard(shape: Shape, rule: str) -> Callable[[Any, str], Any]:
    states = _GUARDED[rule]

    def __getattribute__(self: Any, name: str) -> Any:
        original = resolve(shape.cls, "__getattribute__").__get__(self, shape.cls)
        if name.startswith("_") or not _is_use(shape, name):
            return original(name)
        entry = shape.engine.ledger.entries.get(id(self))
        if entry is not None and entry[STATE] in states:
            frame = caller(1)
            if not _is_free(shape, entry, self, frame) and not is_own_call(frame, self):
                _file_use(shape, rule, entry, frame)
                with shape.engine.within(self):
                    return original(name)
        return original(name)

    return __getattribute__


def _answers(shape: Shape) -> dict[str, Any]:
    """Let special methods written in C that only ask use the rest of the object: ``repr`` of a set iterates over it."""

    def answer(name: str) -> Callable[..., Any]:
        def ask(self: Any, /, *args: Any) -> Any:
            with shape.engine.within(self):
                return resolve(shape.cls, name).__get__(self, shape.cls)(*args)

        return ask

    if shape.surface is not shape.cls:
        return {}
    found: dict[str, Any] = {}
    for name in _ANSWERS:
        attribute = resolve(shape.cls, name)
        if isinstance(attribute, WrapperDescriptorType) and attribute is not object.__dict__.get(name):
            found[name] = answer(name)
    if "__eq__" in found:
        found["__hash__"] = resolve(shape.cls, "__hash__")
    return found


def _guards(shape: Shape, rule: str) -> dict[str, Any]:
    found = class_methods(shape.cls) if shape.surface is shape.cls else {}
    found |= _answers(shape)
    found |= {name: _method(shape, name, rule) for name in used_names(shape)}
    if rule == "LT201":
        for name in shape.declaration.release:
            if name not in CONTEXT_RELEASES and resolve(shape.cls, name) is not None:
                found[name] = _release(shape, name)
        if getattr(resolve(shape.cls, "__del__"), "lifetrack_chained", None) is None:
            found["__del__"] = forgetter(shape.engine.ledger)
    if shape.declaration.guard == "all":
        found["__getattribute__"] = _all_guard(shape, rule)
    return found


def _documentation(cls: type) -> Any:
    """Give the docstring; where one is only made when somebody reads it, do not be the one."""
    text = own(cls).get("__doc__")
    return text if text is None or isinstance(text, str) else property(lambda _: cls.__doc__)


def _namespace(shape: Shape, rule: str) -> dict[str, Any]:
    cls = shape.cls
    namespace = _guards(shape, rule) | copying(cls)
    # A proxy answers for the object behind it already, and a class with a ``__class__`` of its own for itself.
    if shape.surface is cls and resolve(cls, "__class__") is object.__dict__["__class__"]:
        namespace["__class__"] = property(lambda self: cls, set_class)
    namespace |= {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": _documentation(cls),
    }
    return namespace


def _create(cls: type, namespace: dict[str, Any]) -> type:
    """Create a subclass that no metaclass and no ``__init_subclass__`` of anybody gets to see."""
    had, before = "__init_subclass__" in own(cls), own(cls).get("__init_subclass__")
    inherited = resolve(cls, "__init_subclass__")

    def quiet(subclass: Any, /, **kwargs: Any) -> None:
        if not kwargs.pop(_CREATION, False):  # another thread subclasses at this moment
            inherited.__get__(None, subclass)(**kwargs)

    put, remove = attribute_setter(cls, "__setattr__"), attribute_setter(cls, "__delattr__")
    put(cls, "__init_subclass__", classmethod(quiet))
    try:
        made: type = type.__new__(type(cls), cls.__name__, (cls,), namespace, **{_CREATION: True})
    finally:
        if had:
            put(cls, "__init_subclass__", before)
        else:
            remove(cls, "__init_subclass__")
    # Plugin loaders that walk __subclasses__() skip what is abstract.
    put(made, "__abstractmethods__", _ABSTRACT)
    return made


def _made(shape: Shape, rule: str) -> type | None:
    try:
        return _create(shape.cls, _namespace(shape, rule))
    except TypeError:
        shape.refused = True
        return None


def bury(shape: Shape, obj: object) -> None:
    """Put the guards on a released object; where the interpreter refuses, the object stays as it is."""
    if shape.declaration.guard == "none" or shape.refused:
        return
    if shape.tombstone is None:
        shape.tombstone = _made(shape, "LT201")
    _swap(shape, obj, shape.tombstone)


def seal(shape: Shape, obj: object) -> None:
    """Put the guards on an object whose acquire method has not run yet."""
    if shape.declaration.guard == "none" or shape.refused:
        return
    if shape.unopened is None:
        shape.unopened = _made(shape, "LT205")
    _swap(shape, obj, shape.unopened)


def orphan(shape: Shape, obj: object) -> None:
    """Put the guards on a live object whose parent was released; it may still be released itself."""
    if shape.declaration.guard == "none" or shape.refused:
        return
    if shape.orphaned is None:
        shape.orphaned = _made(shape, "LT305")
    if type(obj) is shape.cls:
        _swap(shape, obj, shape.orphaned)


def _swap(shape: Shape, obj: object, made: type | None) -> None:
    if made is None:
        return
    try:
        set_class(obj, made)
    except TypeError:
        shape.refused = True
        shape.tombstone = None  # so that generated wrappers do not try either


def unseal(shape: Shape, obj: object) -> None:
    """Take the guards off."""
    if type(obj) is not shape.cls and type(obj) in (shape.tombstone, shape.unopened, shape.orphaned):
        set_class(obj, shape.cls)
