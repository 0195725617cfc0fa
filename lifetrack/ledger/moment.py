"""The moment of an event: its time, its thread and its task."""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from time import perf_counter
from typing import Any, TypeAlias

from lifetrack.values.each_thread import Made, thread_name


class Who:
    """A thread, as long as its name is needed: thread numbers are used again, these are not."""

    __slots__ = ("ident", "name")

    def __init__(self, name: str, ident: int) -> None:
        self.name = name
        self.ident = ident


class _Local(threading.local):
    who = Made(lambda: Who(thread_name(), get_ident()))


_local = _Local()


def this_thread() -> Who:
    """Give the running thread."""
    return _local.who


#: Time on the process's clock; thread and task, at the levels that note them.
Moment: TypeAlias = tuple[float, Who | None, str | None]


#: Not empty once a library of tasks was imported while anybody tracks: until then there is no task to ask for.
task_libraries: list[str] = []


def note_task_library(name: str) -> None:
    """Note that a library of tasks was imported."""
    if name not in task_libraries:
        task_libraries.append(name)


def running_trio() -> Any:
    """Give trio's own module while one of its tasks is running here, anyio's on trio too; None otherwise."""
    lowlevel: Any = sys.modules.get("trio.lowlevel")
    try:
        return sys.modules["trio"] if lowlevel is not None and lowlevel.in_trio_task() else None
    except (AttributeError, KeyError):  # trio is being imported
        return None


def name_of_task(task: Any) -> str | None:
    """Give the name of a task of asyncio; None where its class raises."""
    try:
        return str(task.get_name())
    except Exception:  # whatever a class of the program's raises
        return None


def task_name() -> str | None:
    """Give the name of the running task of asyncio or trio; None outside one. Imports nothing."""
    modules = sys.modules
    asyncio: Any = modules.get("asyncio")
    task = None
    if asyncio is not None:
        try:
            loop = asyncio._get_running_loop()
            task = None if loop is None else asyncio.current_task(loop)
        except (AttributeError, RuntimeError):  # asyncio is being imported, or its loop ends
            pass
    if task is not None:
        return name_of_task(task)
    # Also as a guest in a loop of asyncio's, which has no task then.
    trio = running_trio() if "trio.lowlevel" in modules else None
    return None if trio is None else str(trio.lowlevel.current_task().name)


def moment() -> Moment:
    """Note time, thread and task."""
    return perf_counter(), _local.who, task_name() if task_libraries else None


def stamp() -> Moment:
    """Note the time alone."""
    return perf_counter(), None, None


#: What generated code needs to note a moment without this call, which costs as much as all of its parts.
MOMENT_PARTS: dict[str, object] = {
    "clock": perf_counter, "thread": _local, "task": task_name, "tasks": task_libraries,
}  # fmt: skip
