"""Frames of libraries: where code was generated, and in greenlets, where the chain of callers ends.

Libraries with one body of code for both worlds, such as SQLAlchemy, run it in a greenlet below the coroutine.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from lifetrack.ledger.territory import FILES, RUNNER, USER


def _is_generated(frame: FrameType) -> bool:
    """Whether a library has made this code while the program runs; programs given by ``-c`` have that file name too."""
    if frame.f_code.co_filename != "<string>":
        return False
    module = sys.modules.get(str(frame.f_globals.get("__name__")))
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and FILES[file] != USER


def _below_user(frame: FrameType) -> FrameType | None:
    """Give the frame to begin with, above all that libraries have generated; None where no user's code calls."""
    begin, each = frame, frame
    while True:
        above = each.f_back
        whose = FILES[each.f_code.co_filename]
        if whose == USER:
            if not _is_generated(each):
                return begin
            begin = begin if above is None else above
        if above is None or whose is RUNNER:
            return None
        each = above


def asking_frame(frame: FrameType) -> FrameType:
    """Give the frame itself, or that of the coroutine which waits for a greenlet without any of the user's code."""
    found = _below_user(frame)
    if found is not None:
        return found
    module: Any = sys.modules.get("greenlet")
    current = None if module is None else module.getcurrent().parent
    while current is not None:
        above = None if current.gr_frame is None else _below_user(current.gr_frame)
        if above is not None:
            return above
        current = current.parent
    return frame
