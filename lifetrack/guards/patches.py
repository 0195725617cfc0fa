"""Patches: replace one attribute, remember it, undo it exactly."""

from __future__ import annotations

import weakref
from types import WrapperDescriptorType
from typing import Any

_MISSING: Any = object()


def _own_attributes(target: object) -> dict[str, Any]:
    if isinstance(target, type):
        found: dict[str, Any] = type.__dict__["__dict__"].__get__(target)
        return found
    return vars(target)


def attribute_setter(cls: type, name: str) -> Any:
    """Give ``__setattr__`` or ``__delattr__`` for a class, past what its metaclass has of its own in Python.

    It is ``type``'s, but for metaclasses written in C, such as that of ctypes, which insist on theirs.
    """
    for meta in type.__dict__["__mro__"].__get__(type(cls)):
        found = _own_attributes(meta).get(name)
        if isinstance(found, WrapperDescriptorType):
            return found
    return getattr(type, name)


class _Layer:
    """One replaced attribute: what it was, what was put there, and the layers of others below and above it."""

    __slots__ = ("__weakref__", "above", "before", "below", "name", "target", "value")

    def __init__(self, target: object, name: str, before: Any, value: Any) -> None:
        self.target = target
        self.name = name
        self.before = before
        self.value = value
        self.below: _Layer | None = None
        self.above: weakref.ref[_Layer] | None = None

    def lay(self) -> None:
        """Remember it as the uppermost."""
        key = (id(self.target), self.name)
        below = _uppermost.get(key)
        if below is not None and below.value is self.before:
            self.below, below.above = below, weakref.ref(self)
        _uppermost[key] = self

    def take_out(self) -> bool:
        """Forget it; whether another one stands on it, which will then restore what stood below."""
        above = None if self.above is None else self.above()
        below, self.below = self.below, None
        if below is not None:
            below.above = None if above is None else weakref.ref(above)
        if above is not None and above.before is self.value:
            above.before, above.below = self.before, below
            return True
        key = (id(self.target), self.name)
        if _uppermost.get(key) is self:
            del _uppermost[key]
            if below is not None:
                _uppermost[key] = below
        return False


#: The uppermost layers, by the address of their target and the name of the attribute. Each is kept by its pile alone,
#: so that a class may go with all that was put on it.
_uppermost: weakref.WeakValueDictionary[tuple[int, str], _Layer] = weakref.WeakValueDictionary()


class Patches:
    """A pile of replaced attributes of classes and modules, undone newest first."""

    def __init__(self) -> None:
        self._done: list[_Layer] = []

    def put(self, target: object, name: str, value: Any) -> None:
        """Set an attribute on ``target`` itself; raises TypeError where the interpreter refuses."""
        before = _own_attributes(target).get(name, _MISSING)
        if isinstance(target, type):
            attribute_setter(target, "__setattr__")(target, name, value)
        else:
            setattr(target, name, value)
        layer = _Layer(target, name, before, value)
        self._done.append(layer)
        layer.lay()

    def undo(self) -> None:
        """Restore all: what was inherited is deleted. What somebody else has replaced since is left to them.

        Piles may be undone in any order: what stands on one of these will then restore what stood below it.
        """
        while self._done:
            layer = self._done.pop()
            if not layer.take_out():
                _restore(layer)


def _restore(layer: _Layer) -> None:
    target, name = layer.target, layer.name
    if _own_attributes(target).get(name, _MISSING) is not layer.value:
        return
    if isinstance(target, type):
        restore: Any = attribute_setter(target, "__setattr__")
        remove: Any = attribute_setter(target, "__delattr__")
    else:
        restore, remove = setattr, delattr
    if layer.before is _MISSING:
        remove(target, name)
    else:
        restore(target, name, layer.before)
