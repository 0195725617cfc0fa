"""The frame that called."""

from __future__ import annotations

from sys import _getframe
from types import FrameType


def caller(depth: int = 1) -> FrameType:
    """Give the frame ``depth`` calls above the function that asks; its own where C code called it, as at exit."""
    try:
        return _getframe(depth + 1)
    except ValueError:
        return _getframe(1)
