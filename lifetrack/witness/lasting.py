"""What lives as long as the process, by the design of a library: known by a list that everybody can read and add to.

It is shown once in a section of its own, never as a leak. Patterns are those of ``fnmatch``, with case.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lifetrack.ledger.entries import EXTRA, Entry
from lifetrack.values.errors import ConfigurationError
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
    Known(THREAD, "waitpid-[0-9]*", "the child watcher of asyncio"),
    # resolvers, monitors and tools
    Known(THREAD, "Tornado resolver*", "the resolver threads of tornado"),
    Known(THREAD, "pymongo_*", "a monitor of pymongo, ended with its client"),
    Known(THREAD, "tqdm_monitor*", "the monitor of tqdm"),
    Known(THREAD, "IPythonHistorySavingThread", "the history of IPython"),
    Known(THREAD, "pydevd.*", "a thread of the debugger"),
    Known(THREAD, "jemalloc_bg_thd", "a thread of the memory allocator"),
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


def lasting_thread(entry: Entry) -> Lasting | None:
    """Give what is known of the thread that a record is about; None for all else."""
    reference = None if entry[EXTRA] is None else entry[EXTRA].reference
    obj = None if reference is None else reference()
    return lasting(THREAD, obj.name) if isinstance(obj, threading.Thread) else None


def lasting_numbers(kind: str) -> dict[int, Lasting]:
    """Give the descriptors or processes that libraries in use keep as long as the process, by number."""
    found = {}
    for what, module, name, attribute, why in HOLDERS:
        number = getattr(getattr(sys.modules.get(module), name, None), attribute, None)
        if what == kind and isinstance(number, int):
            found[number] = Lasting(kind, str(number), why)
    return found


def lasting(kind: str, name: str, shown: str | None = None) -> Lasting | None:
    """Give what is known of this name; None if nothing is. ``shown`` is the name to show, where that is another."""
    for line in (*_added, *SHIPPED):
        if line.kind == kind and fnmatchcase(name, line.pattern):
            return Lasting(kind, name if shown is None else shown, line.why)
    return None
