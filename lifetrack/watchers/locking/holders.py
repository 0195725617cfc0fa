"""Who holds locks: threads and asyncio tasks."""

from __future__ import annotations

import threading
import weakref
from _thread import get_ident
from typing import Any

from lifetrack.ledger.holds import Holder
from lifetrack.ledger.moment import name_of_task
from lifetrack.values.each_thread import Made, thread_name


class _Life:
    """Lives as long as the thread in whose local storage it stands."""

    __slots__ = ("__weakref__",)


class ThreadHolder(Holder):
    """A thread. Its number may be used again, so that its life is what counts."""

    __slots__ = ("_ident", "_life")
    kind = "thread"

    def __init__(self, name: str, ident: int, life: _Life) -> None:
        super().__init__(name)
        self._ident = ident
        self._life = weakref.ref(life)

    def is_gone(self) -> bool:
        """Whether the thread has ended."""
        return self._life() is None

    def is_asking(self) -> bool:
        """Whether this thread runs this."""
        return not self.is_gone() and get_ident() == self._ident


def _this_thread() -> ThreadHolder:
    return ThreadHolder(thread_name(), get_ident(), local.life)


class _Local(threading.local):
    life = Made(_Life)
    holder = Made(_this_thread)


#: ``local.holder`` is the running thread as a holder.
local = _Local()


class TaskHolder(Holder):
    """A task of asyncio. Another task may release for it, as long as their loop lives."""

    __slots__ = ("_loop", "_task")
    kind = "task"

    def __init__(self, task: Any) -> None:
        super().__init__(name_of_task(task) or "task")
        self._task = weakref.ref(task)
        self._loop = weakref.ref(task.get_loop())

    def is_gone(self) -> bool:
        """Whether the event loop is closed or gone."""
        loop = self._loop()
        return loop is None or bool(loop.is_closed())

    def is_done(self) -> bool:
        """Whether the task has ended."""
        task = self._task()
        return task is None or bool(task.done())

    def is_asking(self) -> bool:
        """Whether this task runs this."""
        import asyncio

        return asyncio._get_running_loop() is not None and asyncio.current_task() is self._task()

    def outlives_process(self) -> bool:
        """No task does: its loop ends first."""
        return False


_tasks: weakref.WeakKeyDictionary[Any, TaskHolder] = weakref.WeakKeyDictionary()


def task_holder() -> TaskHolder | None:
    """Give the running task as a holder; None outside one."""
    import asyncio

    task = asyncio.current_task() if asyncio._get_running_loop() is not None else None
    if task is None:
        return None
    holder = _tasks.get(task)
    if holder is None:
        holder = _tasks[task] = TaskHolder(task)
    return holder
