"""Who asks for a release: the program or a finalizer of something that holds the resource."""

from __future__ import annotations

import gc
import weakref
from _io import _IOBase
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from lifetrack.ledger.capture import codes
from lifetrack.ledger.entries import TRACE, Entry
from lifetrack.ledger.territory import FILES, RUNNER, USER
from lifetrack.watchers.numbers import Descriptor
from lifetrack.watchers.raw_files import recorded_as

#: How the methods are called by which a finalizer of the io module lets a wrapper written in Python close itself.
_CLOSES = frozenset({"close", "__exit__"})
_ENDS = _CLOSES | {"__del__"}
#: How many functions of the program's own may stand between a release and the finalizer that asks for it.
_BETWEEN = 8
#: How many objects are looked at to see whether what is finalized holds a resource.
_MANY = 300
#: What holds everything.
_WORLDS = (type, ModuleType, FunctionType, CodeType, FrameType)


def in_finalizer(frame: FrameType | None, entry: Entry, obj: object) -> bool:
    """Whether a release of ``obj`` comes from a finalizer, which may be the program's or a library's.

    That is a ``__del__`` method, or the ``close`` of a file object that the interpreter finalizes. What was acquired
    while it runs is its own, and it may release that.
    """
    trace = entry[TRACE]
    opened_by = trace[0] if trace.__class__ is tuple else trace
    first, files, left = frame, FILES, _BETWEEN
    while frame is not None:  # a long way at each release, where nothing is known of who has acquired: no step too many
        code = frame.f_code
        whose = files[code.co_filename]
        name = code.co_name
        if name in _ENDS and (name == "__del__" or (id(code) not in _OF_NO_FILES and _is_finalized(frame))):
            return not _is_its_own(frame, entry, _codes_up_to(frame, first), obj)
        if whose == USER:
            # One that has acquired it as well did both for itself.
            left = 0 if code is opened_by else left - 1
            if not left:
                return False
        elif whose is RUNNER:
            return False
        frame = frame.f_back
    return False


def _codes_up_to(last: FrameType, frame: FrameType | None) -> list[CodeType]:
    """Give whose frames stand from one to one above it, both included."""
    passed = [last.f_code]
    while frame is not None and frame is not last:
        passed.append(frame.f_code)
        frame = frame.f_back
    return passed


def _is_its_own(frame: FrameType, entry: Entry, passed: list[CodeType], obj: object) -> bool:
    """Whether a finalizer has acquired itself what it releases.

    Its code stands in the stack then. Where nothing is known of that but one function it may be one of those that
    ``passed`` by; otherwise the question is whether what is finalized holds the resource.
    """
    trace = entry[TRACE]
    if trace.__class__ is tuple:
        return any(frame.f_code is code for code in codes(trace))
    return trace in passed or not _holds(_first_argument(frame), obj)


def _holds(owner: object, obj: object) -> bool:
    """Whether one object leads to a resource, or to the number of a descriptor, without a detour through a module."""
    number = obj.number if isinstance(obj, Descriptor) else None
    if number is not None:
        return any(type(each) is int and each == number for each in _held(owner))
    return any(each is obj or recorded_as(each) is obj for each in _held(owner))


def _held(owner: object) -> Iterator[object]:
    seen, level = {id(owner)}, [owner]
    while level and len(seen) < _MANY:
        below = []
        for each in gc.get_referents(*level):
            if id(each) not in seen and not issubclass(type(each), _WORLDS):
                seen.add(id(each))
                below.append(each)
                yield each
        level = below


#: Such methods of classes that are no file objects, and our wrappers of such, by address, as all instances are alike
#: there: to ask a frame for its variables costs more than to release most resources.
_OF_NO_FILES: dict[int, weakref.ref[CodeType]] = {}


def _first_argument(frame: FrameType) -> object:
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _is_finalized(frame: FrameType) -> bool:
    owner = _first_argument(frame)
    if not issubclass(type(owner), _IOBase):
        _remember(frame.f_code)
        return False
    return is_finalized(owner)


def _remember(code: CodeType) -> None:
    def forget(_: object, key: int = id(code), pop: Any = _OF_NO_FILES.pop) -> None:
        pop(key, None)

    _OF_NO_FILES[id(code)] = weakref.ref(code, forget)


def is_finalized(obj: object) -> bool:
    """Whether the interpreter finalizes a file object, and so has it close itself."""
    attributes = getattr(obj, "__dict__", None)
    return type(attributes) is dict and attributes.get("_finalizing") is True
