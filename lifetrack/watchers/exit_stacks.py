"""The mechanism for exit stacks: one has a duty from the first thing that is pushed on it until it has run them all.

What is pushed is told below it: it is the stack that does not release it. The stack that ``pop_all()`` gives has no
duty until something is pushed: to drop it is the documented way of calling everything off.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import KIND, OPEN_STATES, STATE
from lifetrack.ownership.kinship import bind
from lifetrack.watchers.python_classes import WatchedClass
from lifetrack.watchers.raw_files import recorded_as
from lifetrack.watchers.rows import Row

_CO_COROUTINE = 0x80


class WatchedExitStack(WatchedClass):
    """``ExitStack`` or ``AsyncExitStack``, for all trackers."""

    def __init__(self, row: Row) -> None:
        super().__init__(row, getattr(sys.modules[row.module], row.name))

    def put(self) -> None:
        """Wrap the methods."""
        super().put()
        self._wrap("pop_all", self._asked_releaser)

    def _acquirer(self, original: Any) -> Any:
        acquire = super()._acquirer(original)

        def _push_exit_callback(self: Any, /, callback: Any, *args: Any, **kwargs: Any) -> Any:
            result = acquire(self, callback, *args, **kwargs)
            if watched.listeners:
                watched._pushed(self, callback)
            return result

        watched = self
        return _push_exit_callback

    def _asked_releaser(self, original: Any) -> Any:
        if not original.__code__.co_flags & _CO_COROUTINE:
            return super()._asked_releaser(original)
        declaration = self._row.declaration

        async def release(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            try:
                return await original(self, *args, **kwargs)
            finally:
                for listener in watched.listeners:
                    listener.released(self, declaration, caller(1))

        watched = self
        return release

    def _acquired(self, obj: Any, frame: FrameType, result: Any) -> None:
        above = frame.f_back
        super()._acquired(obj, frame if above is None else above, result)

    def _pushed(self, stack: object, callback: Any) -> None:
        """Let what was pushed, if it is watched too, stand below the stack."""
        callback = getattr(callback, "__wrapped__", callback)
        pushed = getattr(callback, "__self__", None)
        held = [pushed, vars(pushed).get("thing") if type(pushed).__name__ == "closing" else None]
        for listener in self.listeners:
            entries = listener.ledger.entries
            upper = entries.get(id(stack))
            if upper is None or upper[STATE] not in OPEN_STATES:
                continue
            for each in held:
                entry = None if each is None else entries.get(id(recorded_as(each)))
                if entry is not None and entry[STATE] in OPEN_STATES and entry[KIND].declaration.watched:
                    bind(entry, each, upper)
