"""Patches: replace one attribute, remember it, undo it exactly."""

from __future__ import annotations

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
    """One replaced attribute: what it was, and what was put there."""

    __slots__ = ("before", "name", "target", "value")

    def __init__(self, target: object, name: str, before: Any, value: Any) -> None:
        self.target = target
        self.name = name
        self.before = before
        self.value = value


#: The layers that are in place, by the address of their target and the name of the attribute.
_layers: dict[tuple[int, str], list[_Layer]] = {}


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
        _layers.setdefault((id(target), name), []).append(layer)

    def undo(self) -> None:
        """Restore all: what was inherited is deleted. What somebody else has replaced since is left to them.

        Piles may be undone in any order: what stands on one of these will then restore what stood below it.
        """
        while self._done:
            layer = self._done.pop()
            if not _take_out(layer):
                _restore(layer)


def _take_out(layer: _Layer) -> bool:
    """Take a layer out of those on the same attribute; whether another one of ours stands on it."""
    key = (id(layer.target), layer.name)
    layers = _layers.get(key, [])
    if layer in layers:
        layers.remove(layer)
    if not layers:
        _layers.pop(key, None)
    for other in layers:
        if other.before is layer.value:
            other.before = layer.before
            return True
    return False


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
