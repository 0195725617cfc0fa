"""Replacing functions written in C, under every name by which a module already knows them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import wrapt


class Replacement(wrapt.FunctionWrapper):  # type: ignore[misc, type-arg, name-defined, unused-ignore]
    """A built-in function with something more: it shows, compares, copies and pickles as the function itself."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)

    def __reduce__(self) -> Any:
        return self.__wrapped__.__reduce__()

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


def replacement(original: Callable[..., Any], wrapper: Wrapper) -> Replacement:
    """Make what stands in for a function; ``wrapper`` is given the function, None, and the arguments."""
    return Replacement(original, wrapper)


def _namespaces() -> Iterator[dict[str, Any]]:
    for module in list(sys.modules.values()):
        namespace = getattr(module, "__dict__", None)
        if type(namespace) is dict:
            yield namespace


def exchange(old: object, new: object) -> None:
    """Put ``new`` wherever a module has ``old`` as a global; what it has put there itself is left alone."""
    for namespace in _namespaces():
        try:
            names = [name for name, value in namespace.items() if value is old]
        except RuntimeError:  # another thread is importing into it
            names = [name for name, value in namespace.copy().items() if value is old]
        for name in names:
            namespace[name] = new
