"""Patches: replace one attribute, remember it, undo it exactly."""

from __future__ import annotations

from typing import Any

_MISSING: Any = object()


def _own_attributes(target: object) -> dict[str, Any]:
    if isinstance(target, type):
        found: dict[str, Any] = type.__dict__["__dict__"].__get__(target)
        return found
    return vars(target)


class Patches:
    """A pile of replaced attributes of classes and modules, undone newest first."""

    def __init__(self) -> None:
        self._done: list[tuple[object, str, Any, Any]] = []

    def put(self, target: object, name: str, value: Any) -> None:
        """Set an attribute on ``target`` itself; raises TypeError where the interpreter refuses."""
        before = _own_attributes(target).get(name, _MISSING)
        if isinstance(target, type):
            type.__setattr__(target, name, value)
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
                restore: Any = type.__setattr__
                remove: Any = type.__delattr__
            else:
                restore, remove = setattr, delattr
            if before is _MISSING:
                remove(target, name)
            else:
                restore(target, name, before)
