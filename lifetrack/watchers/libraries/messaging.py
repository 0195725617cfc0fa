"""Messages between programs, remote shells and remote calls: zmq, paramiko, grpc."""

from __future__ import annotations

from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, attributes, declare, is_none, is_true

_ZMQ, _PARAMIKO, _GRPC = ("zmq",), ("paramiko",), ("grpc",)
_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"


def _is_over(obj: Any) -> bool:
    """Whether a context or socket of zmq is closed, or only another view of one."""
    return bool(obj.closed) or bool(getattr(obj, "_shadow", False))


def _is_instance(context: Any) -> bool:
    """Whether it is the one context of the process, which ends with it."""
    return type(context)._instance is context


def _own_context(sock: Any) -> object:
    """The context of a socket; that of the process is no excuse for what is left open in it."""
    return None if _is_instance(sock.context) else sock.context


def _is_hung_up(transport: Any) -> bool:
    sock = transport.sock
    return bool(getattr(sock, "_closed", getattr(sock, "closed", False)))


ROWS: tuple[Row, ...] = (
    Row(
        _ZMQ, "zmq.sugar.context", "Context", CLASSES,
        declare("term", "destroy", "__exit__", released_when=_is_over, ends_with_process=_is_instance,
                hint="use it in a 'with' block, or call term(), or destroy(), which closes its sockets as well"),
        usual=False,
    ),
    Row(
        _ZMQ, "zmq.sugar.socket", "Socket", CLASSES,
        declare("close", "__exit__", released_when=_is_over, hint=_WITH),
        usual=False, parent=_own_context,
    ),
    Row(
        _PARAMIKO, "paramiko.transport", "Transport", CLASSES,
        declare("close", released_when=_is_hung_up, hint=_WITH),
        usual=False, parts=attributes("sock"),
    ),
    Row(
        _PARAMIKO, "paramiko.client", "SSHClient", CLASSES,
        declare("close", acquire="connect", released_when=is_none("_transport"), hint=_WITH),
        usual=False, parts=attributes("_transport"),
    ),
    Row(
        # The files of a command keep its channel, and close it when the last of them is dropped.
        _PARAMIKO, "paramiko.channel", "Channel", CLASSES,
        declare("close", acquire="_set_transport", released_when=is_true("closed"), hint=_WITH),
        usual=False, quiet=True, sure=True, parent=lambda channel: channel.transport,
    ),
    Row(
        _PARAMIKO, "paramiko.sftp_client", "SFTPClient", CLASSES,
        declare("close", released_when=lambda client: client.sock.closed, hint=_WITH),
        usual=False, parts=attributes("sock"), parent=lambda client: client.sock.transport,
    ),
    Row(
        # Stubs keep what is below a channel, so that the channel itself may be dropped.
        _GRPC, "grpc._channel", "Channel", CLASSES,
        declare("close", "__exit__", hint=_WITH),
        usual=False, quiet=True,
    ),
    Row(
        _GRPC, "grpc._server", "_Server", CLASSES,
        declare("stop", acquire="start", hint="call stop(), and wait() for the event that it gives"),
        usual=False, takes_over=lambda server: (server._state.thread_pool,), keeps=("start",),
    ),
    Row(
        _GRPC, "grpc.aio._channel", "Channel", CLASSES,
        declare("close", "__aexit__", released_when=lambda channel: channel._channel.closed(),
                hint="use it in an 'async with' block, or await close() in a 'finally' clause"),
        usual=False,
    ),
    Row(
        _GRPC, "grpc.aio._server", "Server", CLASSES,
        declare("stop", acquire="start", hint="await stop() in a 'finally' clause"),
        usual=False,
    ),
)  # fmt: skip
