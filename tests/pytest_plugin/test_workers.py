"""pytest-xdist, forked children and random order: one merged report, each finding once with its worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"
SUITE = (
    HEAD
    + """
import os
@pytest.fixture(scope="session")
def shared(): return keep()
class TestOne:
    def test_leaky(self): keep()
    def test_clean(self): Backend().close()
def test_dropped(): Backend()
@pytest.mark.parametrize("number", range(4))
def test_many(number): Backend().close()
"""
)


def findings_of(pytester: pytest.Pytester) -> list[dict[str, Any]]:
    """Read the findings of the report."""
    found: list[dict[str, Any]] = json.loads((pytester.path / "out.json").read_text())["findings"]
    return found


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_each_finding_once_with_its_worker(pytester: pytest.Pytester, run: Run, mode: str) -> None:
    """However tests are distributed, the controller writes one report, and nobody writes another one."""
    pytest.importorskip("xdist")
    pytester.makepyfile(SUITE)
    result = run("-n", "2", f"--dist={mode}", "--lifetrack-report=out.json", fresh=True)
    result.assert_outcomes(passed=7, errors=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = findings_of(pytester)
    assert sorted((each["rule"], each["count"], each["test"].rpartition("::")[2]) for each in found) == [
        ("LT102", 1, "test_dropped"),
        ("LT103", 1, "test_leaky"),
    ]
    assert all(len(each["processes"]) == 1 and each["processes"][0]["name"] in {"gw0", "gw1"} for each in found)
    rows = [line for line in result.stdout.lines if line.startswith("gw") and "LT10" in line]
    assert len(rows) == 2
    assert [path.name for path in pytester.path.glob("out*")] == ["out.json"]
    totals = json.loads((pytester.path / "out.json").read_text())["totals"]
    assert (totals["acquired"], totals["findings"]) == (7, 2)


def test_each_of_two_environments(pytester: pytest.Pytester, run: Run) -> None:
    """What two workers find alike is one finding with both of their names; a fixture that leaks fails the run."""
    pytest.importorskip("xdist")
    pytester.makepyfile(SUITE + "def test_shared(shared): pass\n")
    result = run("--dist=each", "--tx=2*popen", "--lifetrack-report=out.json", fresh=True)
    result.assert_outcomes(passed=16, errors=4)
    assert {(each["count"], len(each["processes"])) for each in findings_of(pytester)} == {(2, 2), (4, 2)}
    result.stdout.fnmatch_lines(["gw0, gw1: *fixture shared (session)]", "2 findings fail the run*"])


def test_without_workers(pytester: pytest.Pytester, run: Run) -> None:
    """With ``--dist=no`` nothing is said of workers."""
    pytest.importorskip("xdist")
    pytester.makepyfile(SUITE)
    result = run("--dist=no", "-n0", "--lifetrack-report=out.json")
    result.assert_outcomes(passed=7, errors=2)
    assert all("processes" not in each for each in findings_of(pytester))


def test_the_exit_status_of_a_clean_run(pytester: pytest.Pytester, run: Run) -> None:
    """Clean workers make a clean run, with a report all the same."""
    pytest.importorskip("xdist")
    pytester.makepyfile(HEAD + "def test_it(): Backend().close()\n")
    result = run("-n", "2", "--lifetrack-report=out.json", fresh=True)
    assert result.ret == pytest.ExitCode.OK
    assert findings_of(pytester) == []


def test_a_worker_that_crashes(pytester: pytest.Pytester, run: Run) -> None:
    """What the tests before the crash have leaked is told and reported, and the report says that it is not complete."""
    pytest.importorskip("xdist")
    pytester.makepyfile(
        HEAD
        + """
import os
@pytest.fixture(scope="class")
def shared():
    KEPT.append(Backend())
