"""A journal of a test run: a run that is lost is told by it, and each worker writes its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lifetrack as lt
from lifetrack.journal.files import siblings_of
from lifetrack.journal.reading import load
from lifetrack.reports.model import Report

if TYPE_CHECKING:
    from conftest import Run

SUITE = """
from resources import *
import os
def test_leaky(): keep()
def test_crash():
    Backend().close()
    backend = Backend()
    os._exit(3)
"""


def told(path: Path) -> list[tuple[str, str, str | None]]:
    """Give the findings of a journal: rule, certainty, test."""
    found = load(os.fspath(path)).findings
    return [(each.rule, each.certainty.word, (each.test or "").rpartition("::")[2]) for each in found]


def test_a_lost_run_is_told_by_its_journal(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ``os._exit`` in a test the journal has what was found before, and what was open in the test that ran.

    It is switched on by the environment alone, for which tracking begins at the import already.
    """
    for name, value in ("", "sites"), ("_WATCH", ""), ("_JOURNAL", "tests.journal"), ("_JOURNAL_SIZE", "256K"):
        monkeypatch.setenv(f"LIFETRACK{name}", value)
    pytester.makepyfile(SUITE)
    assert run(flag=False, fresh=True).ret == 3
    path = pytester.path / "tests.journal"
    assert told(path) == [("LT103", "proven", "test_leaky"), ("LT101", "suspected", "test_crash")]
    report: Report = load(os.fspath(path))
    assert report.process.ending == "lost"
    assert (report.totals.acquired, report.totals.released, path.stat().st_size) == (3, 1, 256 * 1024)


def test_each_worker_writes_its_own(pytester: pytest.Pytester, run: Run) -> None:
    """A worker that is lost leaves its journal beside the controller's; one that has nothing to tell leaves none."""
    pytest.importorskip("xdist")
    pytester.makepyfile(SUITE.replace("keep()", "Backend().close()"))
    run("-n", "2", "--max-worker-restart=0", "--lifetrack-journal=tests.journal", fresh=True)
    path = pytester.path / "tests.journal"
    assert told(path) == [("LT101", "suspected", "test_crash")]
    (beside,) = siblings_of(os.fspath(path))
    ended = load(beside).process
    assert (ended.ending, ended.command[0], ended.command[1][:2]) == ("lost", "pytest", "gw")


def test_the_journal_of_the_ini(pytester: pytest.Pytester, run: Run) -> None:
    """The ini names it from its own folder, the header tells it, and it ends with the run; a test may stop tracking."""
    pytester.makepyfile(
        "from resources import *\nimport lifetrack\n"
        "def test_stop(): lifetrack.stop()\n"
        "def test_other(): Backend().close()\n"
    )
    pytester.makeini("[pytest]\nlifetrack_journal = tests.journal\nlifetrack_journal_size = 256K\n")
    result = run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["lifetrack: level stacks*journal *tests.journal*"])
    report = load(os.fspath(pytester.path / "tests.journal"))
    assert (report.process.ending, report.totals.acquired, report.totals.live) == ("normal", 1, 0)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--lifetrack-journal=missing/x.journal", ["--lifetrack-journal", "there is no directory"]),
        ("--lifetrack-journal-size=17", ["--lifetrack-journal-size", "at least 256K"]),
    ],
)
def test_what_cannot_be_is_a_usage_error(pytester: pytest.Pytester, run: Run, argument: str, words: list[str]) -> None:
    """One line names the option and the mend."""
    pytester.makepyfile(SUITE)
    result = run(argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = filter(None, result.stderr.lines)
    assert all(word in line for word in words)


def test_a_journal_begins_with_the_tracking(pytester: pytest.Pytester, run: Run) -> None:
    """Where a program has switched tracking on before, a journal is refused, for its first events would lack."""
    pytester.makepyfile(SUITE)
    with lt.start("sites", policy="record", report=False):
        result = run("--lifetrack-journal=tests.journal")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "tracking is on already" in result.stderr.str()
