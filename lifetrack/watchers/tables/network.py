"""What stands on sockets: clients and servers, and the selectors that wait for sockets."""

from __future__ import annotations

import sys
from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, attributes, declare, is_none


def _is_shut(server: Any) -> bool:
    """Whether the listening socket of a server is closed."""
    return _is_detached(getattr(server, "socket", None))


def _is_hung_up(client: Any) -> bool:
    """Whether the socket of a client is closed, which goes on to have it."""
    return _is_detached(getattr(client, "sock", None))


def _is_detached(sock: Any) -> bool:
    return sock is not None and bool(sys.modules["_socket"].socket.fileno(sock) == -1)


def _is_empty_handed(selector: Any) -> bool:
    """Whether a selector is closed, or of a kind that has no descriptor of its own."""
    return getattr(selector, "_map", None) is None or not hasattr(selector, "fileno")


def _socket_of(response: Any) -> tuple[object, ...]:
    """The socket below a response, which is its own once its connection has let go of it."""
    raw = getattr(response.fp, "raw", None)
    return (getattr(raw, "_sock", None),)


NETWORK: tuple[Row, ...] = (
    Row(
        ("smtplib",), "smtplib", "SMTP", CLASSES,
        declare("close", acquire="connect", released_when=is_none("sock"),
                hint="use it in a 'with' block, or call quit() in a 'finally' clause"),
        parts=attributes("sock", "file"),
    ),
    Row(
        ("ftplib",), "ftplib", "FTP", CLASSES,
        declare("close", acquire="connect", released_when=is_none("sock"),
                hint="use it in a 'with' block, or call quit() or close() in a 'finally' clause"),
        parts=attributes("sock", "file"),
    ),
    Row(
        ("poplib",), "poplib", "POP3", CLASSES,
        declare("close", released_when=is_none("sock"), hint="call quit() or close() in a 'finally' clause"),
        parts=attributes("sock", "file"),
    ),
    Row(
        ("imaplib",), "imaplib", "IMAP4", CLASSES,
        declare("shutdown", acquire="open", released_when=_is_hung_up,
                hint="use it in a 'with' block, or call logout() in a 'finally' clause"),
        parts=attributes("sock"),
    ),
    Row(
        ("socketserver",), "socketserver", "TCPServer", CLASSES,
        declare("server_close", released_when=_is_shut,
                hint="use it in a 'with' block, or call server_close(): shutdown() only ends serve_forever()"),
        parts=attributes("socket"),
    ),
    Row(
        ("http", "http.client"), "http.client", "HTTPConnection", CLASSES,
        declare("close", acquire="connect", released_when=is_none("sock"),
                hint="use it within contextlib.closing(), or call close() in a 'finally' clause"),
        parts=attributes("sock"), not_from=("urllib.request",),
    ),
    Row(
        ("http", "urllib", "urllib.request"), "http.client", "HTTPResponse", CLASSES,
        declare("close", acquire="begin", released_when=is_none("fp"),
                hint="use 'with urlopen(...) as response', or close() it; an HTTPError is a response, too"),
        inner_release=("_close_conn",), parts=_socket_of, only_from=("urllib.request",),
    ),
    Row(
        ("selectors",), "selectors", "_BaseSelectorImpl", CLASSES,
        declare("close", released_when=_is_empty_handed,
                hint="use it in a 'with' block, or call close() in a 'finally' clause"),
    ),
)  # fmt: skip
