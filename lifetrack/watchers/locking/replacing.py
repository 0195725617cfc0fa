"""The mechanism for the locks of ``threading``: what makes locks is replaced, for the code that makes its own.

A lock that the standard library makes for itself is the real one: who calls decides. Semaphores are classes written in
Python, so that their methods are wrapped.
"""

from __future__ import annotations

import _thread
import functools
import threading
from collections.abc import Callable
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own
from lifetrack.values.declarations import Declaration
from lifetrack.values.stacks import RawFrame
from lifetrack.watchers.aliases import exchange, replacement
from lifetrack.watchers.locking.desk import THREADS, caller_frame, site_for
from lifetrack.watchers.locking.graph import Node
from lifetrack.watchers.locking.holders import local
from lifetrack.watchers.locking.owned import Owned
from lifetrack.watchers.locking.plain import NativeLock, PlainLock, make_lock
from lifetrack.watchers.locking.reentrant import make_rlock
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.shared import Shared

#: A condition without a lock makes a reentrant one, on behalf of whoever makes the condition.
_CONDITION = (threading.Condition.__init__.__code__,)
_SEMAPHORES = (threading.Semaphore.__init__.__code__, threading.BoundedSemaphore.__init__.__code__)


class WatchedLocks(Shared):
    """``threading.Lock``, ``RLock``, ``Condition`` and the semaphores, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self.desk = THREADS
        self._declaration = declaration
        self._patches = Patches()
        self._exchanged: list[tuple[Any, Any]] = []
        self.owned = Owned(self.desk)

    def join(self, recording: Recording) -> None:
        """Let a tracker listen."""
        super().join(recording)
        self.desk.listen(self.listeners, self._declaration)

    def leave(self, recording: Recording) -> None:
        """Let a tracker listen no more."""
        super().leave(recording)
        self.desk.listen(self.listeners, self._declaration)

    def put(self) -> None:
        """Replace what makes locks, under all its names outside of the standard library.

        Where somebody else has replaced it before, as libraries of green threads do, it is theirs.
        """
        if threading.Lock in (_thread.allocate_lock, NativeLock):
            self._exchange("Lock", self._lock_maker(threading.Lock))
        if getattr(threading.RLock, "__module__", None) == "threading":
            self._exchange("RLock", self._rlock_maker(threading.RLock))
        for cls in (threading.Semaphore, threading.BoundedSemaphore):
            for name, wrapping in (
                ("__init__", self._initialiser), ("acquire", self._acquirer), ("__enter__", self._acquirer),
                ("release", self._releaser),
            ):  # fmt: skip
                original = own(cls).get(name)
                if original is not None:
                    self._patches.put(cls, name, functools.wraps(original)(wrapping(original, name)))

    def restore(self) -> None:
        """Give all the names back; locks that were made keep locking, and tell nobody."""
        while self._exchanged:
            new, old = self._exchanged.pop()
            exchange(new, old, of_program=True)
            for name in ("Lock", "RLock"):
                if vars(threading).get(name) is new:
                    setattr(threading, name, old)
        self._patches.undo()

    def _exchange(self, name: str, new: Any) -> None:
        old = getattr(threading, name)
        exchange(old, new, of_program=True)
        setattr(threading, name, new)
        self._exchanged.append((new, old))

    # -- Lock and RLock ------------------------------------------------------------------------------------------

    def _lock_maker(self, native: Any) -> Any:
        desk = self.desk
        if isinstance(native, type):  # from Python 3.13 on
            return PlainLock

        def make(_: object, /, *args: Any, **kwargs: Any) -> Any:
            site = None if args or kwargs or desk.take is None else site_for(caller_frame(1))
            return native(*args, **kwargs) if site is None else make_lock(Node("threading.Lock", site))

        return replacement(native, make)

    def _rlock_maker(self, native: Callable[..., Any]) -> Any:
        desk = self.desk

        @functools.wraps(native)
        def RLock(*args: Any, **kwargs: Any) -> Any:  # noqa: N802 - the name of the real one
            frame = caller_frame(1)
            site = None if args or kwargs or desk.take is None else site_for(frame, _CONDITION)
            if site is None:
                return native(*args, **kwargs)
            name = "threading.Condition" if frame.f_code in _CONDITION else "threading.RLock"
            return make_rlock(Node(name, site))

        return RLock

    # -- semaphores ----------------------------------------------------------------------------------------------

    def _initialiser(self, original: Any, _: str) -> Any:
        semaphores, desk = self.owned, self.desk

        def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            site: RawFrame | None = None if desk.take is None else site_for(caller_frame(1), _SEMAPHORES)
            if site is not None:
                is_bounded = isinstance(self, threading.BoundedSemaphore)
                node = semaphores.add(self, f"threading.{'BoundedSemaphore' if is_bounded else 'Semaphore'}", site)
                node.proven = is_bounded
                node.is_signal = self._value < 1

        return __init__

    def _acquirer(self, original: Any, name: str) -> Any:
        semaphores, by_block = self.owned, name == "__enter__"

        def acquire(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            got = original(self, *args, **kwargs)
            node = semaphores.node(self) if got else None
            if node is not None:
                semaphores.took(node, caller_frame(1), local.holder, by_block=by_block)
            return got

        return acquire

    def _releaser(self, original: Any, _: str) -> Any:
        semaphores = self.owned

        def release(self: Any, n: int = 1) -> None:
            node = semaphores.node(self)
            original(self, n)
            if node is not None:
                semaphores.gave(node, local.holder, n)

        return release
