"""What asyncio makes: loops, servers, and the transports below its streams and processes."""

from __future__ import annotations

from typing import Any

from lifetrack.watchers import async_generators, tasks
from lifetrack.watchers.rows import ASYNC_GENERATORS, CLASSES, TASKS, Row, attributes, declare, is_none, is_true

_ASYNCIO = ("asyncio",)
_TRANSPORT = "close it, and wait until it is closed: writer.close(), then await writer.wait_closed()"


def _process_of(pipe: Any) -> object:
    """The process whose input or output a pipe is."""
    return getattr(pipe._protocol, "proc", None)


ASYNCHRONOUS: tuple[Row, ...] = (
    Row(
        _ASYNCIO, "asyncio.selector_events", "BaseSelectorEventLoop", CLASSES,
        declare("close", released_when=is_true("_closed"),
                hint="let asyncio.run() or asyncio.Runner make and close it, or call close() in a 'finally' clause"),
        parts=attributes("_selector", "_ssock", "_csock"),
    ),
    Row(
        _ASYNCIO, "asyncio.selector_events", "_SelectorTransport", CLASSES,
        declare("close", released_when=is_none("_sock"), hint=_TRANSPORT),
        inner_release=("_call_connection_lost",),
        parts=attributes("_sock"),
    ),
    Row(
        _ASYNCIO, "asyncio.base_events", "Server", CLASSES,
        declare("close", released_when=is_none("_sockets"),
                hint="use it in an 'async with' block, or call close() and await wait_closed()"),
        parts=lambda server: tuple(getattr(server, "_sockets", None) or ()),
    ),
    Row(
        _ASYNCIO, "asyncio.base_subprocess", "BaseSubprocessTransport", CLASSES,
        declare("close", released_when=is_true("_closed"),
                hint="await process.wait() or process.communicate() before the loop ends"),
        parts=attributes("_proc"),
    ),
    Row(
        _ASYNCIO, "asyncio.unix_events", "_UnixReadPipeTransport", CLASSES,
        declare("close", released_when=is_none("_pipe"), hint=_TRANSPORT),
        inner_release=("_call_connection_lost",),
        parts=attributes("_pipe"),
        parent=_process_of,
    ),
    Row(
        _ASYNCIO, "asyncio.unix_events", "_UnixWritePipeTransport", CLASSES,
        declare("close", released_when=is_none("_pipe"), hint=_TRANSPORT),
        inner_release=("_call_connection_lost",),
        parts=attributes("_pipe"),
        parent=_process_of,
    ),
    Row(
        _ASYNCIO, "asyncio.base_events", "BaseEventLoop", TASKS,
        declare("cancel", released_when=tasks.is_over, ends_with_process=tasks.is_running,
                hint="await it, use a TaskGroup, or cancel() it and await it before its loop ends"),
    ),
    Row(
        _ASYNCIO, "asyncio.base_events", "BaseEventLoop", ASYNC_GENERATORS,
        declare("aclose", acquire="__anext__", released_when=async_generators.is_finished,
                idle_when=async_generators.is_idle,
                hint="go through it to its end, or use it by 'async with contextlib.aclosing(...)'"),
    ),
)  # fmt: skip
