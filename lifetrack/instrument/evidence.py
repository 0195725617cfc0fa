"""Did a constructor that raised leave something behind? The evidence, and how sure it is.

An inner constructor that completed is proof, and so is a live tracked resource that the object holds. An attribute with
a release method that was not handed in is suspect; a number or buffer under the name of a handle is a hint. A
constructor that only checked its arguments is nobody's leak.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.ledger.entries import LIVE, STATE, Entry
from lifetrack.values.declarations import STRONG_RELEASES
from lifetrack.values.findings import Certainty

_HANDLE_NAMES = re.compile(r"handle|fileno|descriptor|pointer|(^|_)(fd|ptr|hnd)($|_)", re.IGNORECASE)
_HANDLE_TYPES = (int, bytes, bytearray, memoryview, object)
_PLAIN_MODULES = frozenset({"_thread", "threading", "logging", "re", "weakref", "enum", "types", "pathlib"})


def _attributes(obj: object) -> Iterator[tuple[str, Any]]:
    """Give what the object holds, without running any code of its class."""
    try:
        yield from dict(object.__getattribute__(obj, "__dict__")).items()
    except AttributeError:
        pass
    for base in mro(type(obj)):
        for name, attribute in own(base).items():
            if type(attribute).__name__ == "member_descriptor":
                try:
                    yield name, attribute.__get__(obj)
                except AttributeError:
                    continue


def _flat(arguments: Iterable[Any]) -> Iterator[Any]:
    for argument in arguments:
        yield argument
        if type(argument) in (tuple, list):
            yield from argument
        elif type(argument) is dict:
            yield from argument.values()


def _weigh(name: str, value: Any, entries: dict[int, Entry]) -> Certainty | None:
    entry = entries.get(id(value))
    if entry is not None and entry[STATE] == LIVE:
        return Certainty.PROVEN
    kind = type(value)
    if value is None or kind is bool or kind.__module__.partition(".")[0] in _PLAIN_MODULES or isinstance(value, type):
        return None
    if any(callable(resolve(kind, release)) for release in STRONG_RELEASES):
        return Certainty.SUSPECTED
    return Certainty.HINT if kind in _HANDLE_TYPES and _HANDLE_NAMES.search(name) else None


def left_behind(obj: object, arguments: Iterable[Any], entries: dict[int, Entry]) -> Certainty | None:
    """Tell how sure it is that a constructor which raised has acquired something; None if nothing speaks for it."""
    handed_in = {id(argument) for argument in _flat(arguments)}
    weights = [
        _weigh(name, value, entries) for name, value in _attributes(obj) if id(value) not in handed_in or value is None
    ]
    return max((weight for weight in weights if weight is not None), default=None)
