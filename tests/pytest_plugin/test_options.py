"""Switching it on, its options, and what is said where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.pytest_plugin.conftest import plugin_arguments

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run, RunPython

HEAD = "from resources import *\n"
LEAKY = HEAD + "def test_leaky(): keep()\n"


def test_without_the_flag_nothing_is_imported(pytester: pytest.Pytester, run: Run) -> None:
    """Only the façade and the registration of the options are there, and leaks are not looked for."""
    pytester.makepyfile(
        """
import sys
def test_nothing(lifetrack):
    pass
def test_first():
    ours = {name for name in sys.modules if name.startswith("lifetrack")}
    unexpected = ours - {"lifetrack", "lifetrack.pytest_plugin", "lifetrack.pytest_plugin.registration"}
    if unexpected: raise ValueError(sorted(unexpected))
"""
    )
    result = run("-k", "test_first", flag=False, fresh=True)
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.no_fnmatch_line("lifetrack: level*")


def test_without_the_flag_the_rest_works(pytester: pytest.Pytester, run: Run) -> None:
    """The marker is known, the fixture finds nothing, and a leak passes."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.mark.lifetrack(allow="known")
def test_it(lifetrack):
    keep()
    lifetrack.assert_no_leaks()
    if lifetrack.find_leaks() or lifetrack.is_tracking(): raise ValueError
"""
    )
    run("--strict-markers", flag=False).assert_outcomes(passed=1)


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_each_level(pytester: pytest.Pytester, run: Run, level: str) -> None:
    """Every level finds the leak, and the header names the level."""
    pytester.makepyfile(LEAKY)
    result = run(f"--lifetrack={level}")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"lifetrack: level {level}, watching declared classes only"])
    located = result.stdout.str().count("resources.py:")
    assert bool(located) == (level != "counts")


def test_the_ini_switches_it_on_and_the_command_line_wins(pytester: pytest.Pytester, run: Run) -> None:
    """``lifetrack = sites`` in the ini is enough; ``--lifetrack=off`` goes before it."""
    pytester.makepyfile(LEAKY)
    pytester.makeini(
        "[pytest]\nlifetrack = sites\nlifetrack_watch =\nlifetrack_report = out.json\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    result = run(flag=False)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["lifetrack: level sites*"])
    assert json.loads((pytester.path / "out.json").read_text())["level"] == "sites"
    run("--lifetrack=off", flag=False).assert_outcomes(passed=1)


def test_a_path_behind_the_bare_flag_is_a_path(pytester: pytest.Pytester, run: Run) -> None:
    """``--lifetrack tests/`` means what it looks like."""
    path = pytester.makepyfile(LEAKY)
    pytester.makepyfile(test_other="def test_other(): pass")
    run("--lifetrack", path.name).assert_outcomes(passed=1, errors=1)
    run("--lifetrack", f"{path.name}::test_leaky", "-q").assert_outcomes(passed=1, errors=1)


def test_the_arguments_of_a_caller_stay_as_they_are(pytester: pytest.Pytester, run_python: RunPython) -> None:
    """Who calls pytest.main() may use the list once more."""
    path = pytester.makepyfile("def test_it(): pass")
    program = f"import pytest\nargs = {['-q', *plugin_arguments(), '--lifetrack', path.name]!r}\nbefore = list(args)\n"
    done = run_python(program + "print(pytest.main(args), args == before)\n", cwd=pytester.path)
    assert done.stdout.endswith("0 True\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--lifetrack=stakcs"], "unknown level 'stakcs'"),
        (["--lifetrack-fail-on=maybe"], "unknown certainty 'maybe'"),
        (["--lifetrack-report=x.pdf"], "x.pdf"),
        (["--lifetrack-report=missing/x.json"], "there is no directory"),
        (["--lifetrack-baseline=/dev/zero"], "not an ordinary file"),
        (["-o", "lifetrack_witness=perhaps"], "lifetrack_witness in tox.ini: invalid truth value 'perhaps'"),
    ],
)
def test_bad_options_are_usage_errors(pytester: pytest.Pytester, run: Run, arguments: list[str], word: str) -> None:
    """Each gives exit status 4 and one clear line, and no test runs."""
    pytester.makepyfile(LEAKY)
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.stderr.lines if line]
    assert len(lines) == 1
    assert lines[0].startswith("ERROR: lifetrack: ")
    assert word in lines[0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("allow=''", "needs a reason"),
        ("allow=True", "needs a reason"),
        ("'known'", "by name"),
        ("fail_on='maybe'", "unknown certainty"),
        ("level='off'", "use allow="),
        ("alow='known'", "unknown argument 'alow'"),
    ],
)
def test_a_bad_marker_is_a_usage_error(pytester: pytest.Pytester, run: Run, arguments: str, word: str) -> None:
    """It is found before the first test runs, and the test is named."""
    pytester.makepyfile(HEAD + f"@pytest.mark.lifetrack({arguments})\ndef test_it(): pass\n")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines + result.stdout.lines if line.startswith("ERROR")]
    assert word in line
    assert "::test_it" in line


def test_fail_on(pytester: pytest.Pytester, run: Run) -> None:
    """With ``never`` the finding is listed and fails nothing; a nearer marker goes before it."""
    pytester.makepyfile(LEAKY + "@pytest.mark.lifetrack(fail_on='hint')\ndef test_strict(): keep()\n")
    result = run("--lifetrack-fail-on=never", "-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_strict ERROR*", "*LT103*"])
    pytester.makepyfile(LEAKY)
    result = run("--lifetrack-fail-on=never")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*LT103*::test_leaky]"])


def test_markers_of_modules_and_classes(pytester: pytest.Pytester, run: Run) -> None:
    """``allow`` covers a module, its wider fixtures too, and is told with its reason under ``-v`` only."""
    pytester.makepyfile(
        HEAD
        + """
