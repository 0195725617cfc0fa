"""Strict as far as asked: settings from all places, and what is not held against a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lifetrack.journal.reading import load

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"
LEAKY = HEAD + "def test_leaky(): keep()\n"
MISUSE = HEAD + "def test_misuse():\n    b = Backend(); b.close(); b.use()\n"


def level(result: pytest.RunResult) -> str:
    """Give the level that the header names; empty where it is off."""
    lines = [line for line in result.stdout.lines if line.startswith("lifetrack: level ")]
    return lines[0].split()[2].rstrip(",") if lines else ""


def test_precedence(pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command line before environment before ini before pyproject.toml; each of them switches it on."""
    pytester.makepyfile("def test_it(): pass")
    pytester.makepyprojecttoml('[tool.lifetrack]\nlevel = "counts"\nwatch = []\n')
    pytester.makefile(".ini", pytest="[pytest]\n")
    (pytester.path / "tox.ini").unlink()
    assert level(run("-p", "no:asyncio", flag=False)) == "counts"
    pytester.makefile(".ini", pytest="[pytest]\nlifetrack = sites\n")
    assert level(run("-p", "no:asyncio", flag=False)) == "sites"
    monkeypatch.setenv("LIFETRACK", "full")
    assert level(run("-p", "no:asyncio", flag=False)) == "full"
    assert level(run("-p", "no:asyncio")) == "stacks"
    monkeypatch.setenv("LIFETRACK", "off")
    assert level(run("-p", "no:asyncio", flag=False)) == ""


def test_the_environment_makes_no_second_report(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable switches tracking on at the import of lifetrack, too; pytest's summary is all there is to say."""
    monkeypatch.setenv("LIFETRACK", "stacks")
    pytester.makepyfile(LEAKY)
    result = run(flag=False, fresh=True)
    result.assert_outcomes(passed=1, errors=1)
    assert "lifetrack: " not in result.stderr.str()


@pytest.mark.parametrize(
    ("files", "arguments", "words"),
    [
        ({}, ["--lifetrack-policy=explode"], ["--lifetrack-policy", "'explode'"]),
        ({}, ["--lifetrack-third-party=hide"], ["--lifetrack-third-party", "show"]),
        ({}, ["--lifetrack-baseline=gone.toml"], ["gone.toml", "no such file", "--lifetrack-update-baseline"]),
        ({"pytest.ini": "[pytest]\nlifetrack_fail_on = x\n"}, [], ["lifetrack_fail_on in pytest.ini", "'x'"]),
        ({"pyproject.toml": "[tool.lifetrack]\nfail_on = 'x'\n"}, [], ["pyproject.toml", "fail_on", "'x'"]),
        ({"b.toml": "nonsense"}, ["--lifetrack-baseline=b.toml"], ["b.toml", "mend"]),
    ],
)
def test_what_is_wrong_is_one_line(
    pytester: pytest.Pytester, run: Run, files: dict[str, str], arguments: list[str], words: list[str]
) -> None:
    """It is a usage error that names the place and the mend, and no test runs."""
    pytester.makepyfile(LEAKY)
    (pytester.path / "tox.ini").unlink()
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    result = run(*arguments, "-p", "no:asyncio")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines if line]
    for word in ["ERROR: lifetrack: ", *words]:
        assert word in line


