"""Where work was handed over that may run with no line of the program above it, as ``submit(open, path)`` does.

A thread knows that of its present work, or the context does in which that runs.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any

_Trace = tuple[Any, ...]


class _Local(threading.local):
    trace: _Trace | None = None


of_thread = _Local()
of_context: ContextVar[_Trace | None] = ContextVar("lifetrack_origin", default=None)


def handed_over() -> _Trace | None:
    """Give the trace of the place where the present work was handed over, where that is remembered."""
    return of_thread.trace or of_context.get()
