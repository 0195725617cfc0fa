"""The backend of the standard library."""

from __future__ import annotations

import socket
import ssl
import tempfile
from pathlib import Path

from tls_backends.credentials import HOST
from tls_backends.layer import Session, TlsBackend


class StandardBackend(TlsBackend):
    name, priority = "standard", 10

    def accept(self, connection: socket.socket) -> Session:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:  # the module reads keys from files only; this one is encrypted
            chain = Path(folder, "chain.pem")
            chain.write_bytes(self.credentials.key_pem + self.credentials.certificate_pem())
            with self.credentials.password.exposed_copy() as password:
                context.load_cert_chain(chain, password=password)
        return _session(context.wrap_socket(connection, server_side=True))

    def connect(self, connection: socket.socket) -> Session:
        context = ssl.create_default_context(cadata=self.credentials.certificate_pem().decode())
        return _session(context.wrap_socket(connection, server_hostname=HOST))


def _session(stream: ssl.SSLSocket) -> Session:
    return Session(stream, stream.version() or "unknown", stream.unwrap)
