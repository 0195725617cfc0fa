"""Descriptors that the operating system has open and no record explains, and those that were only said to be closed."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import multiprocessing
import os
import select
import selectors
import socket
import sqlite3
import sys
import threading
import time
from multiprocessing import shared_memory

import pytest

pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="needs a list of descriptors as Linux has it"
)


def _dup(number: int) -> int:
    """Duplicate a descriptor by C code, which no record can tell of."""
    return ctypes.CDLL(None).dup(number)


def _found(tracker):
    return [finding for finding in tracker.report().findings if finding.rule.startswith("LT5")]


@pytest.fixture
def on(tracker):
    tracker.start(watch="stdlib", policy="record", report=False)
    return tracker


def test_a_clean_scope_has_nothing(on, tmp_path) -> None:
    """What is opened and closed, or open and recorded, is no finding of the system's."""
    path = tmp_path / "f"
    path.write_text("")
    kept = []
    with on.scope("clean", witness=True):
        with open(path):
            pass
        kept += [open(path), *socket.socketpair()]
    assert _found(on) == []
    assert [finding.rule for finding in on.find_leaks() if finding.scope is not None] == ["LT103"] * 3
    for each in kept:
        each.close()


def _work(done) -> None:
    done.set()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_multiprocessing_keeps_for_itself(on, method) -> None:
    """The pipes of a queue, and of a process that was joined, close with their objects; only a stranger is found."""
    context = multiprocessing.get_context(method)
    with on.scope("job", witness=True):
        queue, simple, event = context.Queue(), context.SimpleQueue(), context.Event()
        process = context.Process(target=_work, args=(event,))
        process.start()
        process.join()
        number = _dup(simple._reader.fileno())
    assert [found.resource.label for found in _found(on)] == [str(number)]
    assert event.is_set()
    os.close(number)
    for each in (queue, simple, process):
        each.close()


def test_what_is_mapped_into_memory(on, tmp_path) -> None:
    """A memory map has a duplicate of its file's descriptor, shared memory has one more; a further one is found."""
    path = tmp_path / "mapped"
    path.write_bytes(b"x" * 5000)
    with on.scope("job", witness=True):
        with open(path, "r+b") as file:
            mapped = mmap.mmap(file.fileno(), 0)
            number = _dup(file.fileno())
        memory = shared_memory.SharedMemory(create=True, size=10)
        value = multiprocessing.Value("i")
    found = _found(on)
    os.close(number)
    memory.close()
    memory.unlink()
    assert [each.resource.label.partition(" ")[2] for each in found] == [f"({path})"]
    assert value.value == 0
    mapped.close()


def test_a_descriptor_leaked_by_c_code(on, tmp_path) -> None:
    """A file that C code opens is found with its path; it has no site, for nothing of Python's saw it."""
    path = tmp_path / "secret.db"
    path.write_text("")
    libc = ctypes.CDLL(None)
    with on.scope("job", witness=True):
        number = libc.open(os.fsencode(path), os.O_RDONLY)
    try:
        (found,) = _found(on)
        assert (found.rule, found.certainty.word, found.scope) == ("LT501", "proven", "job")
        assert found.resource.label == f"{number} ({path})"
        assert found.site is None
        assert "no record explains it" in found.message
        assert "no audit event told where" in on.report().to_text()
    finally:
        os.close(number)


def test_a_descriptor_that_an_audit_event_saw_has_its_site(on, tmp_path) -> None:
    """What is opened under no watch has the line that opened it."""
    path = tmp_path / "f"
    path.write_text("")
    on.stop()
    on.start(policy="record", report=False)  # watches nothing
    with on.scope("job", witness=True):
        file = open(path)
    line = sys._getframe().f_lineno - 1
    (found,) = _found(on)
    file.close()
    assert found.rule == "LT501"
    assert (found.site.file, found.site.line) == (__file__, line)


def test_an_older_opening_of_the_same_file_is_not_blamed(on, tmp_path) -> None:
    """The site is only told where the open was seen inside the scope and belongs to no record."""
    path = tmp_path / "f"
    path.write_text("")
    libc = ctypes.CDLL(None)
    with on.scope("before", witness=True):
        os.close(os.open(path, os.O_RDONLY))
    with on.scope("job", witness=True):
        with open(path):
            pass
        number = libc.open(os.fsencode(path), os.O_RDONLY)
    (found,) = _found(on)
    os.close(number)
    assert found.site is None


def test_two_unlocated_leaks_are_told_apart(on, tmp_path) -> None:
    """Without a site the path is what tells one from the other."""
    libc = ctypes.CDLL(None)
    for name in ("a", "b"):
        (tmp_path / name).write_text("")
    with on.scope("job", witness=True):
        numbers = [libc.open(os.fsencode(tmp_path / name), os.O_RDONLY) for name in ("a", "b")]
    found = _found(on)
    for number in numbers:
        os.close(number)
    assert sorted(os.path.basename(each.resource.label) for each in found) == ["a)", "b)"]


