"""Did a constructor that raised leave something behind? The evidence, and how sure it is.

An inner constructor that completed is proof, and so is a live tracked resource that it acquired and the object holds.
An attribute with a release method that was not handed in is suspect; a number or buffer under the name of a handle is a
hint. A constructor that only checked its arguments is nobody's leak, nor is one that closed again what it had opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.ledger.capture import has_callers
from lifetrack.ledger.entries import LIVE, STATE, TRACE, Entry, acquire_stack
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
        for name, attribute in own(base).copy().items():
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
        else:
            yield from (value for _, value in _attributes(argument))


def _is_closed(value: object) -> bool:
    """Whether it says itself that it was closed, without running any code of its class."""
    if type(value).__module__ == "_io":
        try:
            return bool(value.closed)  # type: ignore[attr-defined]
        except (AttributeError, ValueError):  # detached, or never opened
            return True
    return any(name in ("closed", "_closed") and flag is True for name, flag in _attributes(value))


def _codes(error: BaseException) -> set[CodeType]:
    """Give the functions that the exception came through, up to the constructor."""
    found = set()
    traceback = error.__traceback__
    while traceback is not None:
        found.add(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return found


def _weigh_tracked(entry: Entry, codes: set[CodeType]) -> Certainty | None:
    """Weigh a resource that is tracked itself: somebody else's, unless the constructor stands in its stack."""
    if entry[STATE] != LIVE:
        return None
    if any(code in codes for code, _ in acquire_stack(entry)):
        return Certainty.PROVEN
    return None if has_callers(entry[TRACE]) else Certainty.SUSPECTED  # one frame tells too little


def _weigh(name: str, value: Any) -> Certainty | None:
    kind = type(value)
    if value is None or kind is bool or kind.__module__.partition(".")[0] in _PLAIN_MODULES or isinstance(value, type):
        return None
    if any(callable(resolve(kind, release)) for release in STRONG_RELEASES):
        return None if _is_closed(value) else Certainty.SUSPECTED
    return Certainty.HINT if kind in _HANDLE_TYPES and _HANDLE_NAMES.search(name) else None


def left_behind(
    obj: object, arguments: Iterable[Any], entries: dict[int, Entry], error: BaseException
) -> Certainty | None:
    """Tell how sure it is that a constructor which raised has acquired something; None if nothing speaks for it."""
    handed_in = {id(argument) for argument in _flat(arguments) if argument is not None}
    codes = _codes(error)
    weights = []
    for name, value in _attributes(obj):
        if id(value) not in handed_in:
            entry = entries.get(id(value))
            weights.append(_weigh(name, value) if entry is None else _weigh_tracked(entry, codes))
    return max((weight for weight in weights if weight is not None), default=None)
