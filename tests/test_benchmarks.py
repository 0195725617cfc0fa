"""The benchmarks run, so that the figures can be had at any time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def test_every_case_of_the_figures_runs(run_python):
    """A worker times each case and gives seconds for it."""
    pytest.importorskip("pyperf")
    out, err, status = run_python(BENCHMARKS / "figures.py", "--worker", "--turns", "1")
    assert (err, status) == ("", 0)
    times = json.loads(out)
    assert len(times) > 50
    assert all(0 < seconds < 0.01 for seconds in times.values())


def test_the_figures_of_backends_can_be_had(run_python):
    """Both ratios are measured and shown with their targets."""
    out, err, _ = run_python(BENCHMARKS / "backends.py", "--turns", "2", "--processes", "1")
    assert err == ""
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["get()", "populate()"]


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_every_case_of_ownership_runs(run_python, level):
    """A worker times a finalizer, a transfer, a borrow and a clone."""
    pytest.importorskip("pyperf")
    out, err, status = run_python(BENCHMARKS / "ownership.py", "--worker", level, "--turns", "1")
    assert (err, status) == ("", 0)
    times = json.loads(out)
    assert len(times) == 4
    assert all(0 < seconds < 0.01 for seconds in times.values())


def test_every_case_of_the_journal_runs(run_python):
    """A worker times each case with a journal and without."""
    pytest.importorskip("pyperf")
    out, err, status = run_python(BENCHMARKS / "journal.py", "--worker", "--turns", "1")
    assert (err, status) == ("", 0)
    times = json.loads(out)
    assert len(times) == 20
    assert all(0 < seconds < 0.01 for seconds in times.values())


def test_every_operation_whose_instructions_are_counted_runs(run_python):
    """Valgrind is not needed for that."""
    done = run_python(
        "import sys, runpy\n"
        f"module = runpy.run_path({str(BENCHMARKS / 'instructions.py')!r})\n"
        "for name in [*module['PLAIN'], *module['IN_A_LOOP']]:\n"
        "    module['work'](name, 2)\n"
        "    print(name)\n"
    )
    assert (done.stderr, len(done.stdout.split())) == ("", 8)


def test_memory_is_measured_and_given_back(run_python):
    """No level keeps an entry of an object that was released and collected."""
    out, err, status = run_python(BENCHMARKS / "memory.py", "1000")
    assert (err, status) == ("", 0)
    rows = [line.split() for line in out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["counts", "sites", "stacks", "stacks,"]
    assert {row[-1] for row in rows} == {"0"}


def test_explaining_leaks_is_set_against_one_chain(run_python):
    """Each place of the leaks has a row with a ratio; what was found is checked by the tests of holders."""
    pytest.importorskip("objgraph")
    out, err, _ = run_python(BENCHMARKS / "holders.py", "20000")
    assert err == ""
    rows = ["leaks", "registry", "pool", "deep", "spread", "shuffled", "target"]
    assert [line.split()[0] for line in out.splitlines()] == rows


def test_exceptions_are_timed(run_python):
    """Each case is timed with lifetrack listening to the interpreter and without."""
    out, err, status = run_python(BENCHMARKS / "unwinding.py", "1")
    assert (err, status) == ("", 0)
    assert [line.split()[0] for line in out.splitlines()] == ["case", "calls", "inside", "one", "ten"]


def test_the_cost_of_locks_is_measured(run_python):
    """Each kind of lock has a row with a ratio for every level."""
    out, err, status = run_python(BENCHMARKS / "locks.py", "1")
    assert (err, status) == ("", 0)
    rows = out.splitlines()[1:]
    assert len(rows) == 9
    assert all(float(ratio) > 0 for row in rows for ratio in row.split(" ns")[1].split())


def test_every_case_of_watching_runs(run_python):
    """A worker times each case plainly and at both levels."""
    pytest.importorskip("pyperf")
    out, err, status = run_python(BENCHMARKS / "watching.py", "--worker", "--turns", "1")
    assert (err, status) == ("", 0)
    times = json.loads(out)
    assert len(times) == 36
    assert all(0 < seconds < 0.01 for seconds in times.values())


def test_the_standard_librarys_tests_are_compared(run_python, tmp_path):
    """A module of tests runs both ways; a difference would end it with status 1."""
    pytest.importorskip("test.test_univnewlines")
    table = tmp_path / "table.md"
    out, err, status = run_python(BENCHMARKS / "standard_suites.py", "test_univnewlines", "--table", str(table))
    assert (err, status) == ("", 0)
    assert out.split()[0] == "test_univnewlines"
    assert "| `test_univnewlines` | " in table.read_text()


def test_the_figures_of_reports_can_be_had(run_python):
    """Reports of live resources and at the end and grouping are timed."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import reports as r; r.report_of_live(50); r.report_at_end(50)"
    out, err, status = run_python(f"{code}; print(r.grouping(1000) < 1)", str(BENCHMARKS))
    assert (out, err, status) == ("True\n", "", 0)


def test_the_forms_of_a_report_are_timed(run_python):
    """Each form has a row with its time for some findings and for ten times as many."""
    out, err, status = run_python(BENCHMARKS / "formats.py", "3")
    assert (err, status) == ("", 0)
    rows = [line.split()[0] for line in out.splitlines()[1:]]
    assert rows == ["text", "json", "html", "dot", "svg", "trace", "sarif", "github"]
