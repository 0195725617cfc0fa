"""Misuse, failing tests, the fixture, and the company of other programs and plugins."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from lifetrack.holders.leaks import Evidence
from lifetrack.tracker import default_tracker

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"


def test_misuse_fails_the_test_at_its_own_line(pytester: pytest.Pytester, run: Run) -> None:
    """The traceback ends in the test, the notes tell the history, and no frame of ours or of pytest is shown."""
    pytester.makepyfile(
        HEAD
        + """
def test_uses():
    backend = Backend()
    backend.close()
    backend.use()
"""
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["> *backend.use()", "E *LT201*", "E *acquired here*", "E *released here*"])
    shown = result.stdout.str().partition("= FAILURES")[2]
    assert "pluggy" not in shown
    assert "violation" not in shown


def test_misuse_that_the_test_expects_is_no_failure(pytester: pytest.Pytester, run: Run) -> None:
    """What ``pytest.raises`` took is not counted a second time; ``-v`` tells of it."""
    pytester.makepyfile(
        HEAD
        + """
def test_expects():
    backend = Backend()
    backend.close()
    with pytest.raises(lt.UseAfterReleaseError):
        backend.use()
def test_expects_leak():
    with pytest.raises(lt.LeakError):
        with lt.scope("job"):
            keep()
"""
    )
    result = run()
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*= lifetrack =*")
    run("-v").stdout.fnmatch_lines(["*LT201*(raised in the program)"])


@pytest.mark.parametrize("ending", ["raise ValueError('own')", "pytest.skip('own')", "pytest.xfail('own')"])
def test_a_failing_test_keeps_its_own_ending(pytester: pytest.Pytester, run: Run, ending: str) -> None:
    """Its leaks are a section beside its failure, not a second failure."""
    pytester.makepyfile(HEAD + f"def test_it():\n    backend = Backend()\n    {ending}\n")
    result = run("-rs")
    outcomes = result.parseoutcomes()
    assert "errors" not in outcomes
    assert sum(outcomes.get(word, 0) for word in ("failed", "skipped", "xfailed")) == 1
    if "ValueError" in ending:
        result.stdout.fnmatch_lines(["E *ValueError: own", "*left open, after the failure above*", "*LT10[23]*"])
    result.stdout.no_fnmatch_line("*the run*")


def test_a_failing_teardown_keeps_its_error(pytester: pytest.Pytester, run: Run) -> None:
    """The teardown's own exception is shown, and the leak does not take its place."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture
def broken():
    yield keep()
    raise OSError("own")