def test_leaky(): keep()
def test_shared(shared): pass
def test_crashes(): os._exit(3)
def test_after(): Backend()
"""
    )
    result = run("-n", "1", "--lifetrack-report=out.json", fresh=True)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*worker 'gw0' crashed*"])
    found = {
        (each["test"] or each["owner"]["name"]).rpartition("::")[2]: each["processes"] for each in findings_of(pytester)
    }
    assert {name: [process["name"] for process in found[name]] for name in found} == {
        "test_leaky": ["gw0"],
        "shared (class)": ["gw0"],
        "test_after": ["gw1"],
    }
    report = json.loads((pytester.path / "out.json").read_text())
    assert not report["tracker"]["complete"]
    assert {(each["name"], each["ending"]) for each in report["processes"]} == {("gw0", "lost"), ("gw1", "normal")}


def test_random_order(pytester: pytest.Pytester, run: Run) -> None:
    """In whatever order tests run, the same ones are blamed."""
    pytest.importorskip("pytest_randomly")
    pytester.makepyfile(SUITE)
    for seed in ("1", "2", "3"):
        result = run("-p", "randomly", f"--randomly-seed={seed}", "-v")
        result.assert_outcomes(passed=7, errors=2)
        result.stdout.fnmatch_lines_random(["*test_leaky ERROR*", "*test_dropped ERROR*"])


FORKING = """
import json, os
from _pytest.runner import runtestprotocol
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    reading, writing = os.pipe()
    pid = os.fork()
    hook = item.config.hook
    if pid == 0:
        reports = runtestprotocol(item, log=False, nextitem=None)
        data = [hook.pytest_report_to_serializable(config=item.config, report=each) for each in reports]
        os.write(writing, json.dumps(data).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as file: data = json.load(file)
    os.waitpid(pid, 0)
    for each in data:
        hook.pytest_runtest_logreport(report=hook.pytest_report_from_serializable(config=item.config, data=each))
    return True
"""


#: The ways in which such plugins make reports of what a child has sent: by the hook, or by themselves.
READINGS = {
    "by the hook": "hook.pytest_report_from_serializable(config=item.config, data=each)",
    "by themselves": "pytest.TestReport._from_json(each)",
}


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_forked_children(pytester: pytest.Pytester, run: Run, reading: str) -> None:
    """Where each test, with the fixtures it needs, runs in a forked child, no finding is lost."""
    pytester.makeconftest(FORKING.replace(READINGS["by the hook"], reading))
    pytester.makepyfile(SUITE + "def test_shared(shared): pass\n")
    result = run("--lifetrack-report=out.json", "-p", "no:xdist", fresh=True)
    result.assert_outcomes(passed=8, errors=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert sum(each["count"] for each in findings_of(pytester)) == 3
    result.stdout.fnmatch_lines(["*fixture shared (session)]", "1 finding fails the run*"])


def test_a_test_that_forks(pytester: pytest.Pytester, run: Run) -> None:
    """A child that a test forks inherits no duty, and its end changes nothing for the test."""
    pytester.makepyfile(
        HEAD
        + """
import os
def test_it():
    backend = Backend()
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    backend.close()
"""
    )
    result = run()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


#: Tells at the end whether reports were looked at; of a worker of pytest-xdist nobody sees what it prints.
LISTENING = """
def pytest_unconfigure(config):
    print("reports are looked at:", config.pluginmanager.has_plugin("lifetrack-listener"))
"""
#: What makes it likely that a report comes of another process, or not.
EVENTS = {
    "nothing": ("", [], False),
    "another program": ("subprocess.run([sys.executable, '-c', ''], check=True)", [], False),
    "a fork": ("os.fork() or os._exit(0); os.wait()", [], True),
    "a report": ("hook.pytest_report_from_serializable(config=request.config, data={})", [], True),
    "workers": ("", ["-n", "1"], True),
}


@pytest.mark.parametrize(("event", "arguments", "is_looked_at"), EVENTS.values(), ids=EVENTS)
def test_reports_are_looked_at_where_one_may_be_of_another_process(
    pytester: pytest.Pytester, run: Run, event: str, arguments: list[str], is_looked_at: bool
) -> None:
    """After a fork, or when one is read from data; in an ordinary run no test pays for that, though it has findings."""
    if arguments:
        pytest.importorskip("xdist")
    pytester.makeconftest(LISTENING)
    pytester.makepyfile(
        HEAD
        + f"""
import os, subprocess, sys
def test_it(request):
    hook = request.config.hook
    keep()
    {event or "pass"}
"""
    )
    result = run(*arguments, fresh=bool(arguments))
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"reports are looked at: {is_looked_at}"])


@pytest.mark.parametrize("workers", ["-n1", "-n2"])
def test_a_bad_marker_is_one_usage_error(pytester: pytest.Pytester, run: Run, workers: str) -> None:
    """Told by the controller, with the status that it has without workers."""
    pytester.makepyfile(HEAD + "@pytest.mark.lifetrack(fail_on='x')\ndef test_it(): pass\ndef test_other(): pass\n")
    result = run(workers, fresh=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines + result.stdout.lines if "unknown certainty" in line]
    assert "::test_it" in line
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
