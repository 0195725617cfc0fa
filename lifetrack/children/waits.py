"""Waits of a worker that is followed: none may keep it from the signal that ends it.

The interpreter handles a signal between two of its instructions. One that comes just before a wait for a lock begins is
handled after that wait, which may be never: a pool keeps the lock of its queue while it terminates its workers, and
waits for them. Where nobody handles the signal the process just dies; where we do, for its last word, it has to look.
"""

from __future__ import annotations

import functools
from typing import Any

from lifetrack.guards.patches import Patches

#: Seconds after which a worker that waits for a lock looks whether a signal has come.
_LOOK = 0.25


def look_up_from_locks(lock: Any, patches: Patches) -> None:
    """Let ``with`` blocks that wait for a lock of ``multiprocessing`` look for signals now and then."""
    enter = lock.__enter__

    @functools.wraps(enter)
    def __enter__(self: Any) -> Any:
        while not self._semlock.acquire(True, _LOOK):
            pass
        return True

    patches.put(lock, "__enter__", __enter__)
