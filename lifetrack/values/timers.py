"""The timers of the program, which ``signal.setitimer()`` and ``signal.alarm()`` have set: paused, and set again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF")


@contextmanager
def paused_timers() -> Iterator[None]:
    """Let no timer go off meanwhile: its handler may raise, which would end whatever is going on.

    Each has as much time left afterwards as it had.
    """
    signal: Any = sys.modules.get("signal")
    which = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    armed = [(each, signal.getitimer(each)) for each in which if signal.getitimer(each)[0]]
    for each, _ in armed:
        signal.setitimer(each, 0)
    try:
        yield
    finally:
        for each, left in armed:
            signal.setitimer(each, *left)
