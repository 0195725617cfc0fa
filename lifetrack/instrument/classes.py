"""Instrumenting classes: the declared ones and all their subclasses, while tracking is on; undone exactly."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, TypeAlias

from lifetrack.guards.engine import Engine
from lifetrack.guards.patches import attribute_setter
from lifetrack.guards.shapes import ATTRIBUTE, Shape, mro, own, resolve, shape_of
from lifetrack.guards.tombstones import is_tombstone
from lifetrack.instrument.finishing import listen, look_for_attrs, unlisten
from lifetrack.instrument.owning import owning
from lifetrack.instrument.recorder import Recorder
from lifetrack.instrument.uses import inherited_uses, next_in_line, own_uses, use_recorder
from lifetrack.instrument.wrappers import ORIGINAL, acquirer, constructor, finalizer, first_constructor, releaser
from lifetrack.ledger.entries import INHERITED, KIND, STATE, bases_of, type_name
from lifetrack.values.declarations import INIT, Declaration
from lifetrack.values.settings import Level

_DIRECT = (FunctionType, WrapperDescriptorType, MethodDescriptorType)
_ABSENT: Any = object()
#: The shapes and the declarations of one engine's classes.
Parts: TypeAlias = tuple[list[Shape], list[tuple[weakref.ref[type], Declaration]]]


def is_ours(attribute: object) -> bool:
    """Whether an attribute is one of our wrappers."""
    return isinstance(attribute, FunctionType) and ORIGINAL in attribute.__dict__


def _is_protocol(cls: type) -> bool:
    return bool(own(cls).get("_is_protocol", False))


def _is_placeholder(attribute: object) -> bool:
    """Whether it is the constructor that typing puts on protocols; it looks for itself, so it is never wrapped."""
    return getattr(attribute, "__name__", None) == "_no_init_or_replace_init"


def _bare_constructor(cls: type) -> Callable[..., None]:
    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and resolve(type(self), "__new__") is object.__dict__["__new__"]:
            raise TypeError(f"{type(self).__name__}() takes no arguments")
        object.__init__(self)

    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    __init__.__module__ = cls.__module__
    return __init__


def _resolved(cls: type, name: str) -> Any:
    for base in mro(cls):
        attribute = own(base).get(name, _ABSENT)
        if attribute is not _ABSENT and not _is_placeholder(attribute):
            return attribute
    return None


def _callable_with_self(attribute: Any) -> Callable[..., Any]:
    """Make something that can be called with the object first, of whatever stands on a class."""
    if isinstance(attribute, _DIRECT):
        return attribute

    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return attribute.__get__(self, type(self))(*args, **kwargs)

    return call


class Classes:
    """The instrumented classes of one engine."""

    def __init__(self, engine: Engine, drain: Callable[[], object], child_maker: Callable[[Any], Any]) -> None:
        self.engine = engine
        self._child_maker = child_maker
        self.recorder = Recorder(engine, self.adopt)
        self._drain = drain
        self._roots: list[tuple[weakref.ref[type], Declaration]] = []
        self._instrumented: list[weakref.ref[type]] = []
        self._unsettled: list[weakref.ref[type]] = []
        self._protocols: list[Shape] = []
        self._former: list[Shape] = []

    # -- which classes -------------------------------------------------------------------------------------------

    def install(self, cls: type, declaration: Declaration) -> None:
        """Instrument a declared class and every subclass that it has."""
        listen(self)
        if any(ref() is cls and old == declaration for ref, old in self._roots):
            for each in list(_family(cls)):
                if not _is_protocol(each):
                    self.adopt(each)
            return
        self._roots = [(ref, old) for ref, old in self._roots if ref() is not cls]
        self._roots.append((weakref.ref(cls), declaration))
        for each in list(_family(cls)):
            self.unfinished(each)  # it may have been instrumented for a base's declaration
            self.adopt(each)

    def declared(self) -> list[type]:
        """Give the declared classes whose objects are resources as soon as they are made."""
        return [cls for ref, declared in self._roots if declared.acquire == INIT and (cls := ref()) is not None]

    def _declaration(self, cls: type) -> Declaration | None:
        """Give what is declared for ``cls``: the nearest declaration, joined with those of unrelated bases."""
        lineage = mro(cls)
        found = [(lineage.index(root), declaration) for ref, declaration in self._roots
                 if (root := ref()) is not None and root in lineage]  # fmt: skip
        if not found:
            return None
        found.sort(key=lambda item: item[0])
        index, nearest = found[0]
        others = [item for at, item in found[1:] if not issubclass(lineage[index], lineage[at])]
        if not others:
            return nearest
        names = dict.fromkeys(nearest.release)
        for declaration in others:
            names |= dict.fromkeys(declaration.release)
        return dataclasses.replace(nearest, release=tuple(names), recognised=True)

    def adopt(self, cls: type) -> Shape | None:
        """Instrument one class that is declared or inherits a declaration."""
        shape = shape_of(cls)
        if shape is not None and shape.engine is self.engine:
            self._wrap(shape)
            return shape
        if shape is None and ATTRIBUTE in own(cls):
            attribute_setter(cls, "__delattr__")(cls, ATTRIBUTE)  # copied from another class
        declaration = self._declaration(cls)
        if declaration is None or is_tombstone(cls):
            return None
        shape = self._shape(cls, declaration)
        self._instrumented.append(weakref.ref(cls))
        if _is_protocol(cls):
            self._protocols.append(shape)  # whose attributes are looked at, so nothing is added to it
        else:
            shape.patches.put(cls, ATTRIBUTE, shape)
        self._wrap(shape)
        self._hook_subclassing(shape)
        return shape

    def _shape(self, cls: type, declaration: Declaration) -> Shape:
        former = next((shape for shape in self._former if shape.cls is cls), None)
        if former is not None and former.declaration == declaration:
            former.engine = self.engine
            return former
        kind = self.engine.ledger.new_kind(type_name(cls), declaration)
        kind.bases = bases_of(cls)
        return Shape(self.engine, cls, declaration, kind)

    def parts(self) -> Parts:
        """Give what another engine with the same ledger needs to go on with these classes, once they are removed."""
        shapes = [shape_of(cls) for ref in self._instrumented if (cls := ref()) is not None]
        return [shape for shape in (*self._protocols, *shapes) if shape is not None], list(self._roots)

    def take_over(self, parts: Parts) -> None:
        """Go on with the classes of another engine: what is guarded stays so, under the settings of this one."""
        self._former, roots = parts
        for ref, declaration in roots:
            cls = ref()
            if cls is not None:
                self.install(cls, declaration)
        self._former = []

    # -- what is wrapped -----------------------------------------------------------------------------------------

    def _wrap(self, shape: Shape) -> None:
        cls, declaration, recorder = shape.cls, shape.declaration, self.recorder
        own_parts: Callable[[Any], Any] = partial(owning, self.engine) if declaration.owns else _as_it_is
        if declaration.acquire == INIT:
            if declaration.thread_bound and INIT not in own(cls) and is_ours(resolve(cls, INIT)):
                # The constructor of a base notes what its own declaration asks for, and that is not the thread.
                self._put(shape, INIT, constructor(recorder, shape, next_in_line(cls, INIT), self._drain))
            self._replace(shape, INIT, lambda original: constructor(recorder, shape, own_parts(original), self._drain))
        else:
            self._replace(shape, INIT, lambda original: first_constructor(recorder, own_parts(original)))
            self._replace(shape, declaration.acquire, lambda original: acquirer(recorder, own_parts(original)))
        for name in declaration.release:
            self._replace(shape, name, partial(_wrap_release, recorder, shape, name))
        for name in declaration.children:
            self._replace(shape, name, self._child_maker)
        if self.engine.level >= Level.FULL or declaration.thread_bound:
            self._watch_uses(shape)
        if not _is_protocol(cls):
            self._replace(shape, "__del__", lambda original: finalizer(recorder, original))

    def _watch_uses(self, shape: Shape) -> None:
        for name in list(own_uses(shape)):
            self._replace(shape, name, partial(use_recorder, self.recorder))
        for name in list(inherited_uses(shape)):
            if not is_ours(resolve(shape.cls, name)):
                self._put(shape, name, use_recorder(self.recorder, next_in_line(shape.cls, name)))

    def _put(self, shape: Shape, name: str, wrapper: Any) -> None:
        wrapper.lifetrack_class = weakref.ref(shape.cls)
        shape.patches.put(shape.cls, name, wrapper)

    def _replace(self, shape: Shape, name: str, wrap: Callable[[Any], Callable[..., Any]]) -> None:
        cls = shape.cls
        attribute = own(cls).get(name, _ABSENT)
        if is_ours(attribute):
            if attribute.lifetrack_class() is cls:
                return
            # Copied from another class, as slotted dataclasses are: wrap the original for this one.
            attribute = _uncopy(cls, name, attribute)
        elif attribute is _ABSENT or _is_placeholder(attribute):
            if _is_protocol(cls):
                return
            attribute = _resolved(cls, name)
            if is_ours(attribute) or (attribute is None and name != "__del__"):
                return
        if attribute is object.__dict__["__init__"]:
            attribute = _bare_constructor(cls)
        original = None if attribute is None else _callable_with_self(attribute)
        self._put(shape, name, wrap(original))

    def _hook_subclassing(self, shape: Shape) -> None:
        cls = shape.cls
        before = own(cls).get("__init_subclass__")
        is_root = any(ref() is cls for ref, _ in self._roots)
        if before is None and not is_root:
            return
        adopt = self._adopt_new
        owner: Any = cls

        def __init_subclass__(subclass: Any, /, **kwargs: Any) -> None:
            if before is not None:
                before.__get__(None, subclass)(**kwargs)
            else:
                super(owner, subclass).__init_subclass__(**kwargs)
            adopt(subclass)

        shape.patches.put(cls, "__init_subclass__", classmethod(__init_subclass__))

    def guard_inherited(self) -> None:
        """Let uses of what a forked child has inherited be looked at; its own new objects pay for it too."""
        inherited = {id(entry[KIND]) for entry in self.engine.ledger.snapshot() if entry[STATE] == INHERITED}
        for ref in list(self._instrumented):
            cls = ref()
            shape = None if cls is None else shape_of(cls)
            if shape is None or id(shape.kind) not in inherited or shape.declaration.fork_safe:
                continue
            for base in mro(shape.cls):
                above = shape_of(base)
                if above is not None:
                    self._watch_uses(above)

    # -- classes that are finished later -------------------------------------------------------------------------

    def _adopt_new(self, cls: type) -> None:
        if not self.engine.on:
            return
        look_for_attrs()
        self.adopt(cls)
        self._unsettled.append(weakref.ref(cls))

    def unfinished(self, cls: type) -> None:
        """Take everything off a class that another decorator is about to finish."""
        shape = shape_of(cls)
        if shape is not None and shape.engine is self.engine:
            shape.patches.undo()

    def finished(self, cls: type, made: type) -> None:
        """Instrument the class that another decorator has finished, or made in place of ``cls``."""
        if not self.engine.on:
            return
        declared = [declaration for ref, declaration in self._roots if ref() is cls]
        if declared and made is not cls:
            self.unfinished(made)
            self._roots.append((weakref.ref(made), declared[-1]))
        self.adopt(made)

    def settle(self) -> None:
        """Look again at classes made since the last time, in case something was added to them."""
        unsettled, self._unsettled = self._unsettled, []
        for ref in unsettled:
            cls = ref()
            if cls is not None:
                self.adopt(cls)

    # -- undo ----------------------------------------------------------------------------------------------------

    def remove(self) -> None:
        """Restore every class exactly."""
        unlisten(self)
        shapes = [shape_of(cls) for ref in self._instrumented if (cls := ref()) is not None]
        for shape in reversed([*self._protocols, *shapes]):
            if shape is not None:
                shape.patches.undo()
        self._instrumented.clear()
        self._protocols.clear()
        self._roots.clear()


def _as_it_is(original: Any) -> Any:
    return original


def _wrap_release(recorder: Recorder, shape: Shape, name: str, original: Any) -> Callable[..., Any]:
    return releaser(recorder, shape, original, name)


def _uncopy(cls: type, name: str, wrapper: Any) -> Any:
    original = getattr(wrapper, ORIGINAL)
    if original is None:
        attribute_setter(cls, "__delattr__")(cls, name)
    else:
        attribute_setter(cls, "__setattr__")(cls, name, original)
    return original


def _family(cls: type) -> Iterator[type]:
    yield cls
    subclasses: list[type] = type.__subclasses__(cls)
    for subclass in subclasses:
        yield from _family(subclass)