def test_it(broken): pass
"""
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E *OSError: own"])


def test_the_fixture(pytester: pytest.Pytester, run: Run) -> None:
    """It asks for the test's own resources alone."""
    pytester.makepyfile(
        HEAD
        + """
OTHER = Backend()
def test_it(lifetrack):
    backend = Backend()
    (finding,) = lifetrack.find_leaks()
    if finding.rule != "LT103" or not finding.test.endswith("::test_it"): raise ValueError(finding)
    with pytest.raises(lt.LeakError): lifetrack.assert_no_leaks()
    if [event.event for event in lifetrack.history(backend)] != ["acquired"]: raise ValueError
    backend.close()
    lifetrack.assert_no_leaks()
class Plain:
    def close(self): pass
def test_track(lifetrack):
    keep.one = lifetrack.track(Plain(), release="close")
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_track ERROR*"])


def test_a_program_that_stops_and_starts_tracking(pytester: pytest.Pytester, run: Run) -> None:
    """Nothing breaks, and the next test is watched again, by this run's settings."""
    pytester.makepyfile(
        HEAD
        + """
def test_stops(): keep(); lt.stop()
def test_leaky(): keep()
def test_starts():
    with lt.start("sites", policy="record"): Backend().close()
def test_restarts(): lt.stop(); lt.start("sites", policy="record", report=False)
def test_misuse():
    backend = Backend()
    backend.close()
    backend.use()
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=4, errors=1, failed=1)
    result.stdout.fnmatch_lines(["*test_leaky ERROR*", "*test_misuse FAILED*"])
    assert not default_tracker().is_tracking()


def test_a_run_inside_a_test_leaves_tracking_as_it_was(pytester: pytest.Pytester, run: Run) -> None:
    """The nested run stops nothing that it has not started."""
    pytester.makepyfile("def test_it(): pass")
    tracker = default_tracker()
    with tracker.start("sites", policy="record", report=False):
        before = None if tracker.engine is None else tracker.engine.settings
        run().assert_outcomes(passed=1)
        assert tracker.engine is not None
        assert tracker.engine.settings == before


def test_doctests(pytester: pytest.Pytester, run: Run) -> None:
    """An item that is no function has its scope too."""
    pytester.makepyfile(mod='"""\n>>> from resources import keep\n>>> kept = keep()\n"""\n')
    run("--doctest-modules", "mod.py").assert_outcomes(passed=1, errors=1)


def test_stops_at_the_first(pytester: pytest.Pytester, run: Run) -> None:
    """``-x`` takes a leak for a failure."""
    pytester.makepyfile(HEAD + "def test_a(): keep()\ndef test_b(): keep()\n")
    run("-x").assert_outcomes(passed=1, errors=1)


def test_an_interrupted_run(pytester: pytest.Pytester, run: Run) -> None:
    """Ctrl-C keeps its exit status, and what was open then is no leak."""
    pytester.makepyfile(HEAD + "def test_a():\n    keep()\n    raise KeyboardInterrupt\n")
    result = run(fresh=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.no_fnmatch_line("*LT1*")
    assert "Traceback" not in result.stderr.str()


def test_without_a_terminal(pytester: pytest.Pytester, run: Run) -> None:
    """It works where the reporter is switched off."""
    pytester.makepyfile(HEAD + "def test_a(): keep()\n")
    assert run("-p", "no:terminal").ret == pytest.ExitCode.TESTS_FAILED


def test_our_own_modules_are_not_rewritten(pytester: pytest.Pytester, run: Run) -> None:
    """What the plugin imports is imported as anywhere else; the assertions of tests are rewritten as ever."""
    pytester.makepyfile(
        """
import sys
from _pytest.assertion.rewrite import AssertionRewritingHook
# They must be there before it is known whether the plugin is switched on.
EARLY = {f"lifetrack.{name}" for name in ("pytest_plugin", "pytest_plugin.importing", "values", "values.collector")}
def test_ours():
    ours = {name: module.__loader__ for name, module in sys.modules.items() if name.startswith("lifetrack.")}
    rewritten = {name for name, loader in ours.items() if isinstance(loader, AssertionRewritingHook)}
    if len(ours) < 50 or rewritten - EARLY: raise ValueError(sorted(rewritten))
    if not isinstance(__loader__, AssertionRewritingHook): raise ValueError("this module was not rewritten")
"""
    )
    run(fresh=True).assert_outcomes(passed=1)


def test_what_is_needed_later_is_loaded_later(pytester: pytest.Pytester, run: Run) -> None:
    """What declared classes and findings need is loaded with the first of them, and it is not rewritten either."""
    pytester.makepyfile(
        """
import atexit, sys
from _pytest.assertion.rewrite import AssertionRewritingHook
LATER = ("lifetrack.instrument.classes", "lifetrack.guards.tombstones", "lifetrack.ownership.handles",
         "lifetrack.pytest_plugin.summary", "lifetrack.pytest_plugin.cleanups", "lifetrack.reports.grouping",
         "lifetrack.reports.text_finding", "lifetrack.reports.baseline", "lifetrack.reports.files")
def there(): return [name for name in LATER if name in sys.modules]
def rewritten():
    early = {f"lifetrack.{name}" for name in ("pytest_plugin", "pytest_plugin.importing", "values", "values.collector")}
    ours = {name for name, module in sys.modules.items() if name.startswith("lifetrack.")
            and isinstance(module.__loader__, AssertionRewritingHook)}
    return sorted(ours - early)
def at_exit():
    print("AT EXIT", sorted(set(LATER) - set(there())), rewritten())
atexit.register(at_exit)
def test_clean():
    if there(): raise ValueError(there())
def test_leaky():
    import lifetrack
    @lifetrack.tracked
    class Resource:
        def close(self): pass
    global kept
    kept = Resource()
"""
    )
    result = run("-v", fresh=True)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*LT103*", "AT EXIT ?'lifetrack.reports.baseline', 'lifetrack.reports.files'? ??"])


def test_nothing_is_kept_of_a_test_that_is_over(pytester: pytest.Pytester, run: Run) -> None:
    """Pytest keeps its tests to the end, and each full collection looks at all that they keep."""
    pytester.makeconftest(
        """
import gc, pytest
@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    from lifetrack.pytest_plugin.duties import Duty
    gc.collect()
    print("duties:", sum(type(each) is Duty for each in gc.get_objects()))
"""
    )
    pytester.makepyfile(HEAD + "@pytest.mark.parametrize('n', range(5))\ndef test_it(n): Backend().close()\n")
    result = run("-s", fresh=True)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*duties: 0"])


@pytest.mark.parametrize("report", [(), ("--lifetrack-report=out.json",)])
def test_holders_are_looked_for_at_the_end_only_for_a_report(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch, report: tuple[str, ...]
) -> None:
    """What was left out at the end of its test is explained where somebody is going to read it."""
    asked: list[str] = []
    for name in ("note", "note_all"):
        monkeypatch.setattr(Evidence, name, lambda *_, name=name: asked.append(name))
    pytester.makepyfile(HEAD + "def test_leaky(): keep()\n")
    run(*report).assert_outcomes(passed=1, errors=1)
    assert asked[0] == "note"  # at the end of the test, within limits
    assert ("note_all" in asked) == bool(report)


def test_by_its_entry_point(pytester: pytest.Pytester, run: Run) -> None:
    """Installed, it needs no ``-p``; here by a distribution's metadata, as an installer writes it."""
    folder = pytester.mkdir("lifetrack_plugin_test-1.dist-info")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: lifetrack-plugin-test\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[pytest11]\nlifetrack = lifetrack.pytest_plugin\n")
    pytester.makepyfile(HEAD + "def test_a(): keep()\n")
    (folder / "RECORD").write_text("lifetrack/__init__.py,,\nlifetrack/pytest_plugin/__init__.py,,\n")
    arguments = ("--lifetrack", "--lifetrack-watch=", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=1, errors=1)
    warnings = ["-W", "error::pytest.PytestAssertRewriteWarning"]
    program = [sys.executable, "-m", "lifetrack", "run", "-m", "pytest", *warnings, *arguments]
    result = pytester.run(*program)  # pytest finds lifetrack imported already
    result.assert_outcomes(passed=1, errors=1)


def test_a_run_in_a_test_leaves_the_rest_to_the_outer_one(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the outer run has open is not live at the end of the inner one, nor are its findings that one's."""
    monkeypatch.setenv("LIFETRACK", "stacks")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "lifetrack.pytest_plugin")
    pytester.makeconftest('pytest_plugins = ["pytester"]\n')
    pytester.makepyfile(
        HEAD
        + """
import os
@pytest.fixture(scope="session", autouse=True)
def kept():
    with open(os.devnull) as file: yield file
def test_leaks(): keep()
def test_outer(pytester):
    pytester.makeini("[pytest]")
    pytester.makepyfile("import resources as r\\ndef test_ok(): r.Backend().close()\\ndef test_bad(): r.keep()")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    assert "test_leaks" not in result.stdout.str()
def test_last(): pass
"""
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*LT103*::test_leaks]", "ERROR *::test_leaks*"])
    result.stdout.no_fnmatch_line("*LT101*")
    result.stdout.no_fnmatch_line("*fails the run*")
