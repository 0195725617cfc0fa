"""Proxies: for objects that are not ours, and whose class must not change.

A proxy class is generated for each type: a wrapt proxy with the type's release methods standing on it. It is then
instrumented like any declared class, so that release, double release and use after release are one mechanism.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from typing import Any

import wrapt

from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.values.declarations import CONTEXT_RELEASES

#: Types whose ``with`` block ends a transaction, not the object.
_CONTEXT_IS_NO_RELEASE = frozenset({"sqlite3.Connection", "psycopg2.extensions.connection", "psycopg.Connection"})
#: What belongs to the class or to the birth and death of the object behind a proxy, not to its use.
_NOT_HANDED_ON = frozenset({
    "__del__", "__new__", "__init__", "__init_subclass__", "__subclasshook__", "__class_getitem__", "__set_name__",
    "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__getstate__", "__setstate__", "__getnewargs__",
    "__getnewargs_ex__", "__sizeof__", "__get__", "__set__", "__delete__", "__post_init__", "__prepare__",
})  # fmt: skip


class Tracked(wrapt.ObjectProxy[Any]):
    """A tracked object that is not ours: everything is the object's own but its release."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)

    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __enter__(self) -> Any:
        entered = self.__wrapped__.__enter__()
        return self if entered is self.__wrapped__ else entered

    async def __aenter__(self) -> Any:
        entered = await self.__wrapped__.__aenter__()
        return self if entered is self.__wrapped__ else entered


def _references(proxy: Any) -> int:
    return sys.getrefcount(proxy.__wrapped__)


#: The references that are counted where nobody but a proxy has the object.
_ALONE = _references(Tracked(object()))


def _is_shared(proxy: Any) -> bool:
    """Whether somebody besides the proxy has the object."""
    return _references(proxy) > _ALONE


def unwrapped(obj: Any) -> Any:
    """Give the object itself, of a proxy of ours or of the object."""
    return obj.__wrapped__ if issubclass(type(obj), Tracked) else obj


def _forward(name: str, attribute: object) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(attribute):

        async def forward_async(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return await getattr(self.__wrapped__, name)(*args, **kwargs)

        return forward_async

    def forward(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.__wrapped__, name)(*args, **kwargs)

    return forward


def context_releases(cls: type) -> tuple[str, ...]:
    """Give the special methods by which a ``with`` block releases an object of this type."""
    if f"{cls.__module__}.{cls.__qualname__}" in _CONTEXT_IS_NO_RELEASE:
        return ()
    return tuple(name for name in CONTEXT_RELEASES if resolve(cls, name) is not None)


def _missing(cls: type) -> dict[str, Any]:
    """Give the special methods of a type that wrapt does not hand on, such as ``__call__`` and ``__next__``."""
    found: dict[str, Any] = {}
    for base in mro(cls):
        for name, attribute in own(base).copy().items():
            special = name.startswith("__") and name.endswith("__") and callable(attribute)
            if special and name not in _NOT_HANDED_ON and resolve(Tracked, name) is None:
                found.setdefault(name, _forward(name, attribute))
    return found


def proxy_class(cls: type, releases: tuple[str, ...]) -> type[Tracked]:
    """Make the proxy class for objects of a type."""
    namespace = _missing(cls) | {name: _forward(name, resolve(cls, name)) for name in releases}
    namespace |= {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    namespace["lifetrack_is_shared"] = _is_shared
    return type(cls.__name__, (Tracked,), namespace)
