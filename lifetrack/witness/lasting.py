"""What lives as long as the process, by the design of a library: known by a list that everybody can read and add to.

It is shown once in a section of its own, never as a leak. Patterns are those of ``fnmatch``, with case.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from lifetrack.ledger.entries import EXTRA, Entry
from lifetrack.values.collector import referring
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass
from lifetrack.values.records import Lasting

THREAD, PROCESS, DESCRIPTOR = KINDS = ("thread", "process", "descriptor")


@dataclass(frozen=True, slots=True)
class Known:
    """One line of the list. ``pattern`` is matched with a thread's name, a process's command or a descriptor's path."""

    kind: str
    pattern: str
    why: str


SHIPPED: tuple[Known, ...] = (
    # multiprocessing and joblib
    Known(PROCESS, "*multiprocessing.resource_tracker*", "the resource tracker of multiprocessing"),
    Known(PROCESS, "*multiprocessing.forkserver*", "the fork server of multiprocessing"),
    Known(PROCESS, "*loky.backend.resource_tracker*", "the resource tracker of loky"),
    Known(PROCESS, "*loky.backend.popen_loky_posix*", "a worker of loky's reusable executor"),
    Known(THREAD, "ExecutorManagerThread*", "the manager of loky's reusable executor"),
    Known(THREAD, "QueueFeederThread", "the feeder of a queue between processes, ended with it"),
    # event loops
    Known(THREAD, "asyncio_[0-9]*", "the default executor of an asyncio loop"),
    Known(THREAD, "AnyIO worker thread", "the worker-thread cache of anyio"),
    Known(THREAD, "Trio thread [0-9]*", "the worker-thread cache of trio"),
    Known(THREAD, "Trio worker thread [0-9]*", "the worker-thread cache of trio"),
    Known(THREAD, "trio.*", "the worker-thread cache of trio"),
    Known(THREAD, "asyncio-waitpid-[0-9]*", "the child watcher of asyncio"),
    # resolvers, monitors and tools
    Known(THREAD, "Tornado resolver*", "the resolver threads of tornado"),
    Known(THREAD, "pymongo_*", "a monitor of pymongo, ended with its client"),
    Known(THREAD, "tqdm_monitor*", "the monitor of tqdm"),
    Known(THREAD, "IPythonHistorySavingThread", "the history of IPython"),
    Known(THREAD, "pydevd.*", "a thread of the debugger"),
    Known(THREAD, "jemalloc_bg_thd", "a thread of the memory allocator"),
    Known(DESCRIPTOR, "*/libffi.so*", "the trampolines that libffi makes for ctypes"),
    Known(DESCRIPTOR, "/dev/urandom", "the random numbers of the process"),
    Known(DESCRIPTOR, "/dev/random", "the random numbers of the process"),
)

_MP, _LOKY = "multiprocessing.", "joblib.externals.loky.backend."
#: What libraries keep as long as the process and know by number: the kind, where the number stands, and why.
HOLDERS: tuple[tuple[str, str, str, str, str], ...] = (
    (PROCESS, _MP + "resource_tracker", "_resource_tracker", "_pid", "the resource tracker of multiprocessing"),
    (DESCRIPTOR, _MP + "resource_tracker", "_resource_tracker", "_fd", "the resource tracker of multiprocessing"),
    (PROCESS, _MP + "forkserver", "_forkserver", "_forkserver_pid", "the fork server of multiprocessing"),
    (DESCRIPTOR, _MP + "forkserver", "_forkserver", "_forkserver_alive_fd", "the fork server of multiprocessing"),
    (PROCESS, _LOKY + "resource_tracker", "_resource_tracker", "_pid", "the resource tracker of loky"),
    (DESCRIPTOR, _LOKY + "resource_tracker", "_resource_tracker", "_fd", "the resource tracker of loky"),
)

_added: list[Known] = []


def add(kind: str, pattern: str, why: str) -> Callable[[], None]:
    """Add a line to the list; give what takes it away again. Raises ConfigurationError for a bad kind or no reason."""
    if kind not in KINDS:
        raise ConfigurationError(f"unknown kind: use one of {', '.join(KINDS)}")
    given: dict[str, object] = {"pattern": pattern, "reason": why}
    for word, value in given.items():
        if not isinstance(value, str) or not value.strip():
            raise ConfigurationError(f"what lives as long as the process needs a {word}: a text that is not empty")
    line = Known(kind, pattern, why)
    _added.append(line)

    def remove() -> None:
        if line in _added:
            _added.remove(line)

    return remove


def lasting_record(entry: Entry) -> Lasting | None:
    """Give what is known of what a record is about, or of what that belongs to; None for all else.

    A thread is known by its name, a descriptor by its number, an executor by the event loop that has it.
    """
    return Asking()(entry)


