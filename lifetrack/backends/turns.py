"""Turns: work that one thread does for all that ask meanwhile."""

from __future__ import annotations

import sys
import threading
from os import getpid
from types import FrameType

from lifetrack.backends.errors import log

#: How long to wait for another thread, in seconds: for ever would be a deadlock where a plugin waits for the thread
#: that waits here. A thread that is importing a module may hold the very lock that the other one is waiting for.
PATIENCE, PATIENCE_IN_IMPORT = 60.0, 0.5


def inside_import() -> bool:
    """Whether this thread is in the middle of an import, so that it holds the lock of a module."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


class Turn:
    """Work under way in the thread that made this."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.pid = getpid()
        self.over = threading.Event()

    def is_mine(self) -> bool:
        """Whether the thread that asks is the one that does the work, and is not done."""
        return self.thread == threading.get_ident() and not self.is_lost() and not self.over.is_set()

    def is_lost(self) -> bool:
        """Whether the thread that does the work was left behind by a fork."""
        return self.pid != getpid()

    def wait(self, what: str) -> bool:
        """Wait for the end of the work; False where it is better to go on without."""
        if self.over.wait(PATIENCE_IN_IMPORT if inside_import() else PATIENCE):
            return True
        log("warning", "%s is still running in another thread; going on without its end", what)
        return False
