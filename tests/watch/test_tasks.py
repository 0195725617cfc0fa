"""asyncio's tasks and async generators: what is pending when nobody waits, and what is dropped before its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What asyncio logs of destroyed tasks is not what is tested here."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def told(tracker: Tracker, word: str) -> list[tuple[str, str, str]]:
    """What was found of tasks or async generators."""
    gc.collect()
    return [
        (each.rule, each.resource.type, each.certainty.word)
        for each in tracker.find_leaks()
        if word in each.resource.type
    ]


def test_task_that_is_pending(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A task that is pending when its scope ends is found where it was made; done and cancelled ones are none."""

    async def main() -> None:
        with watching.scope("job"):
            pending = asyncio.create_task(asyncio.sleep(60))  # site: task
            done = asyncio.create_task(asyncio.sleep(0))
            told_to_end = asyncio.ensure_future(asyncio.sleep(60))
            await done
            told_to_end.cancel()
        pending.cancel()

    asyncio.run(main())
    (finding,) = [each for each in watching.find_leaks() if "Task" in each.resource.type]
    assert (finding.rule, finding.certainty.word) == ("LT103", "proven")
    assert "# site: task" in line_of(finding)


def test_task_that_is_destroyed(watching: Tracker) -> None:
    """A task that is collected while it is pending is LT102, in a cycle with what it waits for or not."""
    loop = asyncio.new_event_loop()

    async def main() -> None:
        asyncio.create_task(asyncio.sleep(60))  # noqa: RUF006 - it is what is to be found
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    loop.close()
    del loop
    assert told(watching, "Task") == [("LT102", "_asyncio.Task", "proven")]


def test_right_use(watching: Tracker) -> None:
    """Awaited, gathered, grouped, cancelled by the end of the loop: none is a leak, and those that run are not yet."""

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def main() -> None:
        running = asyncio.create_task(asyncio.sleep(60))
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(60), 0.001)
        async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.close()
            await writer.wait_closed()
        assert told(watching, "Task") == []
        assert not running.done()

    with watching.scope("job"):
        asyncio.run(main())
    assert told(watching, "Task") == []


def test_tasks_of_asyncio_itself(watching: Tracker) -> None:
    """The task of a handler that serves a connection is the server's, not of whoever runs the loop."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        with watching.scope("job"):
            client = socket.create_connection(server.sockets[0].getsockname())
            await asyncio.sleep(0.02)
        client.close()
        server.close()
        await asyncio.sleep(0.02)

    asyncio.run(main())
    assert told(watching, "Task") == []


def test_tasks_in_debug_mode(watching: Tracker) -> None:
    """In debug mode a task knows where it was made: the last line is the program's, or asyncio's, as before."""

    async def main() -> Any:
        task: Any = asyncio.get_running_loop().create_task(asyncio.sleep(0))
        await task
        return task._source_traceback

    assert asyncio.run(main(), debug=True)[-1].filename == __file__


def test_task_at_exit(run_python: RunPython) -> None:
    """A task whose loop was never run to its end is LT101; that of a loop that runs in a daemon thread is none."""
    program = """
import asyncio, threading, sys, lifetrack
lifetrack.start(policy="record", watch="asyncio")
loop = asyncio.new_event_loop()
if sys.argv[1] == "running":
    threading.Thread(target=loop.run_forever, daemon=True).start()
    async def main(): return asyncio.create_task(asyncio.sleep(60))
    task = asyncio.run_coroutine_threadsafe(main(), loop).result()
else:
    async def main(): return asyncio.create_task(asyncio.sleep(60))
    task = loop.run_until_complete(main())
"""
    assert "Task acquired" in run_python(program, "ended").stderr
    assert "Task acquired" not in run_python(program, "running").stderr


async def _with_cleanup() -> AsyncIterator[int]:
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0)


async def _with_block() -> AsyncIterator[int]:
    yield 0
    async with contextlib.AsyncExitStack():
        yield 1
    yield 2


async def _without() -> AsyncIterator[int]:
    for number in range(3):
        try:
            yield number
        except LookupError:
            yield -1


async def _steps(generator: Any, number: int) -> Any:
    for _ in range(number):
        await generator.__anext__()
    return generator


#: How far each is gone through, and whether it has something to clean up then.
STANDS = [(_with_cleanup, 1, True), (_with_block, 1, False), (_with_block, 2, True), (_with_block, 3, False),
          (_without, 1, False)]  # fmt: skip


@pytest.mark.parametrize(("make", "steps", "cleans"), STANDS)
def test_generator_that_is_suspended(
    watching: Tracker, make: Callable[[], AsyncGenerator[int, None]], steps: int, cleans: bool
) -> None:
    """One that stands where it has something to clean up is suspected when its scope ends; others are nothing."""

    async def main() -> None:
        with watching.scope("job"):
            generator = await _steps(make(), steps)
        found = told(watching, "async_generator")
        assert found == ([("LT103", "async_generator", "suspected")] if cleans else [])
        await generator.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(("make", "steps", "cleans"), STANDS)
def test_generator_that_is_dropped(
    watching: Tracker, make: Callable[[], AsyncGenerator[int, None]], steps: int, cleans: bool
) -> None:
    """The same of one that is dropped: the loop will close it some time."""

    async def main() -> None:
        await _steps(make(), steps)
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert told(watching, "async_generator") == ([("LT102", "async_generator", "suspected")] if cleans else [])


def test_generator_that_ends(watching: Tracker) -> None:
    """Gone through, closed, left by an exception, or closed by the end of asyncio.run()."""

    async def main() -> AsyncIterator[int]:
        async for _ in _with_cleanup():
            pass
        async with contextlib.aclosing(_with_cleanup()) as numbers:  # type: ignore[type-var]
            async for _ in numbers:
                break
        with contextlib.suppress(LookupError):
            await (await _steps(_with_cleanup(), 1)).athrow(LookupError())
        return await _steps(_with_cleanup(), 1)  # type: ignore[no-any-return]

    with watching.scope("job"):
        asyncio.run(main())
    assert told(watching, "async_generator") == []
