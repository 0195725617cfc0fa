"""Every kind that is watched, both ways: the leak is found at its line, and what is released is not spoken of."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import socketserver
import sqlite3
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


class Kind(NamedTuple):
    """How a program makes one resource, and how it releases it."""

    type: str
    make: Callable[[], Any]
    release: Callable[[Any], object]


def _text() -> Any:
    return open(__file__, encoding="utf-8")  # site: text


def _binary() -> Any:
    return open(__file__, "rb")  # site: binary


def _unbuffered() -> Any:
    return open(__file__, "rb", buffering=0)  # site: unbuffered


def _socket() -> Any:
    return socket.socket()  # site: socket


def _connection() -> Any:
    return sqlite3.connect(":memory:")  # site: connection


def _process() -> Any:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)  # site: process


def _folder() -> Any:
    return tempfile.TemporaryDirectory()  # site: folder


def _end_process(process: Any) -> None:
    with process:
        process.communicate(b"\n")


KINDS = {
    "text": Kind("_io.TextIOWrapper", _text, lambda file: file.close()),
    "binary": Kind("_io.BufferedReader", _binary, lambda file: file.close()),
    "unbuffered": Kind("_io.FileIO", _unbuffered, lambda file: file.close()),
    "socket": Kind("socket.socket", _socket, lambda sock: sock.close()),
    "connection": Kind("sqlite3.Connection", _connection, lambda connection: connection.close()),
    "process": Kind("subprocess.Popen", _process, _end_process),
    "folder": Kind("tempfile.TemporaryDirectory", _folder, lambda folder: folder.cleanup()),
}
each_kind = pytest.mark.parametrize("name", KINDS)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings of what is dropped are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def of_type(findings: list[Finding], kind: Kind) -> list[tuple[str, str]]:
    """The rule and site of the findings of one type; a process has pipes, which are files of their own."""
    return [(finding.rule, finding.resource.type) for finding in findings if finding.resource.type == kind.type]


@each_kind
def test_live_at_the_end_of_a_scope(name: str, watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """What a scope leaves open is LT103 at the line that acquired it."""
    kind = KINDS[name]
    with watching.scope("job"):
        resource = kind.make()
    findings = [found for found in watching.find_leaks() if found.resource.type == kind.type]
    kind.release(resource)
    assert of_type(findings, kind) == [("LT103", kind.type)]
    assert f"# site: {name}" in line_of(findings[0])


@each_kind
def test_dropped(name: str, watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """What is dropped without its release is LT102 at the line that acquired it, and is still given back."""
    kind = KINDS[name]
    resource = kind.make()
    pipe = resource.stdin if name == "process" else None
    del resource
    gc.collect()
    findings = [found for found in watching.find_leaks() if found.resource.type == kind.type]
    if pipe is not None:
        pipe.close()
    assert of_type(findings, kind) == [("LT102", kind.type)]
    assert f"# site: {name}" in line_of(findings[0])


@each_kind
def test_dropped_in_a_cycle(name: str, watching: Tracker) -> None:
    """The cycle collector's release is a leak too."""
    kind = KINDS[name]
    ring: list[Any] = [kind.make()]
    ring.append(ring)
    pipe = ring[0].stdin if name == "process" else None
    del ring
    gc.collect()
    findings = watching.find_leaks()
    if pipe is not None:
        pipe.close()
    assert of_type(findings, kind) == [("LT102", kind.type)]


@each_kind
def test_released(name: str, watching: Tracker) -> None:
    """What is released is not spoken of, and is counted."""
    kind = KINDS[name]
    with watching.scope("job"):
        kind.release(kind.make())
    gc.collect()
    assert watching.find_leaks() == []
    totals = {total.type: total for total in watching.snapshot().types}[kind.type]
    assert (totals.acquired, totals.released, totals.live) == (1, 1, 0)


@each_kind
def test_released_by_a_with_block(name: str, watching: Tracker) -> None:
    """The end of a 'with' block is a release; a connection needs closing() for that."""
    kind = KINDS[name]
    with watching.scope("job"):
        resource = kind.make()
        with contextlib.closing(resource) if name == "connection" else resource:
            if name == "process":
                resource.communicate(b"\n")
    del resource
    gc.collect()
    assert watching.find_leaks() == []


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_live_at_exit(level: str, run_python: RunPython, tmp_path: Path) -> None:
    """What is live when the process ends is LT101, each kind at its line; what was released is not spoken of."""
    program = tmp_path / "program.py"
    program.write_text(
        f"""import json, socket, sqlite3, subprocess, sys, tempfile, lifetrack
lifetrack.start({level!r}, policy="record", watch="stdlib", report="report.json")
a = open(__file__)
b = socket.socket()
c = sqlite3.connect(":memory:")
d = subprocess.Popen(["sleep", "0.1"])
e = tempfile.TemporaryDirectory()
open(__file__).close()
socket.socket().close()
sqlite3.connect(":memory:").close()
subprocess.run(["true"], capture_output=True)
tempfile.TemporaryDirectory().cleanup()
"""
    )
    done = run_python(program, cwd=tmp_path)
    import json

    report = json.loads((tmp_path / "report.json").read_text())
    found = sorted((each["rule"], each["site"]["line"], each["resource"]["type"]) for each in report["findings"])
    assert done.returncode == 0, done.stderr
    assert found == [
        ("LT101", 3, "_io.TextIOWrapper"),
        ("LT101", 4, "socket.socket"),
        ("LT101", 5, "sqlite3.Connection"),
        ("LT101", 6, "subprocess.Popen"),
        ("LT101", 7, "tempfile.TemporaryDirectory"),
    ]


