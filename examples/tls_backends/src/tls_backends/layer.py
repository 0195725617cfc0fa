"""What the host asks of a backend: the base class, its capabilities, and sessions."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import lifetrack
from tls_backends.credentials import Credentials


class Handshakes(lifetrack.Capability):
    """Real TLS, of both sides."""

    def accept(self, connection: socket.socket) -> Session:
        raise NotImplementedError

    def connect(self, connection: socket.socket) -> Session:
        raise NotImplementedError


class Resumption(lifetrack.Capability):
    """Sessions that go on where an earlier one ended."""

    def ticket(self) -> Ticket:
        raise NotImplementedError


@lifetrack.tracked
class Session:
    """A TLS connection after its handshake."""

    def __init__(self, stream: Any, version: str, finish: Callable[[], object]) -> None:
        self._stream = stream
        self._finish = finish
        self.version = version

    def send(self, data: bytes) -> None:
        self._stream.sendall(data)

    def receive(self) -> bytes:
        data: bytes = self._stream.recv(1024)
        return data

    def close(self) -> None:
        try:
            self._finish()
        finally:
            self._stream.close()


@lifetrack.tracked
class Ticket:
    """What resumes a session; it is worth nothing without its backend."""

    def resume(self) -> str:
        return "resumed"

    def close(self) -> None: ...


@lifetrack.tracked(release="close", owns=True, children=("accept", "connect", "ticket"))
class TlsBackend(lifetrack.Backend, Handshakes, Resumption):
    """The base class of all backends. Whatever the constructor acquires is the backend's; sessions depend on it."""

    api_version = 1

    def __init__(self) -> None:
        self.credentials = Credentials()

    def describe(self) -> str:
        return f"{self.name} for {self.credentials.certificate.subject.rfc4514_string()}"

    def close(self) -> None:
        self.credentials.close()
