"""What lives as long as the process, by the design of a library: known by a list that everybody can read and add to.

It is shown once in a section of its own, never as a leak. Patterns are those of ``fnmatch``, with case.
"""

from __future__ import annotations

import gc
import io
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from lifetrack.ledger.capture import users_frames
from lifetrack.ledger.entries import EXTRA, OFFSET, TRACE, Entry
from lifetrack.ledger.territory import FILES, INSTALLED
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
    # what is not written in Python
    Known(THREAD, "ZMQbg/*", "the threads of ZeroMQ"),
    Known(THREAD, "libuv-worker", "the thread pool of libuv"),
    Known(THREAD, "tokio-*", "the threads of a runtime of Rust"),
    Known(THREAD, "async-executor-*", "the threads of a runtime of Rust"),
    Known(THREAD, "polars-*", "the thread pool of polars"),
    Known(DESCRIPTOR, "*/libffi.so*", "the trampolines that libffi makes for ctypes"),
    Known(DESCRIPTOR, "/dev/urandom", "the random numbers of the process"),
    Known(DESCRIPTOR, "/dev/random", "the random numbers of the process"),
)

#: What the extensions of packages keep as long as the process, and nothing but their being loaded tells whose it is:
#: threads that have no name of their own, and descriptors of these kinds.
NATIVE: tuple[tuple[str, frozenset[str], str], ...] = (
    ("numpy", frozenset({THREAD}), "the threads of the linear algebra below numpy"),
    ("gevent", frozenset({THREAD, "eventpoll", "eventfd"}), "the hub of gevent"),
    ("eventlet", frozenset({"eventpoll"}), "the hub of eventlet"),
    ("uvloop", frozenset({"eventpoll", "eventfd", "pipe"}), "the loop of libuv"),
    ("zmq", frozenset({"eventpoll", "eventfd"}), "the context of ZeroMQ"),
    ("polars", frozenset({"eventpoll", "eventfd"}), "the runtime of polars"),
)

_TRACKER, _SERVER = "multiprocessing.resource_tracker", "multiprocessing.forkserver"
_LOKY = "joblib.externals.loky.backend.resource_tracker"
_REACTOR = "twisted.internet.reactor"
#: What libraries keep as long as the process, by number or as an object: the kind, in which module and behind which
#: attributes it stands, and why.
HOLDERS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (PROCESS, _TRACKER, ("_resource_tracker", "_pid"), "the resource tracker of multiprocessing"),
    (DESCRIPTOR, _TRACKER, ("_resource_tracker", "_fd"), "the resource tracker of multiprocessing"),
    (PROCESS, _SERVER, ("_forkserver", "_forkserver_pid"), "the fork server of multiprocessing"),
    (DESCRIPTOR, _SERVER, ("_forkserver", "_forkserver_alive_fd"), "the fork server of multiprocessing"),
    (PROCESS, _LOKY, ("_resource_tracker", "_pid"), "the resource tracker of loky"),
    (DESCRIPTOR, _LOKY, ("_resource_tracker", "_fd"), "the resource tracker of loky"),
    # A reactor is installed once, and cannot be started again.
    (DESCRIPTOR, _REACTOR, ("_poller",), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_kq",), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_asyncioEventloop",), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_internalReaders", "i"), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_internalReaders", "o"), "the reactor of Twisted"),
    (DESCRIPTOR, "twisted.internet.tcp", ("_reservedFD", "_fileDescriptor"), "what Twisted has in reserve"),
    (DESCRIPTOR, "fsspec.asyn", ("loop",), "the event loop of fsspec"),
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


class Asking:
    """Gives what is known of records, or of what those belong to, in one pass over many; keeps nothing beyond it.

    A thread is known by its name, a descriptor by its number, an executor by the event loop that has it, and what a
    library keeps by where that stands; ``entries`` are all records, by the addresses of what they are about. What event
    loops have is looked for in all that there is, which takes long: once for all executors and threads. Globals of
    installed packages are looked at only where the process is ``ending``.
    """

    def __init__(self, entries: Mapping[int, Entry], *, ending: bool = False) -> None:
        self._of_loops: list[object] | None = None
        self._kept: dict[int, Lasting] = {}
        for kind, name, value, why in (*_kept(), *(_globals(entries) if ending else ())):
            if (entry := entries.get(id(_recorded(value)))) is not None:
                self._kept[id(entry)] = Lasting(kind, name, why)

    def __call__(self, entry: Entry) -> Lasting | None:
        """Give what is known of what a record is about, or of what that belongs to; None for all else."""
        if id(entry) in self._kept:
            return self._kept[id(entry)]
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
    if isinstance(obj, dict):
        return tuple(obj.values())
    return tuple(obj) if isinstance(obj, set | list) else (obj,)


def _kept() -> Iterator[tuple[str, str, Any, str]]:
    """Give what :data:`HOLDERS` have just now: the kind, the name, what it is, and why."""
    for kind, module, path, why in HOLDERS:
        values: tuple[Any, ...] = (sys.modules.get(module),)
        for name in path:
            values = tuple(value for each in values for value in _parts(each, (name,)))
        for value in values:
            if value is not None:
                yield kind, ".".join((module, *path)), value, why


def _globals(entries: Mapping[int, Entry]) -> Iterator[tuple[str, str, Any, str]]:
    """Give what a module of an installed package has as its own global, though code of the user's stands in its record.

    The package has made it when it was imported, or first used, and keeps it for all who use it.
    """
    files = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom)
    modules: dict[str, object] = sys.modules.copy()  # type: ignore[assignment] # anything may stand there
    for name, module in modules.items():
        # What stands in for a module, as it likes, is none; and to ask a lazy one for anything would run it.
        is_module = issubclass(type(module), ModuleType)
        space: dict[str, Any] = object.__getattribute__(module, "__dict__") if is_module else {}
        if FILES[str(space.get("__file__"))] != INSTALLED:
            continue
        for word, value in space.copy().items():
            entry = entries.get(id(_recorded(value) if type(value) in files else value))
            if entry is not None and any(users_frames(entry[TRACE], entry[OFFSET])):
                yield (
                    _kind_of(value),
                    f"{name}.{word}",
                    value,
                    f"a global of the package {name.partition('.')[0]}",
                )


def _kind_of(value: object) -> str:
    executor: Any = getattr(sys.modules.get("concurrent.futures._base"), "Executor", threading.Thread)
    return THREAD if isinstance(value, threading.Thread | executor) else DESCRIPTOR


def _recorded(value: Any) -> object:
    """Give what a record of it is about: of a file, what is at the bottom of it."""
    if isinstance(value, io.TextIOWrapper):
        value = value.buffer
    return value.raw if isinstance(value, (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)) else value


def _number_of(value: Any) -> int | None:
    """Give a number, or that of what has a descriptor and is open."""
    if isinstance(value, int):
        return value
    try:
        number = value.fileno()
    except Exception:  # it is closed, or has none; whatever a class of the program's raises
        return None
    return number if isinstance(number, int) else None


def lasting_numbers(kind: str) -> dict[int, Lasting]:
    """Give the descriptors or processes that libraries in use keep as long as the process, by number."""
    found = {}
    for what, _, value, why in _kept():
        number = _number_of(value) if what == kind else None
        if number is not None:
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


def native(kind: str, name: str) -> Lasting | None:
    """Give whose a thread without a name, or a descriptor of a kind, may be; None where no such package is loaded."""
    found = (why for module, kinds, why in NATIVE if kind in kinds and module in sys.modules)
    return next((Lasting(THREAD if kind == THREAD else DESCRIPTOR, name, why) for why in found), None)
