"""Clients and servers of HTTP: sessions, their pools of connections, and responses that keep one of these."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from lifetrack.values.declarations import ENDS_WITH_POOL, OUTLIVES_POOL
from lifetrack.watchers.custody import lease_of
from lifetrack.watchers.rows import (
    CLASSES,
    POOLS,
    Lending,
    Row,
    attributes,
    check_out,
    declare,
    is_none,
    is_true,
)

_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"
_ASYNC_WITH = "use it in an 'async with' block, or await its close() in a 'finally' clause"
_READ = "use the response in a 'with' block, read it to its end, or call close() in a 'finally' clause"
_ASYNC_READ = "use the response in an 'async with' block, read it to its end, or close it in a 'finally' clause"


def _stands_on(lease: Callable[[Any], object]) -> dict[str, Any]:
    """Tell a response below the check-out that it stands on; it has nothing else to give back."""
    return {"parts": lambda obj: (lease(obj),), "parent": lease}


def _always(_: object) -> bool:
    return True


def _attribute(name: str) -> Any:
    """Ask for an attribute; None if it is not there."""
    return lambda obj: getattr(obj, name, None)


# -- urllib3, and what is built on it: requests, botocore, boto3 -----------------------------------------------------

_URLLIB3 = ("urllib3", "requests", "botocore", "boto3")
#: What is kept for further requests is closed with its pool, and that with its last user or the process.
_POOL = {"hollow": True, "ends_with_process": _always}


def _response_connection(response: Any) -> object:
    """The connection that a response of urllib3 has not given back yet."""
    return getattr(response, "_connection", None)


def _of_response(response: Any) -> object:
    """The check-out that a response of urllib3 stands on; none where the connection is the response's alone."""
    connection: Any = _response_connection(response)
    return None if connection is None or connection.sock is None else lease_of(connection)


def _passed_socket(response: Any) -> tuple[object, ...]:
    """The socket that a connection has passed to its response, because it is not to be used again."""
    raw = response._original_response.fp.raw
    return () if response._connection is None or response._connection.sock is not None else (raw._sock,)


def _of_raw(response: Any) -> object:
    """The check-out that a response of requests stands on."""
    return _of_response(response.raw)


def _is_given_back(response: Any) -> bool:
    return _response_connection(response) is None or bool(response.closed)


def _is_raw_given_back(response: Any) -> bool:
    raw = response.raw
    return raw is None or _response_connection(raw) is None or bool(raw.closed)


URLLIB3: tuple[Row, ...] = (
    Row(
        _URLLIB3, "urllib3.poolmanager", "PoolManager", CLASSES,
        declare("clear", hint="use it in a 'with' block, or call clear() when the last request is done", **_POOL),
        works=("_new_pool",), within=True, kept=True,
    ),
    Row(
        _URLLIB3, "urllib3.connectionpool", "HTTPConnectionPool", CLASSES, declare("close", hint=_WITH, **_POOL),
        works=("urlopen",), within=True,
    ),
    Row(
        _URLLIB3, "urllib3.connectionpool", "HTTPConnectionPool", POOLS,
        check_out("_get_conn", "_put_conn", hint=_READ, lent=OUTLIVES_POOL),
        lending=Lending(
            borrower=("urllib3.connection", "HTTPConnection"), ends=("close",),
            below=attributes("sock"),
        ),
    ),
    Row(
        _URLLIB3, "urllib3.response", "HTTPResponse", CLASSES,
        declare("release_conn", "close", released_when=_is_given_back, hint=_READ),
        made_by=("urllib3.connectionpool:HTTPConnectionPool.urlopen",), **_stands_on(_of_response),
        claims=_passed_socket,
    ),
    *(
        Row(
            _URLLIB3, "urllib3.connection", name, CLASSES, declare(), keeps=("connect",), parts=attributes("sock"),
        )
        for name in ("HTTPConnection", "HTTPSConnection")
    ),
)  # fmt: skip

REQUESTS: tuple[Row, ...] = (
    Row(
        ("requests",), "requests.sessions", "Session", CLASSES, declare("close", hint=_WITH),
        works=("__init__", "send"),
    ),
    Row(
        ("requests",), "requests.adapters", "Response", CLASSES,
        declare("close", released_when=_is_raw_given_back, hint=_READ),
        made_by=("requests.adapters:HTTPAdapter.send",), parts=attributes("raw"), parent=_of_raw,
    ),
)  # fmt: skip

