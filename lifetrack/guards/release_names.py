"""By which method an object is released: as its class was declared, or by the usual names."""

from __future__ import annotations

import inspect
import weakref
from typing import Any

from lifetrack.guards import active
from lifetrack.guards.shapes import mro, resolve, shape_of
from lifetrack.ledger.entries import KIND
from lifetrack.values.declarations import CONTEXT_RELEASES, STRONG_RELEASES, WEAK_RELEASES, Declaration
from lifetrack.values.errors import DeclarationError

#: What any tracker has declared, for those who release while tracking is off.
DECLARED: weakref.WeakKeyDictionary[type, Declaration] = weakref.WeakKeyDictionary()


def is_method(attribute: object) -> bool:
    """Whether what stands on a class can be called on its objects."""
    return (
        attribute is not None
        and not isinstance(attribute, (staticmethod, classmethod, property, type))
        and (callable(attribute) or hasattr(type(attribute), "__get__"))
    )


def recognise(cls: type) -> tuple[str, ...]:
    """Find the release methods of a class by their usual names; empty if it has none."""
    for candidates in (STRONG_RELEASES, WEAK_RELEASES, CONTEXT_RELEASES):
        found = tuple(name for name in candidates if is_method(resolve(cls, name)))
        if found:
            return found
    return ()


def release_names(obj: Any) -> tuple[str, ...]:
    """Give the release methods of an object, surest first.

    Raises DeclarationError where it has none.
    """
    for engine in active.engines:
        entry = engine.ledger.entries.get(id(obj))
        if entry is not None and entry[KIND].declaration.release:
            names: tuple[str, ...] = entry[KIND].declaration.release
            return names
    for cls in mro(type(obj)):
        if cls in DECLARED:
            return DECLARED[cls].release
    shape = shape_of(type(obj))
    found = recognise(type(obj) if shape is None else shape.surface)  # a proxy has methods that its object has not
    if not found:
        raise DeclarationError(
            f"{type(obj).__qualname__} has no method that looks like a release: declare its class with "
            '@tracked(release="hang_up")'
        )
    return found


def call_release(obj: Any, names: tuple[str, ...]) -> Any:
    """Call the first release method; give what it returns, which may have to be awaited."""
    name = names[0]
    method = getattr(obj, name)
    return method(None, None, None) if name in CONTEXT_RELEASES else method()


def _is_async(obj: Any, name: str) -> bool:
    method = resolve(type(obj), name)
    return inspect.iscoroutinefunction(method) or name == "__aexit__"


def sync_names(obj: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Give those release methods that need no event loop.

    Raises DeclarationError where there is none.
    """
    found = tuple(name for name in names if not _is_async(obj, name))
    if not found:
        raise DeclarationError(
            f"{type(obj).__qualname__} is released by the coroutine {names[0]}(): release it by the coroutine method"
        )
    return found


def async_names(obj: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Give the release methods with those first that are awaited."""
    return (*(name for name in names if _is_async(obj, name)), *(name for name in names if not _is_async(obj, name)))
