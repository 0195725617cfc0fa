"""Honest accounts: what could not be tracked, what was there before tracking began, and why."""

from __future__ import annotations

import gc
import json
import os
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.reports.model import Report
    from lifetrack.tracker import Tracker
    from tests.conftest import RunPython

SINCE = "acquired before tracking began, and released since"
ALIVE = "alive without a record: acquired before tracking began, or not by its constructor"
CLOSED, OPEN = "open before tracking began, closed since", "open before tracking began, and still"


def told(report: Report, word: str) -> dict[str, dict[str, int]]:
    """What is unseen of the types with this word in their name: by type, then by reason."""
    found: dict[str, dict[str, int]] = {}
    for each in report.tracker.unseen:
        if word in each.type:
            found.setdefault(each.type, {})[each.why] = each.count
    return found


def test_objects_of_a_declared_class(tracker: Tracker, make_class: Callable[[], Any]) -> None:
    """One from before that is released, and one that is alive, are counted; what was recorded is not."""
    cls = tracker.tracked(make_class())
    first, second = cls(), cls()
    tracker.start(policy="record", report=False)
    first.close()
    first.close()
    third, fourth = cls(), cls()
    fourth.close()
    report = tracker.report()
    (counts,) = told(report, cls.__qualname__).values()
    assert counts == {SINCE: 1, ALIVE: 1}
    assert (report.totals.unknown, report.totals.acquired) == (2, 2)
    assert report.totals.unknown == sum(each.count for each in report.tracker.unseen)
    third.close()
    del second
    gc.collect()
    (counts,) = told(tracker.report(), cls.__qualname__).values()
    assert counts == {SINCE: 1}


def test_objects_of_subclasses_from_before(tracker: Tracker, make_class: Callable[[], Any]) -> None:
    """Those of subclasses count, at any depth and once each, whatever their metaclass says of it; others do not."""

    class Hiding(type):
        """Its classes say that they have no subclasses."""

        def __subclasses__(cls) -> list[type]:
            return []

    class Hashless(type):
        """Its classes have no hash."""

        def __eq__(cls, other: object) -> bool:
            raise NotImplementedError

    base = Hiding("Base", (make_class(),), {})
    left = Hiding("Left", (base,), {})
    right = Hiding("Right", (base,), {})
    both = Hiding("Both", (left, right), {})
    stranger = Hashless("Stranger", (), {})()
    kept = [base(), left(), both(), both(), stranger]
    tracker.tracked(base)
    tracker.start(policy="record", report=False)
    found = {name.rpartition(".")[2]: counts for name, counts in told(tracker.report(), "").items()}
    assert found == {"Base": {ALIVE: 1}, "Left": {ALIVE: 1}, "Both": {ALIVE: 2}}
    for each in kept[:-1]:
        each.close()


def test_subclasses_of_watched_classes_from_before(tracker: Tracker) -> None:
    """An executor whose class is a grandchild of the watched one is found; one shut down, and no thread's, is not."""

    class Pool(ThreadPoolExecutor):
        pass

    class Deeper(Pool):
        pass

    kept, done = Deeper(1), Deeper(1)
    done.shutdown()
    tracker.start(policy="record", watch="concurrent", report=False)
    found = told(tracker.report(), "Deeper")
    kept.shutdown()
    assert [*found.values()] == [{ALIVE: 1}]


def test_a_report_that_nobody_reads(tracker: Tracker, make_class: Callable[[], Any]) -> None:
    """It is made without a look at everything in memory."""
    kept = tracker.tracked(make_class())()
    tracker.start(policy="record", report=False)
    assert told(tracker.final_report(in_full=False), "") == {}
    assert [*told(tracker.final_report(), "").values()] == [{ALIVE: 1}]
    kept.close()


def test_threads_and_executors(tracker: Tracker) -> None:
    """Watched classes too: a thread is seen to end, an executor to be shut down, and what goes on is alive."""
    stop = threading.Event()
    thread, other = threading.Thread(target=stop.wait), threading.Thread(target=stop.wait)
    thread.start()
    pool, kept = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    tracker.start(policy="record", watch="threading,concurrent", report=False)
    first = told(tracker.report(), "ThreadPoolExecutor")
    pool.shutdown()
    other.start()
    stop.set()
    thread.join()
    other.join()
    report = tracker.report()
    name = "concurrent.futures.thread.ThreadPoolExecutor"
    assert first == {name: {ALIVE: 2}}
    assert told(report, "ThreadPoolExecutor") == {name: {SINCE: 1, ALIVE: 1}}
    assert told(report, "threading.Thread") == {"threading.Thread": {SINCE: 1}}
    assert {row.type: row.acquired for row in report.types} == {"threading.Thread": 1}
    kept.shutdown()


def test_a_temporary_folder(tracker: Tracker) -> None:
    """A folder from before, cleaned up twice, counts once."""
    folder = tempfile.TemporaryDirectory()
    tracker.start(policy="record", watch="tempfile", report=False)
    assert told(tracker.report(), "Temporary") == {"tempfile.TemporaryDirectory": {ALIVE: 1}}
    folder.cleanup()
    folder.cleanup()
    assert told(tracker.report(), "Temporary") == {"tempfile.TemporaryDirectory": {SINCE: 1}}


@pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd") and not os.path.isdir("/dev/fd"), reason="no list of descriptors"
)
def test_files_and_sockets(run_python: RunPython, tmp_path: Any) -> None:
    """Their descriptors are known from one look at the start; standard streams and inherited ones are not counted."""
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    program = tmp_path / "program.py"
    program.write_text(
        "import lifetrack, os, socket\n"
        "one, two, three = (open(__file__) for _ in range(3))\n"
        "near, far = socket.socketpair()\n"
        "raw = os.open(__file__, os.O_RDONLY)\n"
        "lifetrack.start(watch='stdlib', report='report.json', policy='record')\n"
        "one.close()\n"
        "near.close()\n"
        "os.close(raw)\n"
        "with open(__file__):\n"
        "    pass\n"
    )
    done = run_python(program, cwd=tmp_path)
    os.close(inherited)
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.stderr == ""
    assert {(each["type"], each["why"]): each["count"] for each in report["tracker"]["unseen"]} == {
        ("file descriptor", CLOSED): 2, ("file descriptor", OPEN): 2,
        ("socket descriptor", CLOSED): 1, ("socket descriptor", OPEN): 1,
    }  # fmt: skip
    assert report["totals"]["unknown"] == 6


def test_a_watched_program_from_its_start(run_python: RunPython) -> None:
    """Under the command nothing is from before, in children neither; what threads and loops make inside is recorded."""
    program = (
        "import asyncio, concurrent.futures, logging, multiprocessing, os, threading\n"
        "asyncio.run(asyncio.to_thread(int))\n"
        "queue = multiprocessing.Queue(); queue.put(1); queue.get(); queue.close(); queue.join_thread()\n"
        "with concurrent.futures.ThreadPoolExecutor() as pool: pool.submit(int)\n"
        "inherited = open(os.devnull)\n"
        "pid = os.fork()\n"
        "inherited.close()\n"
        "if pid: os.waitpid(pid, 0)\n"
    )
    done = run_python("", "run", "--children", "-c", program, python_flags=["-m", "lifetrack"])
    assert "before" not in done.stderr, done.stderr
    assert "no findings" in done.stderr


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # a worker of pytest-xdist has threads
def test_a_forked_child_tells_its_own(tracker: Tracker, make_class: Callable[[], Any]) -> None:
    """What its parent had from before is the parent's to tell."""
    cls = tracker.tracked(make_class())
    kept = [cls(), socket.socket()]
    tracker.start(policy="record", watch="socket", report=False)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, bytes([tracker.report().totals.unknown]))
        os._exit(0)
    os.waitpid(pid, 0)
    number = os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    kept[1].close()
    assert number == b"\0"


def test_what_cannot_be_tracked(tracker: Tracker) -> None:
    """The reason stands in the text below the totals and in JSON, and such an object counts nowhere else."""
    kept = (sqlite3.Connection,)  # where its name is not exchanged
    tracker.start(policy="record", watch="sqlite3", report=False)
    connection = sqlite3.connect(":memory:", factory=lambda *args, **more: kept[0](*args, **more))
    with tracker.scope("job"):
        leaked: Any = sqlite3.connect(":memory:")
    report = tracker.report()
    connection.close()
    leaked.close()
    assert report.totals.untrackable == 1
    assert [(row.type, row.acquired, row.released) for row in report.types] == [("sqlite3.Connection", 1, 0)]
    why = "made by a factory that is no class of its own"
    assert f"Not seen: 1 object that could not be tracked.\n   1 x sqlite3.Connection: {why}\n" in report.to_text()
    assert json.loads(report.to_json())["tracker"]["unseen"] == [
        {"what": "untrackable", "type": "sqlite3.Connection", "count": 1, "why": why}
    ]


def test_a_report_that_is_read_back_or_merged(tracker: Tracker, make_class: Callable[[], Any], tmp_path: Any) -> None:
    """The account survives a file, is valid against the schema, and is summed when reports are merged."""
    jsonschema = pytest.importorskip("jsonschema")
    from lifetrack.reports.json_report import load, schema
    from lifetrack.reports.merging import merged

    cls = tracker.tracked(make_class())
    kept = cls()
    tracker.start(policy="record", report=False)
    report = tracker.report()
    report.write(tmp_path / "report.json")
    del kept
    again = load(tmp_path / "report.json")
    jsonschema.validate(json.loads(report.to_json()), schema())
    assert again.tracker.unseen == report.tracker.unseen != ()
    both = merged(report, [again])
    assert [(each.type, each.count) for each in both.tracker.unseen] == [(report.tracker.unseen[0].type, 2)]
    assert both.totals.unknown == 2


def test_one_line_is_enough(tracker: Tracker, make_class: Callable[[], Any]) -> None:
    """Where nothing was found the line says how many there were, and no more."""
    cls = tracker.tracked(make_class())
    kept = cls()
    tracker.start(policy="record", report=False)
    assert tracker.report().to_text() == "lifetrack: no findings; 0 acquired, 0 released, 1 from before\n"
    kept.close()


def test_what_it_costs(tracker: Tracker) -> None:
    """The look at the start is a few microseconds for each descriptor; the other is made for a report only."""
    from lifetrack.earlier import Earlier

    files = [open(__file__) for _ in range(20)]
    best = min(_seconds(Earlier) for _ in range(20))
    for file in files:
        file.close()
    assert best < 0.005


def _seconds(function: Callable[[], object]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun
