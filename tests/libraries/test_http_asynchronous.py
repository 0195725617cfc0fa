"""Clients and servers of HTTP in asyncio, against peers on loopback: closing takes time, and may be cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.values.findings import Finding

aiohttp = pytest.importorskip("aiohttp")
httpx = pytest.importorskip("httpx")
web = pytest.importorskip("aiohttp.web")

#: What aiohttp itself says of what was dropped.
dropped = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


async def _echo(request: Any) -> Any:
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    async for message in websocket:
        await websocket.send_str(message.data)
    return websocket


async def _serve() -> tuple[Any, str]:
    application = web.Application()
    application.router.add_get("/", _echo)
    runner = web.AppRunner(application)
    await runner.setup()  # sets up
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"


def _leaks_of(tracker: Any) -> list[Finding]:
    """The findings but the loop that runs while they are asked for."""
    return [finding for finding in tracker.find_leaks() if "EventLoop" not in finding.resource.type]


def _of_rule(rule: str, findings: Any) -> list[Finding]:
    """The findings of one rule, however deep they are told."""
    found = [finding for finding in findings if finding.rule == rule]
    return found + [each for finding in findings for each in _of_rule(rule, finding.children)]


def test_what_is_closed_in_time_is_silent(peer: str, watching: Any) -> None:
    """Sessions, responses, connectors, websockets and servers that were closed leave nothing behind."""
    tracker = watching("aiohttp", "httpx")

    async def use() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.get(peer + "/big") as response:
                await response.read()
            async with session.get(peer + "/big"):
                pass
            (await session.get(peer + "/big")).close()
        connector = aiohttp.TCPConnector()
        async with aiohttp.ClientSession(connector=connector, connector_owner=False) as session:
            await (await session.get(peer)).text()
        await connector.close()
        runner, url = await _serve()
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as websocket:
            await websocket.send_str("x")
            await websocket.receive()
        await runner.cleanup()
        async with httpx.AsyncClient(verify=False) as client:
            await client.get(peer)
            async with client.stream("GET", peer + "/big"):
                pass

    asyncio.run(use())
    gc.collect()
    assert tracker.find_leaks() == []


@dropped
def test_a_session_that_was_never_closed_is_one_finding(peer: str, watching: Any, line_of: Any, types_in: Any) -> None:
    """With its connector, the transport and the socket below it."""
    tracker = watching("aiohttp")

    async def leak() -> None:
        session = aiohttp.ClientSession()  # here
        async with session.get(peer) as response:
            await response.read()

    async def main() -> None:
        await leak()
        gc.collect()

    asyncio.run(main())
    gc.collect()
    (finding,) = tracker.find_leaks()
    assert finding.resource.type == "aiohttp.client.ClientSession"
    assert line_of(finding).endswith("# here")
    assert "aiohttp.connector.TCPConnector" in types_in(finding)


@dropped
def test_an_httpx_client_that_was_never_closed_is_one_finding(
    peer: str, watching: Any, line_of: Any, types_in: Any
) -> None:
    """With its pool, the transport and the socket below it."""
    tracker = watching("httpx")

    async def leak() -> None:
        client = httpx.AsyncClient(verify=False)  # here
        await client.get(peer)

    asyncio.run(leak())
    gc.collect()
    (finding,) = tracker.find_leaks()
    assert finding.resource.type == "httpx.AsyncClient"
    assert line_of(finding).endswith("# here")
    assert "httpcore.AsyncConnectionPool" in types_in(finding)


def test_a_response_that_is_not_released_keeps_a_connection(peer: str, watching: Any, line_of: Any) -> None:
    """It is told where the response was asked for, though the session is alive and well."""
    tracker = watching("aiohttp")
    found: list[Finding] = []

    async def use() -> None:
        async with aiohttp.ClientSession() as session:
            with tracker.scope("request"):
                response = await session.get(peer + "/big")  # here
            found.extend(_of_rule("LT103", tracker.find_leaks()))
            response.close()

    asyncio.run(use())
    finding = found[0]  # those below it belong to it
    assert finding.resource.type == "aiohttp TCPConnector check-out"
    assert line_of(finding).endswith("# here")
    assert [child.rule for child in tracker.find_leaks()] == ["LT103"]


def test_a_websocket_that_is_not_closed_keeps_a_connection(watching: Any, types_in: Any) -> None:
    """It is told together with the connection below it."""
    tracker = watching("aiohttp")
    found: set[str] = set()

    async def use() -> None:
        runner, url = await _serve()
        async with aiohttp.ClientSession() as session:
            websocket = await session.ws_connect(url)
            for finding in _leaks_of(tracker):
                found.update(types_in(finding))
            await websocket.close()
        await runner.cleanup()

    asyncio.run(use())
    assert {"aiohttp.client_ws.ClientWebSocketResponse", "aiohttp TCPConnector check-out"} <= found
    assert tracker.find_leaks() == []


@dropped
def test_a_server_that_is_not_cleaned_up_is_one_finding(watching: Any, line_of: Any, types_in: Any) -> None:
    """The runner, with its site, that server and the socket it listens at."""
    tracker = watching("aiohttp")

    async def leak() -> tuple[Any, str]:
        return await _serve()

    runner, _ = asyncio.run(leak())
    (finding,) = tracker.find_leaks()
    assert finding.resource.type == "aiohttp.web_runner.AppRunner"
    assert line_of(finding).endswith("# sets up")
    assert {"aiohttp.web_runner.TCPSite", "socket.socket"} <= types_in(finding)
    for site in runner.sites:
        for sock in site._server.sockets:
            sock._sock.close()


@pytest.mark.parametrize(
    ("watch", "type_name", "make"),
    [
        ("aiohttp", "aiohttp.client.ClientSession", lambda: aiohttp.ClientSession()),
        ("httpx", "httpx.AsyncClient", lambda: httpx.AsyncClient(verify=False)),
    ],
)
def test_a_close_that_is_cancelled_is_half_a_release(
    watch: str, type_name: str, make: Any, peer: str, watching: Any
) -> None:
    """It is LT105, whatever the client says of itself, until another close has run to its end."""
    tracker = watching(watch)
    kept: list[Any] = []

    async def cancel() -> None:
        client = make()
        kept.append(client)
        response = await client.get(peer)
        await response.read() if watch == "aiohttp" else response.read()
        close = asyncio.create_task(client.close() if watch == "aiohttp" else client.aclose())
        await asyncio.sleep(0)
        close.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await close
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(cancel())
    assert [(finding.rule, finding.resource.type) for finding in tracker.find_leaks()] == [("LT105", type_name)]


def test_coroutine_functions_stay_what_they_were(watching: Any) -> None:
    """So do their signatures, and the undo gives back what stood there."""
    functions = {
        (cls, name): (getattr(cls, name), inspect.signature(getattr(cls, name)))
        for cls, name in (
            (aiohttp.ClientSession, "close"), (aiohttp.ClientSession, "_request"), (httpx.AsyncClient, "aclose"),
            (httpx.AsyncClient, "send"), (aiohttp.TCPConnector, "connect"), (web.AppRunner, "cleanup"),
            (web.TCPSite, "start"),
        )
    }  # fmt: skip
    tracker = watching("libraries")
    for (cls, name), (function, signature) in functions.items():
        assert getattr(cls, name) is not function
        assert inspect.iscoroutinefunction(getattr(cls, name))
        assert inspect.signature(getattr(cls, name)) == signature
    tracker.stop()
    for (cls, name), (function, _) in functions.items():
        assert getattr(cls, name) is function
