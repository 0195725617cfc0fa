"""The table of what is watched: one row for each kind of resource. To watch one more kind is to add a row.

A row says under which names it is watched, what it is, how it is acquired and released, whether releasing twice is
harmless, what the usual mend is, and which mechanism does it. ``stdlib`` watches every row of the standard library.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from lifetrack.values.declarations import Declaration

STDLIB = "stdlib"
#: Mechanisms: each is one module of this package.
CLASSES, FILES, SQLITE, LOCKS, ASYNC_LOCKS = "python_classes", "files", "sqlite", "locks", "async_locks"

#: For how many seconds a thread that is just ending may outlive its scope.
THREAD_GRACE = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of resource: ``module`` and ``name`` say where its class or function is found."""

    watch: tuple[str, ...]
    module: str
    name: str
    mechanism: str
    declaration: Declaration
    #: Private methods that do what the first release method may put off; they are wrapped in its place.
    inner_release: tuple[str, ...] = field(default=())
    #: Watched as a part of ``stdlib``, not only when it is asked for by name.
    usual: bool = True


def _declare(*release: str, **options: Any) -> Declaration:
    """Declare a class that is not its user's: no guards, and its constructor cleans up after itself."""
    return Declaration(release=release, guard="none", watched=True, idempotent=True, safe_constructor=True, **options)


def _is_detached(sock: Any) -> bool:
    """Whether a socket has given its descriptor back; close() alone may leave that to a file made of it."""
    return bool(sys.modules["_socket"].socket.fileno(sock) == -1)


def _is_reaped(process: Any) -> bool:
    return getattr(process, "returncode", None) is not None


def _has_ended(thread: Any) -> bool:
    return not threading.Thread.is_alive(thread)


def _is_daemon(thread: Any) -> bool:
    return bool(thread.daemon)


def _keeps_folder(folder: Any) -> bool:
    """Whether a temporary directory was told to stay, which is possible from Python 3.12 on."""
    return getattr(folder, "_delete", True) is False


#: Locks are held for good reason most of the time: that they are is no leak, but that nobody is left to release them.
_LOCK = _declare("release", leak_rule="LT404")

TABLE: tuple[Row, ...] = (
    Row(
        ("io", "builtins"), "io", "open", FILES,
        _declare("close", hint="open it in a 'with' block, or call close() in a 'finally' clause"),
    ),
    Row(
        ("socket",), "socket", "socket", CLASSES,
        _declare("close", "detach", released_when=_is_detached,
                 hint="use it in a 'with' block, or call close() in a 'finally' clause; "
                      "a file or response made of it must be closed too"),
        inner_release=("_real_close",),
    ),
    Row(
        ("sqlite3",), "sqlite3", "connect", SQLITE,
        _declare("close", hint="call close() in a 'finally' clause, or use contextlib.closing(): "
                               "'with connection' ends a transaction, not the connection"),
    ),
    Row(
        ("subprocess",), "subprocess", "Popen", CLASSES,
        _declare("wait", "poll", "communicate", "__exit__", released_when=_is_reaped,
                 hint="use it in a 'with' block, or call wait() or communicate() when it shall end"),
    ),
    Row(
        ("threading",), "threading", "Thread", CLASSES,
        _declare("join", acquire="start", released_when=_has_ended, grace=THREAD_GRACE, ends_with_process=_is_daemon,
                 hint="tell the thread to stop, then join() it; shut down the executor that it belongs to"),
    ),
    Row(
        ("tempfile",), "tempfile", "TemporaryDirectory", CLASSES,
        _declare("cleanup", released_when=_keeps_folder,
                 hint="use it in a 'with' block, or call cleanup() in a 'finally' clause"),
    ),
    Row(("locks", "threading"), "threading", "Lock", LOCKS, _LOCK, usual=False),
    Row(("locks", "threading"), "asyncio.locks", "Lock", ASYNC_LOCKS, _LOCK, usual=False),
)  # fmt: skip

#: Every name that can be watched.
KNOWN: tuple[str, ...] = (STDLIB, *dict.fromkeys(name for row in TABLE for name in row.watch))


def rows_of(name: str) -> tuple[Row, ...]:
    """Give the rows that a watch name stands for."""
    return tuple(row for row in TABLE if (name == STDLIB and row.usual) or name in row.watch)
