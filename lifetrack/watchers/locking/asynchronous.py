"""The mechanism for the locks of asyncio, whose holders are tasks."""

from __future__ import annotations

import functools
import sys
from types import CodeType, FrameType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own
from lifetrack.values.declarations import Declaration
from lifetrack.watchers.locking.desk import TASKS, caller_frame, site_for
from lifetrack.watchers.locking.holders import task_holder
from lifetrack.watchers.locking.owned import Owned
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.shared import Shared

_LOCKS = ("Lock", "Semaphore", "BoundedSemaphore")


class WatchedAsyncLocks(Shared):
    """``asyncio.Lock``, ``Condition`` and the semaphores, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self.desk = TASKS
        self._declaration = declaration
        self._patches = Patches()
        self.owned = Owned(self.desk)
        module = sys.modules["asyncio.locks"]
        self._classes = {name: getattr(module, name) for name in _LOCKS}
        makers = [*self._classes.values(), module.Condition]
        self._makers: tuple[CodeType, ...] = tuple(own(cls)["__init__"].__code__ for cls in makers)

    def join(self, recording: Recording) -> None:
        """Let a tracker listen."""
        super().join(recording)
        self.desk.listen(self.listeners, self._declaration)

    def leave(self, recording: Recording) -> None:
        """Let a tracker listen no more."""
        super().leave(recording)
        self.desk.listen(self.listeners, self._declaration)

    def put(self) -> None:
        """Wrap the methods. A bounded semaphore has a constructor of its own, and the methods of the other."""
        for name, cls in self._classes.items():
            if name != "BoundedSemaphore":
                for method, wrapping in (
                    ("__init__", self._initialiser), ("acquire", self._acquirer), ("release", self._releaser),
                ):  # fmt: skip
                    original = own(cls)[method]
                    self._patches.put(cls, method, functools.wraps(original)(wrapping(original, name)))

    def restore(self) -> None:
        """Put the methods back."""
        self._patches.undo()

    def _initialiser(self, original: Any, name: str) -> Any:
        desk, owned, makers, bounded = self.desk, self.owned, self._makers, self._classes["BoundedSemaphore"]
        condition = makers[-1]

        def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            frame = caller_frame(1)
            site = None if desk.take is None else site_for(frame, makers)
            if site is None:
                return
            kind = "Condition" if frame.f_code is condition else name
            node = owned.add(self, f"asyncio.{'BoundedSemaphore' if isinstance(self, bounded) else kind}", site)
            if name == "Semaphore":
                node.proven = isinstance(self, bounded)
                node.is_signal = self._value < 1

        return __init__

    def _acquirer(self, original: Any, name: str) -> Any:
        desk, owned, in_order = self.desk, self.owned, name == "Lock"

        async def acquire(self: Any) -> Any:
            node = owned.node(self)
            holder = None if node is None else task_holder()
            if node is None or holder is None or desk.take is None:
                return await original(self)
            if in_order and holder.held and not _is_wait(caller_frame(1)):
                desk.check(node, holder, caller_frame(1), forever=True)
            got = await original(self)
            if got:
                frame = caller_frame(1)
                owned.took(node, frame, holder, by_block=frame.f_code.co_name == "__aenter__", in_order=in_order)
            return got

        return acquire

    def _releaser(self, original: Any, _: str) -> Any:
        owned = self.owned

        def release(self: Any) -> None:
            original(self)
            node = owned.node(self)
            if node is not None:
                owned.gave(node, task_holder())

        return release


def _is_wait(frame: FrameType) -> bool:
    """Whether a condition takes its lock again after a wait: that is no order of the program's own choice."""
    return frame.f_code.co_name == "wait" and frame.f_globals.get("__name__") == "asyncio.locks"
