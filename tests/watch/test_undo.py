"""Undo is exact: names, modules and classes are what they were, by identity."""

from __future__ import annotations

import asyncio
import builtins
import gc
import importlib.util
import io
import os
import selectors
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import tokenize
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.values.errors import ConfigurationError
from lifetrack.watchers.table import TABLE

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker

TOUCHED: list[Any] = [
    builtins, io, os, sys.modules["_io"], sys.modules["posix"], tokenize, socket, sqlite3,
    sqlite3.dbapi2, subprocess, tempfile, threading,
    socket.socket, socket.SocketIO, sqlite3.Connection, subprocess.Popen, threading.Thread, tempfile.TemporaryDirectory,
]  # fmt: skip


#: Whose rows need a module that this system lacks.
ABSENT = {row.module for row in TABLE if importlib.util.find_spec(row.module) is None}


def everything() -> list[dict[str, int]]:
    """Every attribute of what is touched, by identity: of each row of the table its module and its class."""
    ignored = {"_", "__warningregistry__"}
    touched = list(TOUCHED)
    for row in TABLE:
        if row.module not in ABSENT:
            module = importlib.import_module(row.module)
            touched += [module, getattr(module, row.name)] if isinstance(getattr(module, row.name), type) else [module]
    return [{name: id(value) for name, value in vars(each).items() if name not in ignored} for each in touched]


def test_every_attribute_is_restored(tracker: Tracker) -> None:
    """After stop() every touched module and class has the very attributes that it had."""
    before, finders = everything(), list(sys.meta_path)
    tracker.start("stacks", policy="record", watch="stdlib", report=False)
    during = everything()
    tracker.stop()
    assert everything() == before
    assert sys.meta_path == finders
    # The test can fail: while watching, all but the untouchable class differ.
    assert sum(one != other for one, other in zip(before, during, strict=True)) >= 40


def test_a_program_that_replaced_something_keeps_it(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program has put there meanwhile is its own."""
    mine = lambda *args: None  # noqa: E731 - only its identity matters
    original = socket.socket.close
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    monkeypatch.setattr(socket.socket, "close", mine)
    tracker.stop()
    assert socket.socket.close is mine
    monkeypatch.undo()
    socket.socket.close = original  # type: ignore[method-assign]


def test_trackers_stop_in_any_order(tracker: Tracker) -> None:
    """Two trackers watch at the same time, each finds the leak, and the last one to stop restores."""
    from lifetrack.tracker import Tracker as AnotherTracker

    before = everything()
    other = AnotherTracker()
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    other.start("stacks", policy="record", watch="io", report=False)
    file, sock = open(__file__, "rb"), socket.socket()
    found = [[finding.resource.type for finding in each.find_leaks()] for each in (tracker, other)]
    tracker.stop()
    left = [finding.resource.type for finding in other.find_leaks()]
    file.close()
    sock.close()
    assert other.find_leaks() == []
    other.stop()
    assert found == [["_io.BufferedReader", "socket.socket"], ["_io.BufferedReader"]]
    assert left == ["_io.BufferedReader"]
    assert everything() == before


def test_watching_one_kind(tracker: Tracker) -> None:
    """watch() of one name watches that alone, and its undo undoes that alone."""
    before = everything()
    tracker.start("sites", policy="record", report=False)
    undo = tracker.watch("socket")
    with tracker.watch("io"), open(__file__, "rb"), socket.socket():
        assert [finding.resource.type for finding in tracker.find_leaks()] == ["_io.BufferedReader", "socket.socket"]
    undo()
    with open(__file__, "rb"), socket.socket():
        assert tracker.find_leaks() == []
    tracker.stop()
    assert everything() == before


def test_watch_before_start(tracker: Tracker) -> None:
    """A watch that was asked for while tracking is off begins with the tracking."""
    tracker.watch("io")
    with open(__file__, "rb"):
        tracker.start("sites", policy="record", report=False)
        assert tracker.find_leaks() == []
    with open(__file__, "rb"):
        assert len(tracker.find_leaks()) == 1


def test_a_changed_level_keeps_what_is_live(tracker: Tracker) -> None:
    """Changing the level while tracking loses no watched resource."""
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    file = open(__file__, "rb")
    tracker.start("stacks", policy="record", report=False)
    sock = socket.socket()
    found = [finding.resource.type for finding in tracker.find_leaks()]
    file.close()
    sock.close()
    assert found == ["_io.BufferedReader", "socket.socket"]
    assert tracker.find_leaks() == []


def test_files_that_outlive_the_tracking(tracker: Tracker) -> None:
    """What was open when tracking stopped goes on as if nothing had been."""
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    file, sock, connection = open(__file__, "rb"), socket.socket(), sqlite3.connect(":memory:")
    tracker.stop()
    assert file.read(1)
    file.close()
    sock.close()
    connection.close()
    assert file.closed
    assert sock.fileno() == -1
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("select 1")


def test_names_taken_before_and_after(run_python: RunPython) -> None:
    """``from … import`` before or after the start makes no difference; nothing is imported by watching."""
    code = """from io import open as early
import sys, lifetrack
lifetrack.start("sites", policy="record", report=False)
before = set(sys.modules)
lifetrack.watch("stdlib")
print([name for name in set(sys.modules) - before if not name.startswith("lifetrack")])
from io import open as late
from socket import socket
from sqlite3 import connect
from sqlite3.dbapi2 import connect as connect_too
import sqlite3, tempfile, subprocess
kept = [early("/dev/null"), late("/dev/null"), socket(), connect(":memory:"), connect_too(":memory:")]
print([finding.resource.type for finding in lifetrack.find_leaks()])
print(type(sqlite3.__loader__).__name__, sorted(vars(sqlite3.__loader__)))
for each in kept: each.close()
lifetrack.stop()
print(early is late is open, any("lifetrack" in type(finder).__module__ for finder in sys.meta_path))
"""
    done = run_python(code)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "[]",
        "['_io.TextIOWrapper', '_io.TextIOWrapper', 'socket.socket', 'sqlite3.Connection', 'sqlite3.Connection']",
        "SourceFileLoader ['name', 'path']",
        "True False",
    ]


@pytest.mark.parametrize("names", ["nonsense", ["io", "nonsense"], "io,nonsense", 5, [5]])
def test_unknown_names(names: Any, tracker: Tracker) -> None:
    """An unknown name is refused before anything has changed, and the known ones are named."""
    before = everything()
    with pytest.raises(ConfigurationError) as caught:
        tracker.start("sites", watch=names, report=False)
    assert not tracker.is_tracking()
    assert everything() == before
    if names not in (5, [5]):
        assert "stdlib, io" in str(caught.value)


def test_unknown_name_on_the_command_line(run_python: RunPython) -> None:
    """On the command line that is bad usage: exit 2 and one line."""
    done = run_python("", "run", "--watch", "nonsense", "-c", "pass", python_flags=["-m", "lifetrack"])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nonsense" in done.stderr


def test_wrappers_are_gone_with_the_last_who_watched(tracker: Tracker) -> None:
    """What was learned of a wrapper while it released something does not keep its code."""
    tracker.start("stacks", policy="record", watch="stdlib", report=False)
    asyncio.new_event_loop().close()
    names = [(asyncio.selector_events, "BaseSelectorEventLoop"), (selectors, "_BaseSelectorImpl")]
    wrappers = [weakref.ref(getattr(module, name).close.__code__) for module, name in names]
    assert all("lifetrack" in reference().co_filename for reference in wrappers)
    tracker.stop()
    gc.collect()
    assert not any(reference() for reference in wrappers)