def test_a_socket_that_was_detached_is_open_still(on) -> None:
    """The descriptor that a socket gave away has a record of its own, so the system has nothing to add."""
    with on.scope("job", witness=True):
        sock = socket.socket()
        number = sock.detach()
    found = on.report().findings
    os.close(number)
    assert [(each.rule, each.resource.type) for each in found] == [("LT103", "socket.detach")]


def test_a_socket_that_gave_away_its_descriptor_unseen(on) -> None:
    """A release that leaves the descriptor open is LT504, with the history of the record."""
    with on.scope("job", witness=True):
        sock = socket.socket()
        number = _dup(sock.fileno())
        sock.close()
    (found,) = _found(on)
    os.close(number)
    assert found.rule == "LT504"
    assert found.resource.type == "socket.socket"
    assert [event.event for event in found.events] == ["acquired", "released"]
    assert f"descriptor {number}" in found.message


def test_a_duplicate_keeps_a_socket_open(on) -> None:
    """The socket was closed, but a duplicate that no record knows holds its connection."""
    with on.scope("job", witness=True):
        one, other = socket.socketpair()
        number = _dup(one.fileno())
        one.close()
        other.close()
    (found,) = _found(on)
    os.close(number)
    assert (found.rule, found.resource.type) == ("LT504", "socket.socket")


def test_the_peer_of_a_connection_is_named(on) -> None:
    """An unexplained socket tells whom it is connected to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with on.scope("job", witness=True):
            client = socket.create_connection(("127.0.0.1", port))
            number = _dup(client.fileno())
        (found,) = _found(on)
        os.close(number)
        client.close()
    assert found.rule == "LT501"
    assert found.resource.label == f"{number} (to 127.0.0.1:{port})"


def test_a_descriptor_is_told_once(on, tmp_path) -> None:
    """The outer scope does not tell again what the inner one has told."""
    with on.scope("outer", witness=True), on.scope("inner", witness=True):
        number = _dup(1)
    found = _found(on)
    os.close(number)
    assert [(each.rule, each.scope, each.count) for each in found] == [("LT501", "inner", 1)]


def test_the_files_of_a_connection_are_the_connections(on, tmp_path) -> None:
    """What sqlite3 opens for a recorded connection is explained by its record."""
    with on.scope("job", witness=True):
        connection = sqlite3.connect(tmp_path / "d.db")
        connection.execute("create table t (x)")
    assert _found(on) == []
    assert [finding.rule for finding in on.find_leaks()] == ["LT103"]
    connection.close()


def test_policy_raise_raises_at_the_end_of_the_scope(tracker) -> None:
    """A scope that leaves a descriptor behind raises, as it does for a recorded leak."""
    tracker.start(watch="stdlib", policy="raise", report=False)
    numbers = []
    with pytest.raises(AssertionError) as caught:
        with tracker.scope("job", witness=True):
            numbers.append(_dup(1))
    os.close(numbers[0])
    assert [finding.rule for finding in caught.value.findings] == ["LT501"]


def test_without_asking_nothing_is_looked_at(on) -> None:
    """A plain scope tells nothing, and no witness exists."""
    with on.scope("job"):
        number = _dup(1)
    os.close(number)
    assert _found(on) == []
    assert on.ledger.observer is None


def test_a_decorated_function_is_witnessed_each_time(on) -> None:
    """Each call of a decorated function is a scope of its own."""
    numbers = []

    @on.scope("call", witness=True)
    def leak() -> None:
        numbers.append(_dup(1))

    leak()
    leak()
    found = _found(on)
    for number in numbers:
        os.close(number)
    assert sum(each.count for each in found) == 2


def test_queues_of_events_are_told_once(on) -> None:
    """An epoll object, a selector and an event loop are found by their records, not as descriptors of nobody's too."""
    kept = []
    with on.scope("waiting", witness=True):
        if hasattr(select, "epoll"):
            kept.append(select.epoll())
        kept += [selectors.DefaultSelector(), asyncio.new_event_loop()]
    assert _found(on) == []
    assert {finding.rule for finding in on.report().findings} == {"LT103"}
    for each in kept:
        each.close()


@pytest.mark.parametrize(
    ("is_loaded", "closes", "rules"), [(True, True, []), (True, False, ["LT501"]), (False, True, ["LT501"])]
)
def test_sockets_that_c_code_closes_in_its_own_time(on, monkeypatch, is_loaded, closes, rules) -> None:
    """While a package is loaded whose threads do so, they are given a moment; what stays open is found."""
    for name in ("zmq", "grpc"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    if is_loaded:
        monkeypatch.setitem(sys.modules, "zmq", sys)
    native, begin, numbers = ctypes.CDLL(None), threading.Event(), []

    def close_late() -> None:
        begin.wait()
        time.sleep(0.15)
        if closes:
            native.close(numbers[0])

    thread = threading.Thread(target=close_late)
    thread.start()
    with on.scope("job", witness=True):
        numbers.append(native.socket(socket.AF_INET, socket.SOCK_STREAM, 0))
        begin.set()
    found = [finding.rule for finding in _found(on)]
    thread.join()
    if not closes:
        native.close(numbers[0])
    assert found == rules