pytestmark = pytest.mark.lifetrack(allow="the server closes them")
@pytest.fixture(scope="module")
def shared(): return keep()
def test_it(shared): keep()
class TestIt:
    @pytest.mark.lifetrack(level="sites")
    def test_dropped(self): Backend()
"""
    )
    result = run()
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*= lifetrack =*")
    result = run("-v")
    result.stdout.fnmatch_lines(["*(allowed: the server closes them)"])


def test_a_clean_run_is_silent(pytester: pytest.Pytester, run: Run) -> None:
    """There is no section, and with ``-v`` one line."""
    pytester.makepyfile(HEAD + "def test_it(): Backend().close()\n")
    run().stdout.no_fnmatch_line("*= lifetrack =*")
    run("-v").stdout.fnmatch_lines(["*= lifetrack =*", "lifetrack: no findings; 1 resource acquired, 1 released"])


def test_reports(pytester: pytest.Pytester, run: Run, tmp_path: Path) -> None:
    """Each named file is written; findings carry their test, and what lives on in the process is no finding."""
    pytester.makepyfile(LEAKY + "SHARED = Backend()\ndef test_dropped(): Backend()\n")
    run(f"--lifetrack-report={tmp_path / 'a.json'}", f"--lifetrack-report={tmp_path / 'b.txt'}")
    report = json.loads((tmp_path / "a.json").read_text())
    found = {(finding["rule"], finding["test"].partition("::")[2]) for finding in report["findings"]}
    assert found == {("LT103", "test_leaky"), ("LT102", "test_dropped")}
    assert report["totals"]["findings"] == 2
    assert report["totals"]["live"] == 2
    assert "LT103 leak-from-scope" in (tmp_path / "b.txt").read_text()


def test_several_tests_of_one_site_are_one_line(pytester: pytest.Pytester, run: Run) -> None:
    """The summary groups what is the same bug, and names the first test."""
    pytester.makepyfile(HEAD + "@pytest.mark.parametrize('n', range(3))\ndef test_it(n): keep()\n")
    result = run()
    result.assert_outcomes(passed=3, errors=3)
    (line,) = [line for line in result.stdout.lines if line.startswith("resources.py")]
    assert "3 x resources.Backend" in line
    assert line.endswith("::test_it[0] and 2 more]")


@pytest.mark.parametrize("mode", ["load", "each"])
def test_with_xdist(pytester: pytest.Pytester, run: Run, mode: str) -> None:
    """Workers get the options, tests fail in them, and what fails the run is told by the controller."""
    pytest.importorskip("xdist")
    pytester.makepyfile(
        LEAKY
        + """
@pytest.fixture(scope="session")
def shared(): return keep()
def test_shared(shared): pass
"""
    )
    arguments = ["-n", "2"] if mode == "load" else ["--dist=each", "--tx=1*popen"]
    result = run(*arguments, "--lifetrack-report=out.json", fresh=True)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["gw*: *[[]fixture shared (session)]", "1 finding fails the run*"])
    assert [path.name for path in pytester.path.glob("out*.json")] == ["out.json"]
