"""Who asks for a release: the program or a finalizer of something that holds the resource."""

from __future__ import annotations

from types import FrameType

from lifetrack.ledger.entries import TRACE, Entry
from lifetrack.ledger.territory import FILES, USER

#: How the methods are called by which a finalizer of the io module lets a wrapper written in Python close itself.
_CLOSES = frozenset({"close", "__exit__"})


def in_finalizer(frame: FrameType | None, entry: Entry) -> bool:
    """Whether a release comes from the finalizer of the nearest user's function, or of a library between it and us.

    That is a ``__del__`` method, or the ``close`` of a file object that the interpreter finalizes. What a ``__del__``
    method has acquired itself it may release.
    """
    while frame is not None:
        code = frame.f_code
        name = code.co_name
        if name == "__del__":
            trace = entry[TRACE]
            opened_by = trace[0] if isinstance(trace, tuple) and trace else trace
            return opened_by is not code
        if name in _CLOSES and _is_finalized(frame):
            return True
        if FILES[code.co_filename] == USER:
            return False
        frame = frame.f_back
    return False


def _is_finalized(frame: FrameType) -> bool:
    code = frame.f_code
    if not code.co_argcount:
        return False
    return is_finalized(frame.f_locals.get(code.co_varnames[0]))


def is_finalized(obj: object) -> bool:
    """Whether the interpreter finalizes a file object, and so has it close itself."""
    attributes = getattr(obj, "__dict__", None)
    return type(attributes) is dict and attributes.get("_finalizing") is True
