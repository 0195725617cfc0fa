"""The table of what is watched: one row for each kind of resource. To watch one more kind is to add a row.

A row says under which names it is watched, what it is, how it is acquired and released, whether releasing twice is
harmless, what the usual mend is, and which mechanism does it. ``stdlib`` watches every row of the standard library;
the rows of libraries stand in ``libraries/``, and others are brought by third parties.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from lifetrack.watchers import libraries, third_party
from lifetrack.watchers.numbers import Descriptor
from lifetrack.watchers.rows import (
    ASYNC_LOCKS,
    CLASSES,
    DESCRIPTORS,
    FILES,
    LOCKS,
    SOCKETS,
    SQLITE,
    Row,
    attributes,
    declare,
)
from lifetrack.watchers.tables.archives import ARCHIVES
from lifetrack.watchers.tables.asynchronous import ASYNCHRONOUS
from lifetrack.watchers.tables.network import NETWORK
from lifetrack.watchers.tables.system import SYSTEM
from lifetrack.watchers.tables.workers import WORKERS

STDLIB = "stdlib"

#: For how many seconds a thread that is just ending may outlive its scope.
THREAD_GRACE = 0.5


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
_LOCK = declare("release", leak_rule="LT404")

TABLE: tuple[Row, ...] = (
    Row(
        ("io", "builtins"), "io", "open", FILES,
        declare("close", hint="open it in a 'with' block, or call close() in a 'finally' clause"),
    ),
    Row(
        ("os",), "os", "open", DESCRIPTORS,
        declare("close", acquire="open", released_when=Descriptor.is_over,
                hint="call os.close() in a 'finally' clause, or let a file own it: os.fdopen() in a 'with' block"),
    ),
    Row(
        ("socket",), "socket", "socket", SOCKETS,
        declare("close", "detach", released_when=_is_detached,
                 hint="use it in a 'with' block, or call close() in a 'finally' clause; "
                      "a file or response made of it must be closed too"),
    ),
    Row(
        ("sqlite3",), "sqlite3", "connect", SQLITE,
        declare("close", hint="call close() in a 'finally' clause, or use contextlib.closing(): "
                               "'with connection' ends a transaction, not the connection"),
    ),
    Row(
        ("subprocess",), "subprocess", "Popen", CLASSES,
        declare("wait", "poll", "communicate", "__exit__", released_when=_is_reaped,
                 hint="use it in a 'with' block, or call wait() or communicate() when it shall end"),
        parts=attributes("stdin", "stdout", "stderr"),
    ),
    Row(
        ("threading",), "threading", "Thread", CLASSES,
        declare("join", acquire="start", released_when=_has_ended, grace=THREAD_GRACE, ends_with_process=_is_daemon,
                 hint="tell the thread to stop, or cancel() a Timer, then join() it; "
                      "shut down the executor that it belongs to"),
    ),
    Row(
        ("tempfile",), "tempfile", "TemporaryDirectory", CLASSES,
        declare("cleanup", released_when=_keeps_folder,
                 hint="use it in a 'with' block, or call cleanup() in a 'finally' clause"),
    ),
    Row(("locks", "threading"), "threading", "Lock", LOCKS, _LOCK, usual=False),
    Row(("locks", "threading"), "asyncio.locks", "Lock", ASYNC_LOCKS, _LOCK, usual=False),
    *ARCHIVES,
    *NETWORK,
    *WORKERS,
    *ASYNCHRONOUS,
    *SYSTEM,
)  # fmt: skip

#: Every name that can be watched without asking what third parties have installed.
KNOWN: tuple[str, ...] = (
    STDLIB, *dict.fromkeys(name for row in TABLE for name in row.watch), libraries.LIBRARIES, *libraries.NAMES,
)  # fmt: skip


def is_known(name: str) -> bool:
    """Whether a name can be watched; one that is not ours is looked up in the tables of third parties."""
    return name in KNOWN or third_party.has(name)


def names_known() -> tuple[str, ...]:
    """Give every name that can be watched here, also those that third parties have brought."""
    return tuple(dict.fromkeys((*KNOWN, *third_party.names())))


def rows_of(name: str) -> tuple[Row, ...]:
    """Give the rows that a watch name stands for."""
    own = tuple(row for row in TABLE if (name == STDLIB and row.usual) or name in row.watch)
    if name == libraries.LIBRARIES:
        return libraries.rows_of(name) + third_party.all_rows(KNOWN)
    return own or libraries.rows_of(name) or third_party.rows_of(name)