def test_an_update_without_tracking_is_told(pytester: pytest.Pytester, run: Run) -> None:
    """It would write an empty baseline over a good one."""
    pytester.makepyfile(LEAKY)
    result = run("--lifetrack-update-baseline", flag=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "add --lifetrack" in result.stderr.str()


def test_markers_go_before_options_and_the_nearest_counts(pytester: pytest.Pytester, run: Run) -> None:
    """Test before class before module before the command line, also rule by rule for a policy."""
    pytester.makepyfile(
        HEAD
        + """
pytestmark = pytest.mark.lifetrack(policy={"LT202": "record"}, fail_on="never")
def misuse(): b = Backend(); b.close(); b.use()
def double(): b = Backend(); b.close(); b.close()
def test_module(): double()
@pytest.mark.lifetrack(policy="record")
class TestClass:
    def test_class(self): misuse()
    @pytest.mark.lifetrack(fail_on="proven")
    def test_recorded(self): misuse()
    @pytest.mark.lifetrack(policy="raise")
    def test_raised(self): misuse()
def test_other_rule(): misuse()
"""
    )
    result = run("-v", "--lifetrack-policy=raise")
    result.stdout.fnmatch_lines(
        [
            "*::test_module PASSED*",
            "*::test_class PASSED*",
            "*::test_recorded PASSED*",
            "*::test_recorded ERROR*",
            "*::test_raised FAILED*",
            "*::test_other_rule FAILED*",
        ]
    )
    result.assert_outcomes(passed=3, failed=2, errors=1)


def test_watching_for_one_test(pytester: pytest.Pytester, run: Run) -> None:
    """What a marker watches is watched for its test alone; what a fixture opens meanwhile is seen to be closed."""
    pytester.makepyfile(
        HEAD
        + """
KEPT = []
def leak(): KEPT.append(open(__file__))
@pytest.fixture(scope="module")
def shared():
    file = open(__file__)
    yield file
    file.close()
def test_before(): leak()
@pytest.mark.lifetrack(watch="io")
def test_marked(shared): leak()
@pytest.mark.lifetrack(watch=["io"])
def test_clean(shared): open(__file__).close()
def test_after(shared): pass
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*::test_marked ERROR*"])


def test_third_party_code_is_told_apart(pytester: pytest.Pytester, run: Run) -> None:
    """What no code of the user's acquired fails nothing and is not raised, unless asked; what a test asked for does."""
    package = pytester.mkpydir("site-packages")
    (package / "thirdlib.py").write_text(
        "import threading, pytest\nfrom resources import Backend, keep\n"
        "def in_thread():\n    thread = threading.Thread(target=keep_one); thread.start(); thread.join()\n"
        "KEPT = []\ndef keep_one(): KEPT.append(Backend())\n"
        "@pytest.fixture\ndef leaking(): keep_one()\n"
        "@pytest.fixture\ndef misusing(): b = Backend(); b.close(); b.close()\n"
    )
    pytester.makeconftest(f"import sys; sys.path.insert(0, {str(package)!r})")
    pytester.makepyfile(
        HEAD
        + """
import thirdlib
from thirdlib import leaking, misusing
def test_thread(): thirdlib.in_thread()
def test_leaking(leaking): pass
def test_misusing(misusing): pass
@pytest.mark.lifetrack(third_party="fail")
def test_asked(leaking): pass
def test_mine(): thirdlib.keep_one()
"""
    )
    result = run("-v", fresh=True)  # in this process the test that runs it would take part in everything
    result.assert_outcomes(passed=5, errors=2)
    result.stdout.fnmatch_lines(["*::test_asked ERROR*", "*::test_mine ERROR*"])
    result.stdout.fnmatch_lines_random(["*LT103*2 x *(third-party code)", "*LT202*(third-party code)"])
    run("--lifetrack-own=thirdlib", fresh=True).assert_outcomes(passed=4, errors=5)


@pytest.mark.parametrize("detail", ["sites", "stacks"])
def test_what_pytest_calls_itself_is_pytests(pytester: pytest.Pytester, run: Run, detail: str) -> None:
    """A finalizer that no line of the program calls has the place in pytest that does, in report and journal."""
    pytester.makepyfile(
        test_it="""
import socket
def test_it(request): request.node.addfinalizer(socket.socket)
def test_own(): socket.socket()
"""
    )
    options = (f"--lifetrack={detail}", "--lifetrack-watch=stdlib", "--lifetrack-journal=tests.journal")
    result = run(*options, "--lifetrack-report=report.json", "-pno:randomly", flag=False, fresh=True)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*_pytest/runner.py:* LT102 * socket.socket [[]*::test_it[]] (third-party code)"])
    written = json.loads((pytester.path / "report.json").read_text())["findings"]
    stacks = {
        each["test"].rpartition("::")[2]: [(site["file"], site["line"]) for site in each["events"][0]["stack"]]
        for each in written
    }
    read = {
        str(each.test).rpartition("::")[2]: [(site.file, site.line) for site in each.events[0].stack]
        for each in load(str(pytester.path / "tests.journal")).findings
    }
    assert len(stacks["test_it"]) == 1
    assert not any("runner.py" in file for file, _ in stacks["test_own"])
    assert read == stacks


def test_a_test_that_is_installed_itself_is_no_third_party(pytester: pytest.Pytester, run: Run) -> None:
    """``--pyargs`` runs the tests of an installed package, whose code is then the user's."""
    package = pytester.path / "site-packages" / "mypackage"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "test_it.py").write_text(
        HEAD + "KEPT = []\n@pytest.fixture\ndef leaking(): KEPT.append(Backend())\ndef test_it(leaking): pass\n"
    )
    run(str(package / "test_it.py")).assert_outcomes(passed=1, errors=1)


@pytest.mark.parametrize("policy", ["record", "warn"])
def test_a_misuse_that_is_not_raised_fails_its_test_at_the_end(
    pytester: pytest.Pytester, run: Run, policy: str
) -> None:
    """The program goes on as it would; the verdict comes with the teardown."""
    pytester.makepyfile(MISUSE + "    print('went on')\n")
    result = run(f"--lifetrack-policy={policy}", "-rP", "-W", "ignore")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["use-after-release of resources.Backend*", "*LT201*"])
    run(f"--lifetrack-policy={policy}", "--lifetrack-fail-on=never", "-W", "ignore").assert_outcomes(passed=1)
