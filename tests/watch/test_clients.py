"""Clients of the standard library, against a peer on loopback that says what they want to hear."""

from __future__ import annotations

import ftplib
import gc
import imaplib
import poplib
import smtplib
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


class Kind(NamedTuple):
    """A client: its type, how it is made, how it says good-bye, and what the peer says."""

    type: str
    make: Callable[[str, int], Any]
    release: Callable[[Any], object]
    greeting: bytes
    answer: Callable[[bytes], bytes]


def _smtp(host: str, port: int) -> Any:
    return smtplib.SMTP(host, port, local_hostname="localhost")  # site: smtp


def _ftp(host: str, port: int) -> Any:
    client = ftplib.FTP()
    client.connect(host, port)  # site: ftp
    return client


def _pop3(host: str, port: int) -> Any:
    return poplib.POP3(host, port)  # site: pop3


def _imap(host: str, port: int) -> Any:
    return imaplib.IMAP4(host, port)  # site: imap


def _imap_answer(line: bytes) -> bytes:
    tag, word = line.split()[:2]
    first = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n", b"LOGOUT": b"* BYE\r\n"}.get(word, b"")
    return first + tag + b" OK done\r\n"


KINDS = {
    "smtp": Kind("smtplib.SMTP", _smtp, lambda client: client.quit(), b"220 hello\r\n", lambda line: b"221 bye\r\n"),
    "ftp": Kind("ftplib.FTP", _ftp, lambda client: client.quit(), b"220 hello\r\n", lambda line: b"221 bye\r\n"),
    "pop3": Kind("poplib.POP3", _pop3, lambda client: client.quit(), b"+OK\r\n", lambda line: b"+OK\r\n"),
    "imap": Kind("imaplib.IMAP4", _imap, lambda client: client.logout(), b"* OK hello\r\n", _imap_answer),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of client."""
    return KINDS[request.param]


@pytest.fixture
def address(kind: Kind) -> Iterator[tuple[str, int]]:
    """The peer, whose own sockets are made before tracking begins or released by a with block."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rwb") as file:
                file.write(kind.greeting)
                file.flush()
                for line in file:
                    file.write(kind.answer(line))
                    file.flush()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        thread.join()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_never_released(
    kind: Kind, address: tuple[str, int], watching: Tracker, line_of: Callable[[Finding], str]
) -> None:
    """A client that is connected when its scope ends is one finding, with its socket below it."""
    with watching.scope("job") as scope:
        client = kind.make(*address)
    findings = watching.find_leaks(scope=scope)
    kind.release(client)
    (finding,) = [found for found in findings if "site:" in line_of(found)]
    assert (finding.rule, finding.resource.type) == ("LT103", kind.type)
    assert "socket.socket" in {child.resource.type for child in finding.children}
    assert finding.hint is not None


def test_dropped(kind: Kind, address: tuple[str, int], watching: Tracker) -> None:
    """A client that is dropped without a good-bye is LT102."""
    client = kind.make(*address)
    del client
    gc.collect()
    found = {finding.resource.type: finding.rule for finding in watching.find_leaks()}
    assert found[kind.type] == "LT102"


def test_released(kind: Kind, address: tuple[str, int], watching: Tracker) -> None:
    """A client that says good-bye leaves nothing, now or when it is dropped."""
    client = kind.make(*address)
    kind.release(client)
    assert [found.resource.type for found in watching.find_leaks() if found.resource.type == kind.type] == []
    del client
    gc.collect()
    assert [found.resource.type for found in watching.find_leaks() if found.resource.type == kind.type] == []
