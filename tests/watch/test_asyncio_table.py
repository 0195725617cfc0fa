"""What asyncio makes, both ways: loops, servers, transports below streams and processes."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def told(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(found.rule, found.resource.type) for found in tracker.find_leaks()]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def test_loop_that_is_not_closed(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A loop is one finding, with its selector and its two sockets below it."""
    with watching.scope("job"):
        loop = asyncio.new_event_loop()  # site: loop
    (finding,) = watching.find_leaks()
    loop.close()
    assert (finding.rule, finding.resource.type) == ("LT103", "asyncio.unix_events._UnixSelectorEventLoop")
    assert sorted(child.resource.type for child in finding.children) == [
        "selectors.EpollSelector", "socket.socket", "socket.socket",
    ]  # fmt: skip
    assert "# site: loop" in line_of(finding)


def test_loop_that_is_dropped(watching: Tracker) -> None:
    """A loop that is dropped is closed by its finalizer: a leak; what it is made of is told with it."""
    loop: Any = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))
    del loop
    assert told(watching) == [("LT102", "asyncio.unix_events._UnixSelectorEventLoop")]


def test_right_use(watching: Tracker) -> None:
    """A server, its connections and its clients, all closed as they should be, in a loop of asyncio.run()."""

    async def main() -> None:
        async with await asyncio.start_server(_answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"line\n")
            await reader.readline()
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.01)
        await asyncio.to_thread(int)

    with watching.scope("job"):
        asyncio.run(main())
    assert told(watching) == []


def test_server_that_is_not_closed(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A server that is open when its scope ends is one finding, with its listening socket below it."""

    async def main() -> list[Finding]:
        with watching.scope("job") as scope:
            server = await asyncio.start_server(_answer, "127.0.0.1", 0)  # site: server
        findings = watching.find_leaks(scope=scope)
        server.close()
        await server.wait_closed()
        return findings

    (finding,) = asyncio.run(main())
    assert (finding.rule, finding.resource.type) == ("LT103", "asyncio.base_events.Server")
    assert [child.resource.type for child in finding.children] == ["socket.socket"]
    assert "# site: server" in line_of(finding)


def test_stream_that_is_not_closed(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A connection that is open when its scope ends is one finding: its transport, with the socket below it."""

    async def main() -> list[Finding]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            with watching.scope("job") as scope:
                _, writer = await asyncio.open_connection(*server.getsockname())  # site: stream
            findings = watching.find_leaks(scope=scope)
            writer.close()
            await writer.wait_closed()
        return findings

    (finding,) = asyncio.run(main())
    assert finding.rule == "LT103"
    assert finding.resource.type == "asyncio.selector_events._SelectorSocketTransport"
    assert [child.resource.type for child in finding.children] == ["socket.socket"]
    assert "# site: stream" in line_of(finding)


def test_stream_that_is_dropped(watching: Tracker) -> None:
    """A connection that outlives its loop is closed by a finalizer, and so a leak."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            await asyncio.open_connection(*server.getsockname())

    asyncio.run(main())
    assert told(watching) == [("LT102", "asyncio.selector_events._SelectorSocketTransport")]


def test_process_that_is_not_waited_for(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A process of asyncio that runs on when its scope ends is told, with its pipes; one that was waited for is not."""

    async def main() -> list[Finding]:
        with watching.scope("first") as first:
            done = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdout=asyncio.subprocess.PIPE)
            await done.communicate()
            await asyncio.sleep(0.05)
        silent = watching.find_leaks(scope=first)
        with watching.scope("second") as second:
            process = await asyncio.create_subprocess_exec(  # site: process
                sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
            )
        findings = watching.find_leaks(scope=second)
        await process.communicate(b"\n")
        return silent + findings

    (finding,) = [found for found in asyncio.run(main()) if found.resource.type != "threading.Thread"]
    assert finding.rule == "LT103"
    assert finding.resource.type == "asyncio.unix_events._UnixSubprocessTransport"
    assert {child.resource.type.rpartition(".")[2] for child in finding.children} == {
        "Popen", "_UnixWritePipeTransport",
    }  # fmt: skip
    assert "# site: process" in line_of(finding)
