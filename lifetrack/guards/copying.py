"""Copies of released objects are of the real class, and so is what ``type(obj)(…)`` makes."""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from sys import _getframe
from typing import Any

from lifetrack.guards.shapes import resolve, set_class

_COPYING = ("__copy__", "__deepcopy__", "__replace__")


def _reduce(self: Any, cls: type, protocol: int) -> Any:
    registered: Callable[[Any], Any] | None = copyreg.dispatch_table.get(cls)
    return resolve(cls, "__reduce_ex__").__get__(self, cls)(protocol) if registered is None else registered(self)


def _as_itself(cls: type, call: Callable[..., Any]) -> Callable[..., Any]:
    """Run something that asks for the object's type while the object is of its own one."""

    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        guarded = type(self)
        set_class(self, cls)
        try:
            return call(self, *args, **kwargs)
        finally:
            if type(self) is cls:
                set_class(self, guarded)

    return method


def _original(cls: type, name: str) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: resolve(cls, name).__get__(self, cls)(*args, **kwargs)


def copying(cls: type) -> dict[str, Any]:
    """Give the special methods that make another object of a released one."""

    def __new__(_tombstone: type, *args: Any, **kwargs: Any) -> Any:
        # ``type(self)(…)`` and ``type(self).__new__(…)`` both arrive here; only who writes the latter names it.
        if "__new__" in _getframe(1).f_code.co_names:
            return cls.__new__(cls, *args, **kwargs)
        return cls(*args, **kwargs)

    found: dict[str, Any] = {
        "__new__": __new__,
        "__reduce_ex__": _as_itself(cls, lambda self, protocol: _reduce(self, cls, protocol)),
    }
    found |= {name: _as_itself(cls, _original(cls, name)) for name in _COPYING if resolve(cls, name) is not None}
    return found