# -- threads: they cannot be dropped, and end by themselves -----------------------------------------------------------


def test_thread_that_outlives_its_scope(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A thread that runs on after its scope is LT103 at the line that started it."""
    stop = threading.Event()
    with watching.scope("job"):
        thread = threading.Thread(target=stop.wait)
        thread.start()  # site: thread
    findings = watching.find_leaks()
    stop.set()
    thread.join()
    assert [(found.rule, found.resource.type) for found in findings] == [("LT103", "threading.Thread")]
    assert "# site: thread" in line_of(findings[0])


def test_thread_that_is_just_ending(watching: Tracker) -> None:
    """A thread that ends within its grace is no leak, though nobody joined it."""
    with watching.scope("job"):
        threading.Timer(0.05, int).start()
    assert watching.find_leaks() == []


def test_thread_that_was_joined(watching: Tracker) -> None:
    """A joined thread is released; one that was never started is no resource."""
    with watching.scope("job"):
        threading.Thread(target=int)
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    assert watching.find_leaks() == []
    totals = {total.type: total for total in watching.snapshot().types}["threading.Thread"]
    assert (totals.acquired, totals.released, totals.live) == (1, 1, 0)


def test_daemon_thread_at_exit(run_python: RunPython) -> None:
    """A daemon thread ends with the process by design."""
    code = (
        "import lifetrack, threading\n"
        "lifetrack.start(policy='record', watch='threading')\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    done = run_python(code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


# -- processes and folders have states of their own ------------------------------------------------------------------


def test_process_that_was_only_polled(watching: Tracker) -> None:
    """A process whose end poll() or communicate() has seen is released; a timeout is no release."""
    with watching.scope("job"):
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
        live = of_type(watching.find_leaks(), KINDS["process"])
        process.communicate(b"\n")
    assert live == [("LT101", "subprocess.Popen")]
    assert watching.find_leaks() == []


def test_process_of_asyncio(watching: Tracker) -> None:
    """The event loop waits for its processes in its own way; in a cycle or not, one that it saw end is released."""

    async def main() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdout=asyncio.subprocess.PIPE)
        await process.communicate()

    asyncio.run(main())
    ring: list[Any] = [subprocess.Popen([sys.executable, "-c", ""])]
    ring.append(ring)
    _, status = os.waitpid(ring[0].pid, 0)
    ring[0].returncode = status
    del ring
    gc.collect()
    assert watching.find_leaks() == []


def test_constructor_that_raises(watching: Tracker) -> None:
    """What could not be made is no resource."""
    with watching.scope("job"):
        with pytest.raises(FileNotFoundError):
            subprocess.Popen(["/no/such/program"], stdout=subprocess.PIPE)
        with pytest.raises(FileNotFoundError):
            open("/no/such/file", encoding="utf-8")
        with pytest.raises(sqlite3.OperationalError):
            sqlite3.connect("/no/such/folder/file")
        with pytest.raises(FileNotFoundError):
            tempfile.TemporaryDirectory(dir="/no/such/folder")
    gc.collect()
    assert watching.find_leaks() == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="delete=False came with Python 3.12")
def test_folder_that_shall_stay(watching: Tracker) -> None:
    """A temporary directory made with delete=False is nobody's duty."""
    options: dict[str, Any] = {"delete": False}
    with tempfile.TemporaryDirectory() as parent, watching.scope("job"):
        folder = tempfile.TemporaryDirectory(dir=parent, **options)
    del folder
    gc.collect()
    assert watching.find_leaks() == []


def test_subclass_is_named_by_its_own_name(watching: Tracker) -> None:
    """Objects of a subclass are watched too, under the name of the subclass."""

    class Worker(threading.Thread):
        pass

    class Channel(socket.socket):
        def close(self) -> None:
            super().close()

    with watching.scope("job"):
        worker = Worker(target=int)
        worker.start()
        worker.join()
        Channel().close()
        channel = Channel()
    findings = watching.find_leaks()
    channel.close()
    assert [found.resource.type.rpartition(".")[2] for found in findings] == ["Channel"]


def test_declared_subclass_is_its_users(watching: Tracker) -> None:
    """A class that its user declares is judged as declared, though its base class is watched."""

    @watching.tracked(release="stop")
    class Worker(threading.Thread):
        def stop(self) -> None:
            self.join()

    worker = Worker(target=int)
    worker.start()
    worker.stop()
    names = [total.type for total in watching.snapshot().types]
    assert watching.find_leaks() == []
    assert sum(name.endswith("Worker") for name in names) == 1


def test_types_that_come_and_go(watching: Tracker) -> None:
    """The address of a class that is gone is soon another's, which has an account of its own."""
    for number in range(20):
        for left in (False, True):
            cls = type(f"Server{number}{left}", (socketserver.TCPServer,), {})
            server = cls(("127.0.0.1", 0), socketserver.BaseRequestHandler)
            if not left:
                server.server_close()
            del server, cls
            gc.collect()
    types = [found.resource.type.rpartition(".")[2] for found in watching.find_leaks()]
    assert [name for name in types if "Server" in name] == [f"Server{number}True" for number in range(20)]
