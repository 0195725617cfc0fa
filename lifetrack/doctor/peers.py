"""Peers on loopback for clients to connect to: they say what a client wants to hear, and no more."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_Answer = Callable[[bytes], bytes]


def _imap(line: bytes) -> bytes:
    tag, word = (*line.split(), b"", b"")[:2]
    first = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n", b"LOGOUT": b"* BYE\r\n"}.get(word, b"")
    return first + tag + b" OK done\r\n"


#: Longer than what clients read before they are asked for it, so that a response is open for a while.
_BODY = b"x" * 400_000
_HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(_BODY)}\r\n\r\n".encode()


def _http(line: bytes) -> bytes:
    """Answer at the empty line that ends the head of a request."""
    return b"" if line.strip() else _HEAD + _BODY


#: What each protocol begins with, and how it answers a line.
_PROTOCOLS: dict[str, tuple[bytes, _Answer]] = {
    "smtp": (b"220 hello\r\n", lambda line: b"221 bye\r\n"),
    "ftp": (b"220 hello\r\n", lambda line: b"221 bye\r\n"),
    "pop3": (b"+OK\r\n", lambda line: b"+OK\r\n"),
    "imap": (b"* OK hello\r\n", _imap),
    "http": (b"", _http),
}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


def _handler(greeting: bytes, answer: _Answer) -> Any:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                self.wfile.write(greeting)
                for line in self.rfile:
                    self.wfile.write(answer(line))
            except OSError:  # the client has gone
                pass

    return Handler


@contextmanager
def peers() -> Iterator[dict[str, int]]:
    """Serve while the block runs; give the port of each protocol. Empty where there is no loopback."""
    ports: dict[str, int] = {}
    with ExitStack() as stack:
        try:
            for name, (greeting, answer) in _PROTOCOLS.items():
                server = stack.enter_context(_Server(("127.0.0.1", 0), _handler(greeting, answer)))
                thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
                thread.start()
                stack.callback(thread.join)
                stack.callback(server.shutdown)
                ports[name] = server.server_address[1]
        except OSError:
            ports.clear()
        yield ports