#: The body of what was downloaded stands on a response of urllib3, which is the one that is told.
_BOTO = ("botocore", "boto3")
BOTO: tuple[Row, ...] = (
    Row(
        _BOTO, "botocore.client", "BaseClient", CLASSES,
        declare("close", hint="make one client and keep it, or call close() when it has done its work", **_POOL),
        works=("_make_api_call",),
    ),
)  # fmt: skip

# -- httpcore and httpx ----------------------------------------------------------------------------------------------

_HTTPCORE, _HTTPX = ("httpcore", "httpx"), ("httpx",)


def _sockets(stream: Any) -> tuple[object, ...]:
    """The socket below a stream of httpcore's, or the transport of asyncio's with its socket."""
    inner = getattr(stream, "_stream", stream)
    inner = getattr(inner, "transport_stream", inner)
    transport = getattr(inner, "_transport", None)
    return getattr(inner, "_sock", None), transport, getattr(transport, "_sock", None)


def _below(stream: Any) -> tuple[object, ...]:
    """The sockets below the response of a pool: those of the connection that it was read from."""
    connection = stream._pool_request.connection
    inner = getattr(connection, "_connection", connection)
    return _sockets(inner._network_stream)


def _httpcore(world: str, prefix: str, verb: str, close: str, hint: str) -> tuple[Row, ...]:
    """The rows of the pools of one of the two worlds."""
    module, name, handle = f"httpcore.{world}.connection_pool", f"{prefix}ConnectionPool", f"handle_{verb}request"
    return (
        Row(
            _HTTPCORE, module, name, CLASSES, declare(close, hollow=True, hint=hint), works=(handle,), within=True,
        ),
        Row(
            _HTTPCORE, module, name, POOLS,
            check_out(handle, hint=_ASYNC_READ if prefix else _READ, lent=ENDS_WITH_POOL),
            lending=Lending(
                item=_attribute("stream"), borrower=(module, "PoolByteStream"), ends=(close,), below=_below,
            ),
        ),
    )  # fmt: skip


HTTPCORE: tuple[Row, ...] = (
    *_httpcore("_sync", "", "", "close", _WITH),
    *_httpcore("_async", "Async", "async_", "aclose", _ASYNC_WITH),
    *(
        Row(_HTTPCORE, f"httpcore._backends.{module}", name, CLASSES, declare(), keeps=keeps, parts=_sockets)
        for module, name, keeps in (
            ("sync", "SyncBackend", ("connect_tcp", "connect_unix_socket")),
            ("sync", "SyncStream", ("start_tls",)),
            ("auto", "AutoBackend", ("connect_tcp", "connect_unix_socket")),
            ("anyio", "AnyIOStream", ("start_tls",)),
        )
    ),
)  # fmt: skip


def _httpcore_stream(response: Any) -> object:
    """The check-out that a response of httpx stands on, below the streams that httpx has put around it."""
    stream = getattr(response, "stream", None)
    for _ in range(4):
        found = lease_of(stream)
        if found is not None:
            return found
        stream = getattr(stream, "_stream", None) or getattr(stream, "_httpcore_stream", None)
    return None


def _is_httpx_over(response: Any) -> bool:
    """Whether a response is closed, or the connection below it is, which its client has closed."""
    stream = getattr(getattr(response.stream, "_stream", None), "_httpcore_stream", None)
    pool: Any = getattr(stream, "_pool", None)
    request: Any = getattr(stream, "_pool_request", None)
    return bool(response.is_closed) or (pool is not None and request.connection not in pool._connections)


def _has_nothing_to_close(base: str, close: str) -> Callable[[Any], bool]:
    """Ask whether all transports of a client, as those that call an application, inherit what does nothing."""

    def ask(client: Any) -> bool:
        nothing = getattr(getattr(sys.modules["httpx"], base), close)
        transports = (client._transport, *client._mounts.values())
        return all(each is None or getattr(type(each), close, None) is nothing for each in transports)

    return ask


