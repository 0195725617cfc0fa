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


class Patches:
    """A pile of replaced attributes of classes and modules, undone newest first."""

    def __init__(self) -> None:
        self._done: list[tuple[object, str, Any, Any]] = []

    def put(self, target: object, name: str, value: Any) -> None:
        """Set an attribute on ``target`` itself; raises TypeError where the interpreter refuses."""
        before = _own_attributes(target).get(name, _MISSING)
        if isinstance(target, type):
            attribute_setter(target, "__setattr__")(target, name, value)
        else:
            setattr(target, name, value)
        self._done.append((target, name, before, value))

    def undo(self) -> None:
        """Restore all: what was inherited is deleted. What somebody else has replaced since is left to them."""
        while self._done:
            target, name, before, value = self._done.pop()
            if _own_attributes(target).get(name, _MISSING) is not value:
                continue
            if isinstance(target, type):
                restore: Any = attribute_setter(target, "__setattr__")
                remove: Any = attribute_setter(target, "__delattr__")
            else:
                restore, remove = setattr, delattr
            if before is _MISSING:
                remove(target, name)
            else:
                restore(target, name, before)
