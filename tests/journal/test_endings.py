"""Every way in which a process can end without a word, and what its journal tells of it."""

from __future__ import annotations

import signal

import pytest

from lifetrack.journal.nouns import Owner
from tests.journal.conftest import Runs

TRACKED = """
import ctypes, os, signal, sys, threading
import lifetrack

@lifetrack.tracked
class Conn:
    def __init__(self, name):
        self.name = name
    def close(self):
        pass

first, second = Conn("a"), Conn("b")
second.close()
kept = open(__file__)
"""
ENDS = {
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "lost"),
    "os._exit": ("os._exit(3)", 3, "lost"),
    "crashed": ("ctypes.string_at(0)", -signal.SIGSEGV, "lost"),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "signal"),
    "left": ("sys.exit(4)", 4, "exit"),
    "failed": ("raise KeyError", 1, "exception"),
    "ended": ("pass", 0, "normal"),
}


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_a_killed_process_tells_what_was_open(runs: Runs, level: str) -> None:
    """The totals are exact at every level, and the site is told from level sites on."""
    _, _, status = runs.run(TRACKED + ENDS["killed"][0], "--level", level)
    report = runs.report()
    assert status == -signal.SIGKILL
    assert (report.process.ending, report.level) == ("lost", level)
    assert {row.type: (row.acquired, row.released, row.live) for row in report.types} == {
        "__main__.Conn": (2, 1, 1),
        "_io.TextIOWrapper": (1, 0, 1),
    }
    assert report.totals.live == 2
    sites = {finding.resource.type: finding.site for finding in report.findings}
    if level == "counts":
        assert set(sites.values()) == {None}
    else:
        assert {name: site and site.line for name, site in sites.items()} == {
            "__main__.Conn": 12,
            "_io.TextIOWrapper": 14,
        }
    assert report.tracker.complete


@pytest.mark.parametrize("how", ENDS)
def test_the_ending_is_told(runs: Runs, how: str) -> None:
    """The status is the program's own, the ending is told, and what was open is the same whichever it was."""
    code, expected, ending = ENDS[how]
    _, _, status = runs.run(TRACKED + code, "--level", "sites")
    report = runs.report()
    assert (status, report.process.ending) == (expected, ending)
    assert sorted(finding.resource.type for finding in report.findings) == ["__main__.Conn", "_io.TextIOWrapper"]
    assert report.process.command[0].endswith("program0.py")
    certainty = "proven" if ending in ("normal", "exit", "exception") else "suspected"
    assert {finding.certainty.word for finding in report.findings} == {certainty}


def test_the_owner_the_scope_and_the_thread_are_told(runs: Runs) -> None:
    """The last owner, the scope that it was acquired in, its thread and its further events stand in the journal."""
    runs.run(
        TRACKED + "pool = lifetrack.Owner('pool')\n"
        "lifetrack.transfer(first, to=pool)\n"
        "def work():\n"
        "    global third\n"
        "    with lifetrack.scope('import job'):\n"
        "        third = Conn('c')\n"
        "        with lifetrack.borrow(third):\n"
        "            os._exit(0)\n"
        "threading.Thread(target=work, name='importer').start()\n"
    )
    given, borrowed = runs.open("Conn")
    assert (given.owner, given.thread) == (Owner("pool", "Owner"), "MainThread")
    assert [(event.word, event.about) for event in given.events] == [("transferred", Owner("pool", "Owner"))]
    assert (borrowed.owner, borrowed.thread) == (Owner("import job", "scope", "import job"), "importer")
    assert [(event.word, event.thread) for event in borrowed.events] == [("borrowed", "importer")]
    assert [site.function for site in borrowed.stack][:1] == ["work"]
    finding = next(each for each in runs.report().findings if each.owner.name == "pool")
    assert [event.event for event in finding.events] == ["acquired", "transferred"]
    assert finding.events[1].detail == "to Owner 'pool'"


def test_the_thread_of_a_release_is_told(runs: Runs) -> None:
    """Who released what is used afterwards may be another thread; the dead process tells which."""
    runs.run(
        "import lifetrack, os, threading\n"
        "@lifetrack.tracked\n"
        "class Conn:\n"
        "    def close(self): pass\n"
        "conn = Conn()\n"
        "closer = threading.Thread(target=conn.close, name='the closer')\n"
        "closer.start(); closer.join()\n"
        "os._exit(0)\n",
        "--watch",
        "",
        "--level",
        "stacks",
    )
    (held,) = runs.book().resources
    assert (held.thread, held.end[1]) == ("MainThread", "the closer")


def test_findings_are_told_as_they_were_filed(runs: Runs) -> None:
    """A misuse, a collected resource and a failed release stand in the journal when the process is killed."""
    runs.run(
        TRACKED + "second.close()\n"
        "Conn('dropped')\n"
        "class Bad(Conn):\n"
        "    def close(self):\n"
        "        raise OSError\n"
        "bad = Bad('d')\n"
        "try:\n"
        "    bad.close()\n"
        "except OSError:\n"
        "    pass\n"
        "os._exit(0)\n"
    )
    report = runs.report()
    rules = {finding.rule: finding for finding in report.findings}
    assert set(rules) == {"LT101", "LT102", "LT105", "LT202"}
    assert [event.stack[0].line for event in rules["LT202"].events] == [12, 13, 15]
    assert rules["LT102"].site is not None
    assert rules["LT102"].site.line == 16
    assert "OSError" in rules["LT105"].message


def test_a_task_is_told(runs: Runs) -> None:
    """What a task of asyncio acquires names the task."""
    runs.run(
        TRACKED + "import asyncio\n"
        "async def main():\n"
        "    async def work():\n"
        "        globals()['third'] = Conn('c')\n"
        "        os._exit(0)\n"
        "    await asyncio.create_task(work(), name='the job')\n"
        "asyncio.run(main())\n"
    )
    assert [held.task for held in runs.open("Conn")] == [None, "the job"]


def test_labels_are_told_and_secret_ones_are_not(runs: Runs) -> None:
    """A label that was given stands in the journal; that of a secret resource does not, nor does any value."""
    runs.run(
        TRACKED + "lifetrack.track(first, label='main line')\n"
        "@lifetrack.tracked(secret=True, label='key of production')\n"
        "class Key(Conn):\n"
        "    pass\n"
        "key = Key('a-secret-value')\n"
        "os._exit(0)\n"
    )
    assert [held.label for held in runs.open("Conn")] == ["main line"]
    assert [held.label for held in runs.open("Key")] == [None]
    data = runs.journal.read_bytes()
    assert b"main line" in data
    assert b"a-secret-value" not in data
    assert b"key of production" not in data
