"""Sockets: the descriptor is followed where it moves, and files made of sockets keep it open."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import threading
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings of what is dropped are looked at only where a test says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def rules(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(found.rule, found.resource.type) for found in tracker.find_leaks()]


def test_detached_socket(watching: Tracker) -> None:
    """detach() hands the descriptor on: to a socket that is a resource of its own."""
    first = socket.socket()
    second = socket.socket(fileno=first.detach())
    assert rules(watching) == [("LT101", "socket.socket")]
    second.close()
    assert rules(watching) == []


def test_accepted_and_duplicated(watching: Tracker) -> None:
    """What accept() and dup() make are resources."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        copied = client.dup()
    assert rules(watching) == [("LT101", "socket.socket")] * 2
    accepted.close()
    copied.close()
    assert rules(watching) == []


def test_close_that_fails(watching: Tracker) -> None:
    """A socket whose descriptor somebody else has closed is given back by a close that says so."""
    first = socket.socket()
    os.close(first.fileno())
    with pytest.raises(OSError, match="descriptor"):
        first.close()
    assert rules(watching) == []
    del first
    assert rules(watching) == []


def test_file_closed_after_its_socket(watching: Tracker) -> None:
    """A closed socket stays live as long as a file made of it is open."""
    first, second = socket.socketpair()
    second.close()
    file = first.makefile("rb")
    first.close()
    assert rules(watching) == [("LT101", "socket.socket")]
    file.close()
    assert rules(watching) == []


@pytest.mark.parametrize("mode", ["r", "rb", "rwb"])
def test_file_dropped_after_its_socket(mode: str, watching: Tracker) -> None:
    """When a dropped file closes the descriptor in the end, nobody has released the socket."""
    first, second = socket.socketpair()
    second.close()
    file = first.makefile(mode)
    first.close()
    del first, file
    assert rules(watching) == [("LT102", "socket.socket")]


def test_file_dropped_before_its_socket(watching: Tracker) -> None:
    """A dropped file alone leaks nothing: the socket is closed by its owner."""
    first, second = socket.socketpair()
    with first, second:
        first.makefile("rb")
    assert rules(watching) == []


class Transport:
    """Stands before a socket, as that of urllib3 does: files are made of it, and it passes on what they say."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock: Any = sock

    def makefile(self) -> socket.SocketIO:
        self.sock._io_refs += 1
        return socket.SocketIO(self, "r")  # type: ignore[arg-type]

    def _decref_socketios(self) -> None:
        self.sock._decref_socketios()


def test_file_of_what_stands_before_a_socket(watching: Tracker) -> None:
    """Its finalizer tells that as ever; dropped after the close of the socket, it is that which closes it."""
    first, second = socket.socketpair()
    with first, second:
        Transport(first).makefile()
        assert first._io_refs == 0  # type: ignore[attr-defined]
    assert first.fileno() == -1
    assert watching.find_leaks() == []
    first, second = socket.socketpair()
    with second:
        transport = Transport(first)
        file = transport.makefile()
        first.close()
        del file
    assert first.fileno() == -1
    assert [found.rule for found in watching.find_leaks()] == ["LT102"]


def test_wrapped_socket(watching: Tracker) -> None:
    """wrap_socket() takes the descriptor over: one resource, of the type that the program holds."""
    first, second = socket.socketpair()
    second.close()
    wrapped = ssl.create_default_context().wrap_socket(
        first, server_hostname="localhost", do_handshake_on_connect=False
    )
    assert rules(watching) == [("LT101", "ssl.SSLSocket")]
    wrapped.close()
    assert rules(watching) == []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"text" * 1000)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """A server on loopback, in a thread of its own."""
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_response_that_is_dropped(address: str, watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A response that nobody closed is a leak of the program's line, deep below urlopen()."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(address)  # site: response
    gc.collect()
    findings = [found for found in watching.find_leaks() if "# site: response" in line_of(found)]
    assert [(found.rule, found.resource.type) for found in findings] == [("LT102", "http.client.HTTPResponse")]


def test_response_that_is_closed(address: str, watching: Tracker) -> None:
    """A response in a 'with' block leaks nothing, on neither side."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address) as response:
        assert response.read(4) == b"text"
    assert [rule for rule, _ in rules(watching) if rule != "LT101"] == []


def test_warnings_are_as_before(tracker: Tracker) -> None:
    """The interpreter's warning of a dropped socket comes from the same line, with the socket as its source."""

    def warned() -> list[tuple[Any, ...]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sock = socket.socket()
            del sock
            gc.collect()
        return [(each.category, each.filename, each.lineno, type(each.source)) for each in caught]

    gc.collect()
    before = warned()
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    assert len(before) == 1
    assert warned() == before
