"""Who asks for a release: the program or a finalizer of something that holds the resource."""

from __future__ import annotations

import weakref
from _io import _IOBase
from types import CodeType, FrameType
from typing import Any

from lifetrack.ledger.entries import TRACE, Entry
from lifetrack.ledger.territory import FILES, OURS, RUNNER, STDLIB, USER

#: How the methods are called by which a finalizer of the io module lets a wrapper written in Python close itself.
_CLOSES = frozenset({"close", "__exit__"})
_ENDS = _CLOSES | {"__del__"}
_ALIKE = frozenset({STDLIB, OURS})


def in_finalizer(frame: FrameType | None, entry: Entry) -> bool:
    """Whether a release comes from the finalizer of the nearest user's function, or of a library between it and us.

    That is a ``__del__`` method, or the ``close`` of a file object that the interpreter finalizes. What a ``__del__``
    method has acquired itself it may release.
    """
    files = FILES
    while frame is not None:
        code = frame.f_code
        name = code.co_name
        whose = files[code.co_filename]
        if name in _ENDS:
            if name == "__del__":
                trace = entry[TRACE]
                opened_by = trace[0] if isinstance(trace, tuple) and trace else trace
                return opened_by is not code
            if id(code) not in _OF_NO_FILES and _is_finalized(frame, whose):
                return True
        if whose == USER or whose is RUNNER:
            return False
        frame = frame.f_back
    return False


#: Such methods of classes of the standard library that are no file objects, and our wrappers of such, by address, as
#: all instances are alike there: to ask a frame for its variables costs more than to release most resources.
_OF_NO_FILES: dict[int, weakref.ref[CodeType]] = {}


def _is_finalized(frame: FrameType, whose: int) -> bool:
    code = frame.f_code
    if not code.co_argcount:
        return False
    owner = frame.f_locals.get(code.co_varnames[0])
    if whose in _ALIKE and not issubclass(type(owner), _IOBase):
        _remember(code)
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