class Asking:
    """Asks as :func:`lasting_record` does, in one pass over many records, and keeps nothing beyond it.

    What event loops have is looked for in all that there is, which takes long: once for all executors and threads.
    """

    def __init__(self) -> None:
        self._of_loops: list[object] | None = None

    def __call__(self, entry: Entry) -> Lasting | None:
        """Give what is known of what a record is about, or of what that belongs to; None for all else."""
        extra = entry[EXTRA]
        obj: Any = None if extra is None or extra.reference is None else extra.reference()
        known = None if obj is None else self._object(obj)
        return self(extra.parent) if known is None and extra is not None and extra.parent is not None else known

    def _object(self, obj: Any) -> Lasting | None:
        if isinstance(obj, threading.Thread):
            return lasting(THREAD, obj.name) or _reusable(obj)
        if (number := raw_number(obj)) is not None:
            return lasting_numbers(DESCRIPTOR).get(number)
        executor: Any = getattr(sys.modules.get("concurrent.futures._base"), "Executor", ())
        return self._executor(obj) if isinstance(obj, executor) else _reusable(obj)

    def _executor(self, executor: object) -> Lasting | None:
        """Give what is known of an executor that an event loop has: it is ended with its loop."""
        if self._of_loops is None:
            self._of_loops = list(_had_by_loops())
        if not any(each is executor for each in self._of_loops):
            return None
        return Lasting(THREAD, type(executor).__name__, "the default executor of an event loop")


def _had_by_loops() -> Iterator[object]:
    """Give all that event loops refer to, or that is an attribute of one."""
    base: Any = getattr(sys.modules.get("asyncio.events"), "AbstractEventLoop", None)
    if base is None:
        return
    classes = [base]
    for each in classes:  # which grows
        classes += [below for below in type.__subclasses__(each) if all(below is not known for known in classes)]
    for loop in referring(classes, *classes):
        for each in gc.get_referents(loop):
            has_attributes = type(each) is dict and "_default_executor" in each
            yield from each.values() if has_attributes else (each,)


def raw_number(obj: Any) -> int | None:
    """Give the number of what stands for a raw descriptor in the records; None for all else."""
    if not any(base.__module__.startswith("lifetrack.") for base in type(obj).__mro__):
        return None
    number = getattr(obj, "number", None)
    return number if isinstance(number, int) else None


_REUSABLE_WHY = "loky's reusable executor"
#: Where its parts have the numbers of descriptors and processes.
_NUMBERS: dict[str, tuple[str, ...]] = {DESCRIPTOR: ("_handle", "sentinel"), PROCESS: ("pid",), THREAD: ()}
#: What loky's reusable executor is made of, each a path of attributes; the last of a path may be many.
_REUSABLE = (
    ("_processes",), ("_executor_manager_thread",), ("_executor_manager_thread_wakeup", "_reader"),
    ("_executor_manager_thread_wakeup", "_writer"), ("_call_queue", "_reader"), ("_call_queue", "_writer"),
    ("_call_queue", "_thread"), ("_result_queue", "_reader"), ("_result_queue", "_writer"),
)  # fmt: skip


def _reusable_parts() -> Iterator[Any]:
    """Give what loky's reusable executor is made of, which joblib keeps for its next call."""
    for module in ("joblib.externals.loky.reusable_executor", "loky.reusable_executor"):
        executor = getattr(sys.modules.get(module), "_executor", None)
        for path in _REUSABLE if executor is not None else ():
            yield from _parts(executor, path)


def _reusable(obj: Any) -> Lasting | None:
    if not any(obj is part for part in _reusable_parts()):
        return None
    kind = THREAD if isinstance(obj, threading.Thread) else PROCESS
    return Lasting(kind, getattr(obj, "name", None) or type(obj).__name__, _REUSABLE_WHY)


def _parts(obj: Any, path: tuple[str, ...]) -> tuple[object, ...]:
    for name in path:
        obj = getattr(obj, name, None)
    return tuple(obj.values()) if isinstance(obj, dict) else (obj,)


def lasting_numbers(kind: str) -> dict[int, Lasting]:
    """Give the descriptors or processes that libraries in use keep as long as the process, by number."""
    found = {}
    for what, module, name, attribute, why in HOLDERS:
        number = getattr(getattr(sys.modules.get(module), name, None), attribute, None)
        if what == kind and isinstance(number, int):
            found[number] = Lasting(kind, str(number), why)
    for part in _reusable_parts():
        for attribute in _NUMBERS[kind]:
            number = getattr(part, attribute, None)
            if isinstance(number, int):
                found[number] = Lasting(kind, str(number), _REUSABLE_WHY)
    return found


def lasting(kind: str, name: str, shown: str | None = None) -> Lasting | None:
    """Give what is known of this name; None if nothing is. ``shown`` is the name to show, where that is another."""
    for line in (*_added, *SHIPPED):
        if line.kind == kind and fnmatchcase(name, line.pattern):
            return Lasting(kind, name if shown is None else shown, line.why)
    return None
