"""Class methods of released objects: they are given the class that their author knows, not the generated one."""

from __future__ import annotations

from typing import Any

from lifetrack.guards.shapes import mro, own


class _OfRealClass:
    """A class method bound to the real class, whatever class it is looked up on."""

    __slots__ = ("_attribute", "_cls")

    def __init__(self, attribute: Any, cls: type) -> None:
        self._attribute = attribute
        self._cls = cls

    def __get__(self, obj: object, owner: type | None = None) -> Any:
        return self._attribute.__get__(obj, self._cls)


def class_methods(cls: type) -> dict[str, Any]:
    """Give a stand-in for every class method that ``cls`` has or inherits."""
    found: dict[str, Any] = {}
    hidden: set[str] = set()
    for base in mro(cls):
        for name, attribute in own(base).copy().items():
            if isinstance(attribute, classmethod) and name not in hidden and not name.startswith("__"):
                found[name] = _OfRealClass(attribute, cls)
            hidden.add(name)
    return found
