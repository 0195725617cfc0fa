"""``lifetrack top`` and reading a journal that is being written."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.conftest import RunPython
from tests.journal.conftest import Runs

BUSY = """
import os, socket, sys, time
kept = [socket.socket() for _ in range(3)]
print("ready", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    with open(os.devnull):
        pass
"""


def test_a_running_process_is_shown_without_touching_it(runs: Runs, run_python: RunPython) -> None:
    """By its number or its journal: what is live, where it was acquired, ages and rates; again and again."""
    process = runs.begin(BUSY)
    assert process.stdout is not None
    process.stdout.readline()
    for subject in (str(runs.journal), _python_of(process)):
        out, err, status = run_python("", "top", subject, "--once", python_flags=["-m", "lifetrack"])
        assert (err, status) == ("", 0)
        head, _, heads, *rows = out.splitlines()
        assert "at work" in head
        assert "program0.py" in head
        assert heads.split()[:3] == ["LIVE", "PER", "SECOND"]
        (row,) = [line.split() for line in rows if "socket.socket" in line]
        assert row[0] == "3"
        assert row[-1].endswith("program0.py:3")
    for _ in range(10):
        book = runs.book()
        assert sum(held.is_open for held in book.resources if held.kind.name == "socket.socket") == 3
    before = sum(kind.acquired for kind in book.kinds)
    deadline = time.monotonic() + 30
    while sum(kind.acquired for kind in runs.book().kinds) <= before:
        assert time.monotonic() < deadline
    assert runs.report().process.ending == "normal"
    assert process.poll() is None
    process.kill()
    process.wait()
    out, _, _ = run_python("", "top", str(runs.journal), "--once", python_flags=["-m", "lifetrack"])
    assert "ended (lost)" in out


def _python_of(process: subprocess.Popen[str]) -> str:
    return str(process.pid)


def test_what_has_no_journal_is_one_clear_error(run_python: RunPython) -> None:
    """A process without a journal, one that is not there, a file that is none, an interval that is none."""
    import os

    for words, said in {
        (str(os.getpid()),): "writes no journal",
        ("99999999",): "there is no process 99999999",
        (sys.executable,): "it is not a lifetrack journal",
        ("none.journal",): "there is no such file",
        ("x", "--interval", "0"): "--interval '0'",
    }.items():
        _, err, status = run_python("", "top", *words, "--once", python_flags=["-m", "lifetrack"])
        assert status == 2
        assert said in err
        assert err.count("\n") == 1