HTTPX: tuple[Row, ...] = (
    Row(
        # That of starlette is a client of applications, whose 'with' block ends the application and not the client.
        _HTTPX, "httpx._client", "Client", CLASSES,
        declare("close", "__exit__", released_when=is_true("is_closed"), hint=_WITH), works=("__init__", "send"),
        is_empty=_has_nothing_to_close("BaseTransport", "close"), not_from=("starlette.testclient",),
    ),
    Row(
        _HTTPX, "httpx._client", "AsyncClient", CLASSES,
        declare("aclose", "__aexit__", released_when=is_true("is_closed"), hint=_ASYNC_WITH.replace("close", "aclose")),
        works=("__init__", "send"), is_empty=_has_nothing_to_close("AsyncBaseTransport", "aclose"),
    ),
    Row(
        _HTTPX, "httpx._client", "Response", CLASSES,
        declare("close", "aclose", released_when=_is_httpx_over, hint=_READ),
        made_by=("httpx._client:Client.send", "httpx._client:AsyncClient.send"), **_stands_on(_httpcore_stream),
    ),
)  # fmt: skip

# -- aiohttp ---------------------------------------------------------------------------------------------------------

_AIOHTTP = ("aiohttp",)
_CONNECTOR, _RUNNER = "aiohttp.connector", "aiohttp.web_runner"


def _transport(protocol: Any) -> tuple[object, ...]:
    transport = getattr(protocol, "transport", None)
    return transport, getattr(transport, "_sock", None)


def _is_disconnected(response: Any) -> bool:
    """Whether a response has given its connection back, or lost it because its session was closed."""
    return response._connection is None or bool(response._connection.closed)


def _is_stopped(site: Any) -> bool:
    """Whether the runner of a site does not know it any more."""
    return site not in site._runner._sites


AIOHTTP: tuple[Row, ...] = (
    Row(
        _AIOHTTP, "aiohttp.client", "ClientSession", CLASSES,
        declare("close", "detach", released_when=is_true("closed"), hint=_ASYNC_WITH), works=("__init__", "_request"),
    ),
    Row(
        _AIOHTTP, _CONNECTOR, "BaseConnector", CLASSES,
        declare("_close", released_when=is_true("_closed"), hollow=True,
                hint="close the session that it is for, or await its close()"),
        works=("connect",), within=True,
    ),
    *(
        Row(_AIOHTTP, _CONNECTOR, name, CLASSES, declare(), keeps=("_create_connection",), parts=_transport)
        for name in ("TCPConnector", "UnixConnector")
    ),
    Row(
        _AIOHTTP, _CONNECTOR, "BaseConnector", POOLS, check_out("connect", hint=_ASYNC_READ, lent=ENDS_WITH_POOL),
        lending=Lending(
            borrower=(_CONNECTOR, "Connection"), ends=("release", "close"),
            below=lambda connection: _transport(connection._protocol),
        ),
    ),
    Row(
        _AIOHTTP, "aiohttp.client", "ClientResponse", CLASSES,
        declare("close", "release", released_when=_is_disconnected, hint=_ASYNC_READ),
        made_by=("aiohttp.client:ClientSession._request",),
        **_stands_on(lambda response: lease_of(response._connection)),
    ),
    Row(
        _AIOHTTP, "aiohttp.client", "ClientWebSocketResponse", CLASSES,
        declare("close", released_when=is_true("closed"), hint=_ASYNC_WITH),
        made_by=("aiohttp.client:ClientSession._ws_connect",),
        **_stands_on(lambda websocket: lease_of(websocket._response._connection)),
    ),
    Row(
        _AIOHTTP, _RUNNER, "BaseRunner", CLASSES,
        declare("cleanup", acquire="setup", released_when=is_none("_server"),
                hint="await cleanup() in a 'finally' clause"),
    ),
    *(
        Row(
            _AIOHTTP, _RUNNER, name, CLASSES,
            declare("stop", acquire="start", released_when=_is_stopped,
                    hint="await stop(), or cleanup() of its runner, in a 'finally' clause"),
            parts=attributes("_server"), parent=_attribute("_runner"),
        )
        for name in ("TCPSite", "UnixSite", "SockSite")
    ),
)  # fmt: skip

ROWS: tuple[Row, ...] = (*URLLIB3, *REQUESTS, *BOTO, *HTTPCORE, *HTTPX, *AIOHTTP)
