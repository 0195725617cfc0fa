"""Frames in greenlets: there the chain of callers ends, though somebody waits for the answer.

Libraries with one body of code for both worlds, such as SQLAlchemy, run it in a greenlet below the coroutine.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from lifetrack.ledger.territory import FILES, USER


def _has_user(frame: FrameType | None) -> bool:
    while frame is not None:
        if FILES[frame.f_code.co_filename] == USER:
            return True
        frame = frame.f_back
    return False


def asking_frame(frame: FrameType) -> FrameType:
    """Give the frame itself, or that of the coroutine which waits for a greenlet without any of the user's code."""
    module: Any = sys.modules.get("greenlet")
    if module is None or _has_user(frame):
        return frame
    current = module.getcurrent().parent
    while current is not None:
        above = current.gr_frame
        if above is not None and _has_user(above):
            return above  # type: ignore[no-any-return]
        current = current.parent
    return frame
