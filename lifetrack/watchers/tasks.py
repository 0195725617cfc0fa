"""The mechanism for asyncio's tasks: made by the loop, over when they are done; their class is written in C.

A task that is collected was done, as a rule. That it was not asyncio itself tells its loop.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own
from lifetrack.ledger.callers import caller
from lifetrack.ledger.territory import FILES, OURS, STDLIB, USER
from lifetrack.watchers.rows import Row
from lifetrack.watchers.shared import Shared, in_place_of

_MAKE = """
def wrapper({declare}):
    _lt_task = _lt_original({call})
    if _lt_watched.listeners:
        _lt_watched._made(_lt_task)
    return _lt_task
"""
_HEAR = """
def wrapper({declare}):
    _lt_heard(*{arguments}[:1])
    return _lt_original({call})
"""
_DESTROYED = "Task was destroyed but it is pending!"
#: The modules by which a program asks for a task. What asyncio makes for itself goes through none of them.
_ASKED = frozenset({
    "asyncio.tasks", "asyncio.taskgroups", "asyncio.runners", "asyncio.base_events", "asyncio.timeouts",
    "unittest.async_case",
})  # fmt: skip
#: Those that make tasks for themselves, which are found above these.
_MAKERS = frozenset({"asyncio.streams", "asyncio.selector_events", "asyncio.unix_events", "asyncio.base_subprocess"})
#: What asks for tasks that nobody else can want: a callback that is written in C, or asyncio's own; the end of a run.
_FOR_ITSELF = {"asyncio.events": "_run", "asyncio.runners": "close"}
#: Whose frames stand between a task and the code that asks for it; what a module is on that way, by its file: one that
#: somebody else may ask by, one that asks for itself, or the name of its function that does so.
_PASSED = frozenset({STDLIB, OURS})
_OUTER, _INNER = "", "*"
_WAYS: dict[str, str] = {}


def is_over(task: Any) -> bool:
    """Whether a task is done, or was told to end."""
    return bool(task.done() or task.cancelling())


def is_running(task: Any) -> bool:
    """Whether the loop of a task runs, so that the task goes on."""
    return bool(task.get_loop().is_running())


def _asked_for(frame: FrameType | None) -> bool:
    """Whether the program's own code asks for a task: what a package makes, that takes care of."""
    while frame is not None:
        code = frame.f_code
        whose = FILES[code.co_filename]
        if whose not in _PASSED:
            return whose == USER
        way = _WAYS.get(code.co_filename)
        if way is None:
            way = _way_through(frame, whose)
        if way and way in (_INNER, code.co_name):
            return False
        frame = frame.f_back
    return False


def _way_through(frame: FrameType, whose: int) -> str:
    """Tell of a module of the standard library, or of ours in its place, what a task is that is asked for in it."""
    name = frame.f_globals.get("__name__") or ""
    inner = name in _MAKERS or (name.startswith("asyncio.") and name not in _ASKED)
    way = _FOR_ITSELF.get(name) or (_INNER if inner else _OUTER)
    if whose == STDLIB:
        _WAYS[frame.f_code.co_filename] = way
    return way


class WatchedTasks(Shared):
    """``create_task`` of asyncio's loops, for all trackers."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self._cls: Any = getattr(sys.modules[row.module], row.name)
        self._patches = Patches()

    def put(self) -> None:
        """Wrap what makes tasks, and what is told of those that were destroyed."""
        for name, template, names in (
            ("create_task", _MAKE, {"watched": self}),
            ("call_exception_handler", _HEAR, {"heard": self._heard}),
        ):
            self._patches.put(self._cls, name, in_place_of(own(self._cls)[name], template, names))

    def restore(self) -> None:
        """Put the methods back."""
        self._patches.undo()

    def _made(self, task: Any) -> None:
        frame = caller(2)
        trace = getattr(task, "_source_traceback", None)
        if trace and FILES[trace[-1].filename] == OURS:
            del trace[-1]  # in debug mode; it ends with whoever asked for the task
        asked_for = _asked_for(frame)
        for listener in self.listeners:
            if asked_for:
                listener.acquired(task, self._row.declaration, frame, quiet=True)
            else:
                listener.begins_quietly(task)

    def _heard(self, context: Any) -> None:
        if type(context) is dict and context.get("message") == _DESTROYED:
            for listener in self.listeners:
                listener.lost(context.get("task"))
