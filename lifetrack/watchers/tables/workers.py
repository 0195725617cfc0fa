"""Pools, executors, processes of multiprocessing and what they share; and the handlers that write logs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from lifetrack.ledger.territory import INSTALLED
from lifetrack.watchers.rows import CLASSES, PROCESS_WIDE, SEGMENTS, Row, attributes, declare, is_none, is_true

_MANAGERS = ("multiprocessing.managers",)
#: What multiprocessing makes for itself and leaves to the collector.
_INNER = (
    "multiprocessing.queues", "multiprocessing.pool", *_MANAGERS, "concurrent.futures.process",
    "joblib.pool", *PROCESS_WIDE,
)  # fmt: skip


def _has_ended(process: Any) -> bool:
    """Whether a process was never started, or was seen to end."""
    popen = getattr(process, "_popen", None)
    return popen is None or getattr(popen, "returncode", None) is not None


def _is_daemon(process: Any) -> bool:
    return not getattr(process, "_closed", False) and bool(process.daemon)


def _is_closed_at_exit(handler: Any) -> bool:
    """Whether logging knows the handler, and so will flush and close it when the process ends."""
    handlers = getattr(sys.modules.get("logging"), "_handlerList", ())
    return any(reference() is handler for reference in handlers)


def _when_set(module: str, flag: str) -> Callable[[], bool]:
    """Ask whether the interpreter, which is exiting, has shut the executors that the program did not."""
    return lambda: bool(getattr(sys.modules.get(module), flag, False))


def workers_of(executor: Any) -> tuple[object, ...]:
    """Give the processes of an executor, and the thread that looks after them."""
    processes = getattr(executor, "_processes", None) or {}
    return (getattr(executor, "_executor_manager_thread", None), *processes.values())


WORKERS: tuple[Row, ...] = (
    Row(
        ("concurrent", "concurrent.futures"), "concurrent.futures.thread", "ThreadPoolExecutor", CLASSES,
        declare("shutdown", released_when=is_true("_shutdown"),
                ended_at_exit=_when_set("concurrent.futures.thread", "_shutdown"),
                hint="use it in a 'with' block, or call shutdown() in a 'finally' clause"),
        parts=lambda executor: tuple(getattr(executor, "_threads", None) or ()), grows=True,
        # Its threads end when it is dropped; packages such as asgiref leave it to that, call by call.
        not_from=("asyncio.base_events",), quiet_to=frozenset({INSTALLED}),
    ),
    Row(
        ("concurrent", "concurrent.futures"), "concurrent.futures.process", "ProcessPoolExecutor", CLASSES,
        declare("shutdown", released_when=is_true("_shutdown_thread"),
                ended_at_exit=_when_set("concurrent.futures.process", "_global_shutdown"),
                hint="use it in a 'with' block, or call shutdown() in a 'finally' clause"),
        parts=workers_of, grows=True,
    ),
    Row(
        ("multiprocessing",), "multiprocessing.process", "BaseProcess", CLASSES,
        declare("join", "is_alive", acquire="start", released_when=_has_ended, ends_with_process=_is_daemon,
                hint="join() it when it shall end; terminate() it first if it does not end by itself"),
        quiet_from=("torch.utils.data.dataloader",),
    ),
    Row(
        ("multiprocessing",), "multiprocessing.pool", "Pool", CLASSES,
        declare("terminate", "close", released_when=lambda pool: getattr(pool, "_state", "RUN") != "RUN",
                hint="use it in a 'with' block, or call close() and then join()"),
        parts=lambda pool: tuple(getattr(pool, "_pool", None) or ()),
    ),
    Row(
        ("multiprocessing",), "multiprocessing.managers", "BaseManager", CLASSES,
        declare("__exit__", acquire="start", released_when=lambda manager: manager._state.value != 1,
                hint="use it in a 'with' block, or call shutdown()"),
        parts=attributes("_process"),
    ),
    Row(
        ("multiprocessing",), "multiprocessing.shared_memory", "SharedMemory", SEGMENTS,
        declare("close", released_when=is_none("_mmap"),
                hint="call close() in each process, and unlink() once, in a 'finally' clause"),
        # A manager of shared memory unlinks its segments when it ends; nobody is told to close what it has handed out.
        not_from=_MANAGERS,
    ),
    Row(
        ("multiprocessing",), "multiprocessing.connection", "_ConnectionBase", CLASSES,
        declare("close", released_when=is_none("_handle"),
                hint="use it in a 'with' block, or call close() in a 'finally' clause"),
        not_from=_INNER, takes=lambda connection: int(connection._handle),
    ),
    Row(
        ("logging",), "logging", "FileHandler", CLASSES,
        declare("close", acquire="_open", released_when=is_none("stream"), ends_with_process=_is_closed_at_exit,
                hint="take it off its logger by removeHandler(), then close() it"),
        returns_part=True,
    ),
)  # fmt: skip
