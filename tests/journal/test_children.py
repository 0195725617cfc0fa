"""Child processes: each has a journal of its own beside that of its parent, and none writes into another one's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lifetrack.journal.files import siblings_of
from lifetrack.journal.format import CELL, LAST, TEXT, Table
from lifetrack.journal.names import Names
from lifetrack.journal.scanning import read_book
from lifetrack.reports.reading import load
from lifetrack.tracker import Tracker
from tests.journal.conftest import Runs

HEAD = """
import ctypes, multiprocessing, os, signal, subprocess, sys
import lifetrack

@lifetrack.tracked
class Conn:
    def __init__(self, name):
        self.name = name
    def close(self):
        pass

kept = []
def end(how):
    kept.append(Conn(how))
    Conn("closed").close()
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "crash":
        ctypes.string_at(0)
    os._exit(0)

def fork(how):
    pid = os.fork()
    if pid == 0:
        end(how)
    os.waitpid(pid, 0)
"""


def test_lost_children_are_told_from_their_journals(runs: Runs) -> None:
    """What children had open that were killed, crashed or left by os._exit stands in the report of the parent."""
    _, err, status = runs.run(
        HEAD + "for how in ('kill', 'crash', 'exit'):\n    fork(how)\n", "--children", "--report", "report.json"
    )
    assert status == 0
    assert "LT101 leak-at-exit (suspected): 3 x __main__.Conn" in err
    assert err.count("Lost: process") == 3
    assert "__main__.Conn         6         3     3" in err


def test_the_journal_counts_what_the_report_counts(runs: Runs) -> None:
    """What we open ourselves when the process ends, such as the reports of children, is in neither."""
    runs.run(
        "import subprocess, sys\nfor _ in range(3):\n    subprocess.run([sys.executable, '-c', 'pass'])\n",
        "--children", "--report", f"{runs.folder}/report.json",
    )  # fmt: skip
    reported, told = load(str(runs.folder / "report.json")), runs.report()
    counts = {row.type: (row.acquired, row.released, row.live) for row in reported.types}
    assert counts["subprocess.Popen"] == (3, 3, 0)
    assert {row.type: (row.acquired, row.released, row.live) for row in told.types} == counts


def test_a_child_that_is_forked_after_the_end_has_all_names(tmp_path: Path, tracker: Tracker) -> None:
    """Its journal has the names that its parent had written down, though that one is over."""
    tracker.start("stacks", policy="record", report=False, journal=tmp_path / "a.journal")
    made = tracker.tracked(type("Conn", (), {"close": lambda self: None}))
    kept = [made() for _ in range(2)]
    tracker.final_report()
    journal: Any = tracker.ledger.journal  # type: ignore[union-attr]
    journal.begin_in_fork()
    journal.begin_in_child()
    kept.append(made())
    (beside,) = siblings_of(str(tmp_path / "a.journal"))
    (held,) = read_book(beside).resources
    assert held.stack[0].function == "test_a_child_that_is_forked_after_the_end_has_all_names"
    assert len(kept) == 3


def test_a_spawned_child_writes_too(runs: Runs) -> None:
    """A child that is another Python has its own journal, whatever way it was started."""
    runs.run(
        HEAD + "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=end, args=('kill',))\n"
        "    child.start()\n"
        "    child.join()\n"
        "    subprocess.run([sys.executable, '-c', 'import os; kept = open(os.devnull); os._exit(0)'])\n"
        "    os._exit(0)\n",
        "--children",
    )
    report = runs.report()
    assert len(report.processes) == 2
    assert {process.ending for process in report.processes} == {"lost"}
    assert sorted(finding.resource.type for finding in report.findings) == ["__mp_main__.Conn", "_io.TextIOWrapper"]


def test_a_forked_child_does_not_write_into_its_parents_journal(runs: Runs) -> None:
    """Neither with children followed nor without: the parent's account is its own, also of what the child releases."""
    for options in ((), ("--children",)):
        runs.run(
            HEAD + "mine = Conn('mine')\n"
            "later = Conn('later')\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    kept.extend(Conn('of the child') for _ in range(3000))\n"
            "    mine.close()\n"
            "    del kept[:]\n"
            "    os._exit(0)\n"
            "os.waitpid(pid, 0)\n"
            "later.close()\n"
            "os._exit(0)\n",
            "--policy",
            "record",
            *options,
        )
        (row,) = [each for each in runs.book().kinds if each.name.endswith("Conn")]
        assert (row.acquired, len(runs.open("Conn"))) == (2, 1)
        found = siblings_of(str(runs.journal))
        assert len(found) == len(options)
        for path in found:
            os.unlink(path)


def test_the_journal_of_a_child_that_left_nothing_is_taken_away(runs: Runs) -> None:
    """A child that ends in order with nothing open and nothing found needs no journal any more."""
    runs.run(
        HEAD + "pid = os.fork()\nif pid == 0:\n    Conn('closed').close()\n    sys.exit(0)\nos.waitpid(pid, 0)\n",
        "--children",
    )
    assert siblings_of(str(runs.journal)) == []


def test_two_programs_with_one_journal_write_side_by_side(runs: Runs) -> None:
    """While one is at work, another with the same file name writes beside it, and both are told in one report."""
    first = runs.begin(
        HEAD + "a = Conn('a')\nprint('ready', flush=True)\nsys.stdin.read()\nimport time\ntime.sleep(60)"
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n"
    runs.run(HEAD + "b = Conn('b')\nos._exit(0)")
    report = runs.report()
    assert [process.ending for process in (report.process, *report.processes)] == ["normal", "lost"]
    assert report.totals.live == 2
    first.kill()
    first.wait()
    runs.run(HEAD + "b = Conn('b')\nos._exit(0)")  # the first is over: its journals make room
    assert siblings_of(str(runs.journal)) == []
    assert runs.report().totals.live == 1


def test_what_the_parent_writes_after_the_fork_is_not_the_childs() -> None:
    """A child copies the names of before the fork alone: later ones of its parent have the numbers of its own."""
    table = Table(0, 64, CELL.size)
    parents, childs = bytearray(64 * CELL.size), bytearray(64 * CELL.size)
    names = Names()
    names.begin(parents, table, lambda step, end: None, lambda: False)
    names.text("before")
    names.pause()  # as in the forked child
    assert names.text("not written anywhere") == 0
    CELL.pack_into(parents, table.place(1), 2, 0, 6, TEXT | LAST, 0, b"parent")
    names.resume(parents, childs, table)
    names.text("child")
    cells = [CELL.unpack_from(childs, table.place(place)) for place in range(64)]
    written = {cell[0]: cell[5].rstrip(b"\0") for cell in cells if cell[0]}
    assert sum(1 for cell in cells if cell[0]) == len(written) == 2
    assert sorted(written.values()) == [b"before", b"child"]
