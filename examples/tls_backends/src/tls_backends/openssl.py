"""The backend of pyOpenSSL."""

from __future__ import annotations

import socket

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from tls_backends.credentials import HOST
from tls_backends.layer import Session, TlsBackend


class OpenSslBackend(TlsBackend):
    name, priority = "openssl", 20

    def accept(self, connection: socket.socket) -> Session:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        with self.credentials.password.exposed_copy() as password:
            key = load_pem_private_key(self.credentials.key_pem, bytes(password))
        context.use_privatekey(crypto.PKey.from_cryptography_key(key))
        context.use_certificate(crypto.X509.from_cryptography(self.credentials.certificate))
        stream = SSL.Connection(context, connection)
        stream.set_accept_state()
        return _session(stream)

    def connect(self, connection: socket.socket) -> Session:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        store = context.get_cert_store()
        if store is None:
            raise OSError("OpenSSL has no place for certificates")
        store.add_cert(crypto.X509.from_cryptography(self.credentials.certificate))
        context.set_verify(SSL.VERIFY_PEER)
        stream = SSL.Connection(context, connection)
        stream.set_tlsext_host_name(HOST.encode())
        stream.set_connect_state()
        return _session(stream)


def _session(stream: SSL.Connection) -> Session:
    stream.do_handshake()
    return Session(stream, stream.get_protocol_version_name(), stream.shutdown)
