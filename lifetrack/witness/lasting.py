"""What lives as long as the process, by the design of a library: known by a list that everybody can read and add to.

It is shown once in a section of its own, never as a leak. Patterns are those of ``fnmatch``, with case.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from fnmatch import fnmatchcase

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass
from lifetrack.values.records import Lasting

THREAD, PROCESS, DESCRIPTOR = KINDS = ("thread", "process", "descriptor")


@dataclass(frozen=True, slots=True)
class Known:
    """One line of the list. ``pattern`` is matched with a thread's name, a process's command or a descriptor's path.

    With ``module`` a line counts only while that is loaded; one about a descriptor is then about a watched file, too.
    """

    kind: str
    pattern: str
    why: str
    module: str = ""


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
    Known(THREAD, "grpc_*", "the threads of gRPC"),
    Known(THREAD, "event_engine", "the threads of gRPC", "grpc"),
    Known(THREAD, "lifeguard", "the threads of gRPC", "grpc"),
    Known(THREAD, "polars-*", "the thread pool of polars"),
    Known(DESCRIPTOR, "*/libffi.so*", "the trampolines that libffi makes for ctypes"),
    Known(DESCRIPTOR, "*/mpl-data/fonts/*", "a font that matplotlib keeps", "matplotlib.font_manager"),
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
    ("duckdb", frozenset({THREAD}), "the threads of duckdb"),
    ("grpc", frozenset({"eventpoll", "eventfd"}), "the core of gRPC"),
    ("polars", frozenset({"eventpoll", "eventfd"}), "the runtime of polars"),
)

#: Packages whose own threads close the sockets that were asked to close, some time later.
_CLOSING_LATER = ("zmq", "grpc")

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


def lasting(kind: str, name: str, shown: str | None = None) -> Lasting | None:
    """Give what is known of this name; None if nothing is. ``shown`` is the name to show, where that is another."""
    for line in (*_added, *SHIPPED):
        if line.kind == kind and fnmatchcase(name, line.pattern) and (not line.module or line.module in sys.modules):
            return Lasting(kind, name if shown is None else shown, line.why)
    return None


def of_files() -> tuple[Known, ...]:
    """Give the lines that are about watched files, too, by their paths: all that were added, and few of ours."""
    shipped = (line for line in SHIPPED if line.module in sys.modules)
    return tuple(line for line in (*_added, *shipped) if line.kind == DESCRIPTOR)


def native(kind: str, name: str) -> Lasting | None:
    """Give whose a thread without a name, or a descriptor of a kind, may be; None where no such package is loaded."""
    found = (why for module, kinds, why in NATIVE if kind in kinds and module in sys.modules)
    return next((Lasting(THREAD if kind == THREAD else DESCRIPTOR, name, why) for why in found), None)


def closes_later() -> bool:
    """Whether a package is loaded whose sockets may be closed in a moment."""
    return any(module in sys.modules for module in _CLOSING_LATER)
