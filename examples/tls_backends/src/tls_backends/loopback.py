"""A real handshake over loopback: a server in a thread, a client here."""

from __future__ import annotations

import socket
import threading

import lifetrack
from tls_backends.layer import TlsBackend


@lifetrack.borrows("backend")
def shake_hands(backend: TlsBackend) -> str:
    """Let a backend speak with itself; give what was agreed on. Raises whatever the handshake raises."""
    errors: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=_serve, args=(backend, listening, errors))
        server.start()
        try:
            with socket.create_connection(listening.getsockname()) as connection:
                client = backend.connect(connection)
                try:
                    client.send(b"hello")
                    answer = client.receive().decode()
                    version = client.version
                finally:
                    client.close()
        finally:
            server.join(10)
    if errors:
        raise errors[0]
    return f"{backend.name}: {version}, the server says {answer!r}"


def _serve(backend: TlsBackend, listening: socket.socket, errors: list[BaseException]) -> None:
    try:
        listening.settimeout(10)
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(None)  # pyOpenSSL takes a socket with a timeout for one that does not block
            session = backend.accept(connection)
            try:
                session.send(session.receive().upper())
            finally:
                session.close()
    except BaseException as error:  # told where the client runs
        errors.append(error)
