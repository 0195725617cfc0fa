"""The mechanism for exit stacks: one has a duty from the first thing that is pushed on it until it has run them all.

What is pushed is told below it: it is the stack that does not release it. The stack that ``pop_all()`` gives has no
duty until something is pushed: to drop it is the documented way of calling everything off.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from collections.abc import Iterable
from types import FrameType
from typing import Any

from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import KIND, OPEN_STATES, STATE
from lifetrack.ownership.kinship import bind
from lifetrack.watchers.python_classes import WatchedClass
from lifetrack.watchers.raw_files import recorded_as
from lifetrack.watchers.rows import Row


class _Pushed(deque[Any]):
    """What was pushed on a stack; tells when the last of it is taken to be run."""

    __slots__ = ("_stack", "_watched")

    def __init__(self, pushed: Iterable[Any], watched: WatchedExitStack, stack: object) -> None:
        super().__init__(pushed)
        self._watched = watched
        self._stack = weakref.ref(stack)

    def pop(self) -> Any:  # type: ignore[override]
        item = super().pop()
        stack = None if self else self._stack()
        if stack is not None:
            self._watched.ended(stack, caller(1))
        return item


class WatchedExitStack(WatchedClass):
    """``ExitStack`` or ``AsyncExitStack``, for all trackers."""

    def __init__(self, row: Row) -> None:
        super().__init__(row, getattr(sys.modules[row.module], row.name))

    def _wrap_releases(self) -> None:
        """Wrap no release: what its callbacks raise comes out of it, and shall come through nothing of ours."""
        self._wrap("pop_all", self._asked_releaser)

    def _acquirer(self, original: Any) -> Any:
        acquire = super()._acquirer(original)

        def _push_exit_callback(self: Any, /, callback: Any, *args: Any, **kwargs: Any) -> Any:
            if watched._is_known(self):
                result = original(self, callback, *args, **kwargs)
            else:
                result = acquire(self, callback, *args, **kwargs)
                self._exit_callbacks = _Pushed(self._exit_callbacks, watched, self)
            if watched.listeners:
                watched._pushed(self, callback)
            return result

        watched = self
        return _push_exit_callback

    def _is_known(self, stack: object) -> bool:
        for listener in self.listeners:
            entry = listener.ledger.entries.get(id(stack))
            if entry is None or entry[STATE] not in OPEN_STATES:
                return False
        return True

    def ended(self, stack: object, frame: FrameType) -> None:
        """Hear that a stack has run all that was pushed on it."""
        for listener in self.listeners:
            listener.released(stack, self._row.declaration, frame)

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
