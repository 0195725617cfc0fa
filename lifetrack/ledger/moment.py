"""The moment of an event: its time, its thread and its task."""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from time import perf_counter
from typing import Any, TypeAlias


class Who:
    """A thread, as long as its name is needed: thread numbers are used again, these are not."""

    __slots__ = ("ident", "name")

    def __init__(self, name: str, ident: int) -> None:
        self.name = name
        self.ident = ident


class _Local(threading.local):
    def __init__(self) -> None:
        ident = get_ident()
        # Not current_thread(): in a thread that Python did not start it would register a dummy for good.
        active: dict[int, threading.Thread] = getattr(threading, "_active", {})
        thread = active.get(ident)
        self.who = Who(f"thread {ident}" if thread is None else thread.name, ident)


_local = _Local()


def this_thread() -> Who:
    """Give the running thread."""
    return _local.who


#: Time on the process's clock, thread and task.
Moment: TypeAlias = tuple[float, Who, str | None]


def task_name() -> str | None:
    """Give the name of the running asyncio task; None outside one. Imports nothing."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        if asyncio._get_running_loop() is None:
            return None
        task = asyncio.current_task()
        return None if task is None else str(task.get_name())
    except (AttributeError, RuntimeError):  # asyncio is being imported, or its loop ends
        return None


def moment() -> Moment:
    """Note time, thread and task."""
    return perf_counter(), _local.who, task_name()


#: What generated code needs to note a moment without this call, which costs as much as all of its parts.
MOMENT_PARTS: dict[str, object] = {
    "clock": perf_counter, "thread": _local, "task": task_name, "modules": sys.modules,
}  # fmt: skip
