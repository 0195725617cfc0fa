"""zmq, paramiko and grpc on loopback, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The libraries' own warnings are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def told(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(found.rule, found.resource.type) for found in tracker.find_leaks()]


# -- zmq -----------------------------------------------------------------------------------------------------------


def test_zmq(watching: Callable[..., Tracker], line_of: Callable[[Finding], str]) -> None:
    """A context that is left open is one finding, with its socket below it."""
    zmq = pytest.importorskip("zmq")
    tracker = watching("zmq")
    with tracker.scope("wrong"):
        context = zmq.Context()  # site: zmq
        sock = context.socket(zmq.PAIR)
    (finding,) = tracker.find_leaks()
    sock.close()
    context.term()
    assert (finding.rule, finding.resource.type) == ("LT103", "zmq.sugar.context.Context")
    assert [child.resource.type for child in finding.children] == ["zmq.sugar.socket.Socket"]
    assert "# site: zmq" in line_of(finding)
    assert tracker.report().totals.live == 0


def test_zmq_dropped(watching: Callable[..., Tracker]) -> None:
    """A socket that is dropped is a leak; the context of the process is none, and lives as long."""
    zmq = pytest.importorskip("zmq")
    tracker = watching("zmq")
    sock: Any = zmq.Context.instance().socket(zmq.PUB)
    del sock
    assert told(tracker) == [("LT102", "zmq.sugar.socket.Socket")]
    zmq.Context.instance().term()


def test_zmq_in_the_context_of_the_process(watching: Callable[..., Tracker]) -> None:
    """That the context may live as long as the process does not excuse a socket."""
    zmq = pytest.importorskip("zmq")
    tracker = watching("zmq")
    sock = zmq.Context.instance().socket(zmq.PUB)
    report = tracker.final_report()
    sock.close()
    zmq.Context.instance().term()
    assert [(each.rule, each.resource.type) for each in report.findings] == [("LT101", "zmq.sugar.socket.Socket")]


def test_zmq_used_rightly(watching: Callable[..., Tracker]) -> None:
    """By blocks, by close() and term(), by destroy(), and with asyncio."""
    pytest.importorskip("zmq")
    import zmq.asyncio

    async def exchange() -> None:
        context = zmq.asyncio.Context()
        with context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
            one.bind("inproc://exchange")
            other.connect("inproc://exchange")
            await one.send(b"text")
            assert await other.recv() == b"text"
        context.term()

    tracker = watching("zmq")
    with tracker.scope("right"):
        with zmq.Context() as context, context.socket(zmq.PAIR) as sock:
            zmq.Socket.shadow(sock.underlying)
        context = zmq.Context()
        context.socket(zmq.PUB).close()
        sock = context.socket(zmq.PUB)
        context.destroy()
        asyncio.run(exchange())
    assert told(tracker) == []


# -- paramiko ------------------------------------------------------------------------------------------------------


class _Peer:
    """An SSH server on loopback that answers every command."""

    def __init__(self, paramiko: Any) -> None:
        self.key = paramiko.ECDSAKey.generate()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.transports: list[Any] = []
        self.thread = threading.Thread(target=self.serve, args=(paramiko,), daemon=True)
        self.thread.start()

    def serve(self, paramiko: Any) -> None:
        class Rules(paramiko.ServerInterface):  # type: ignore[misc]
            def check_auth_password(self, username: str, password: str) -> int:
                return int(paramiko.AUTH_SUCCESSFUL)

            def check_channel_request(self, kind: str, number: int) -> int:
                return int(paramiko.OPEN_SUCCEEDED)

            def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
                def answer() -> None:
                    channel.send(b"answer")
                    channel.send_exit_status(0)
                    channel.close()

                threading.Timer(0.01, answer).start()
                return True

        while True:
            try:
                sock, _ = self.listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(sock)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, paramiko.SFTPServerInterface)
            self.transports.append(transport)
            with contextlib.suppress(Exception):
                transport.start_server(server=Rules())

    def end(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for transport in self.transports:
            transport.close()
        for transport in (self.thread, *self.transports):
            transport.join(2)


@pytest.fixture
def connect() -> Iterator[Callable[[], Any]]:
    """Connect a new client to a peer that was there before tracking began."""
    paramiko = pytest.importorskip("paramiko")
    peer = _Peer(paramiko)

    def connecting() -> Any:
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(*peer.listening.getsockname(), username="a", password="b",
                       allow_agent=False, look_for_keys=False)  # site: paramiko  # fmt: skip
        return client

    yield connecting
    peer.end()


def of_client(tracker: Tracker) -> list[Finding]:
    """What was found, without what the peer has open in this process, where it ends a little after its client."""
    return [
        each
        for each in tracker.find_leaks()
        if each.site is not None
        and not each.site.function.endswith("serve")
        and each.resource.type != "paramiko.sftp_server.SFTPServer"
    ]


def test_paramiko(
    watching: Callable[..., Tracker], connect: Callable[[], Any], types_in: Callable[[Any], set[str]]
) -> None:
    """A client that is left open is one finding, with its transport and what stands on that below it."""
    tracker = watching("paramiko")
    with tracker.scope("wrong"):
        client = connect()
        sftp = client.open_sftp()
    (finding,) = of_client(tracker)
    sftp.close()
    client.close()
    assert (finding.rule, finding.resource.type) == ("LT103", "paramiko.client.SSHClient")
    assert types_in(finding) >= {"paramiko.transport.Transport", "paramiko.sftp_client.SFTPClient", "socket.socket"}


def test_paramiko_dropped(watching: Callable[..., Tracker], connect: Callable[[], Any]) -> None:
    """A client that is dropped is one finding."""
    tracker = watching("paramiko")
    connect()
    gc.collect()
    assert [(each.rule, each.resource.type) for each in of_client(tracker)] == [("LT102", "paramiko.client.SSHClient")]


def test_paramiko_used_rightly(watching: Callable[..., Tracker], connect: Callable[[], Any]) -> None:
    """Commands whose files are dropped, file transfer, and the threads that end a little after close()."""
    tracker = watching("paramiko")
    with tracker.scope("right"):
        with connect() as client:
            assert client.exec_command("command")[1].read() == b"answer"
            with client.open_sftp() as sftp:
                assert sftp is not None
        gc.collect()
    assert [each.message for each in of_client(tracker)] == []


# -- grpc ----------------------------------------------------------------------------------------------------------


def _serve(grpc: Any) -> tuple[Any, int]:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()  # site: grpc
    return server, port


def test_grpc(watching: Callable[..., Tracker], line_of: Callable[[Finding], str]) -> None:
    """A server that is not stopped is one finding with its thread, a channel that is not closed another one."""
    grpc = pytest.importorskip("grpc")
    tracker = watching("grpc")
    with tracker.scope("wrong"):
        server, port = _serve(grpc)
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    findings = tracker.find_leaks()
    channel.close()
    server.stop(0).wait()
    assert {(each.rule, each.resource.type) for each in findings} == {
        ("LT103", "grpc._server._Server"), ("LT103", "grpc._channel.Channel"),
    }  # fmt: skip
    assert any("# site: grpc" in line_of(each) for each in findings)


def test_grpc_used_rightly(watching: Callable[..., Tracker]) -> None:
    """A server and a channel that are ended; the executor was handed to the server; stubs may outlive their channel."""
    grpc = pytest.importorskip("grpc")
    tracker = watching("grpc")
    with tracker.scope("right"):
        server, port = _serve(grpc)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError):
            channel.unary_unary("/none/none")(b"")
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        call: Any = channel.unary_unary("/none/none")
        del channel
        gc.collect()
        with pytest.raises(grpc.RpcError):
            call(b"")
        server.stop(0).wait()
        del call
        time.sleep(0.05)
    assert told(tracker) == []


def test_grpc_with_asyncio(watching: Callable[..., Tracker]) -> None:
    """The same with coroutines: complete when they are."""
    pytest.importorskip("grpc")
    import grpc.aio

    tracker = watching("grpc")
    found: list[tuple[str, str]] = []

    async def main() -> None:
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        with tracker.scope("right"):
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await channel.channel_ready()
            await grpc.aio.insecure_channel(f"127.0.0.1:{port}").close()
        found.extend(item for item in told(tracker) if item[0] == "LT103")
        with tracker.scope("wrong"):
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        found.extend(item for item in told(tracker) if item[0] == "LT103")
        await channel.close()
        await server.stop(0)

    asyncio.run(main())
    assert found == [("LT103", "grpc.aio._channel.Channel")]
    assert told(tracker) == found
