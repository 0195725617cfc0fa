"""What is just ending when a test ends: its time is given once, and it is looked for in caches only after that."""

from __future__ import annotations

import re

import pytest

from lifetrack.watchers.table import THREAD_GRACE


def test_the_time_of_what_is_ending_is_given_once(pytester, run):
    """A thread that goes on for longer is a leak, though it is asked for twice: before caches are read, and after."""
    pytester.makepyfile(
        test_it=f"""
        import threading, time

        def test_that_leaves_one_behind():
            threading.Thread(target=time.sleep, args=({1.5 * THREAD_GRACE},)).start()

        def test_that_does_not():
            threading.Thread(target=time.sleep, args=({0.2 * THREAD_GRACE},)).start()
        """
    )
    result = run("--lifetrack-watch=stdlib", fresh=True)
    assert re.findall(r"FAILED test_it.py::(\w+)|ERROR test_it.py::(\w+)", result.stdout.str()) == [
        ("", "test_that_leaves_one_behind")
    ]


@pytest.mark.parametrize("options", ["", "wrapper=True", "wrapper=True, tryfirst=True", "wrapper=True, trylast=True"])
def test_what_hooks_around_the_teardown_release_is_released(pytester, run, options):
    """The judge is the outermost of them; what nobody releases fails the test as ever."""
    body = "result = yield; close_all(); return result" if options else "close_all()"
    pytester.makeconftest(
        f"""
        import pytest
        KEPT = []
        def close_all():
            while KEPT:
                KEPT.pop().close()

        @pytest.hookimpl({options})
        def pytest_runtest_teardown(item):
            {body}
        """
    )
    pytester.makepyfile(
        test_it="""
        from conftest import KEPT
        from resources import keep, Backend
        def test_right(): KEPT.append(Backend())
        def test_wrong(): keep()
        """
    )
    result = run(fresh=True)
    assert re.findall(r"ERROR test_it.py::(\w+)", result.stdout.str()) == ["test_wrong"]


@pytest.mark.parametrize("order", ["", ", trylast=True"])  # one that comes first breaks pytest itself
def test_a_setup_that_a_hook_around_it_ends(pytester, run, order):
    """It skips or fails as without lifetrack, and other tests are judged as ever."""
    pytester.makeconftest(
        f"""
        import pytest
        @pytest.hookimpl(wrapper=True{order})
        def pytest_runtest_setup(item):
            if "skips" in item.name: pytest.skip("early")
            if "fails" in item.name: raise ValueError("early")
            return (yield)
        """
    )
    pytester.makepyfile(
        test_it="""
        from resources import keep
        def test_wrong(): keep()
        def test_skips(): pass
        def test_fails(): pass
        def test_right(): pass
        """
    )
    result = run(fresh=True)
    result.assert_outcomes(passed=2, skipped=1, errors=2)
    assert re.findall(r"ERROR test_it.py::(\w+)", result.stdout.str()) == ["test_wrong", "test_fails"]


def test_a_cache_is_asked_after_that(pytester, run):
    """What a cached function has made is the process's; a thread that has ended by then is asked for nowhere."""
    pytester.makepyfile(
        test_it="""
        import functools, threading

        @functools.lru_cache
        def file():
            threading.Thread(target=int).start()
            return open(__file__)

        def test_that_fills_it():
            file()
        """
    )
    run("--lifetrack-watch=stdlib", fresh=True).assert_outcomes(passed=1)


def test_what_is_just_ending_is_looked_for_in_no_cache(pytester, run):
    """All that caches hold may be much: a test that leaves only a thread which ends by itself does not pay for it.

    Nor does one with what says only when it is asked that it is over, as descriptors that C code closes.
    """
    pytester.makeconftest(
        """
        import lifetrack.pytest_plugin.reach as reach

        def results(self):
            print("caches were read")
            return []

        reach.Caches.results = results
        """
    )
    pytester.makepyfile(
        test_it=f"""
        import io, os, threading, time

        def test_that_does_not_ask():
            threading.Thread(target=time.sleep, args=({0.2 * THREAD_GRACE},)).start()

        def test_that_has_nothing_left():
            for number in os.pipe():
                io.FileIO(number, "r+").close()

        def test_that_does():
            test_that_does.kept = open(__file__)
        """
    )
    result = run("--lifetrack-watch=stdlib", "-s", fresh=True)
    result.assert_outcomes(passed=3, errors=1)
    assert result.stdout.str().count("caches were read") == 1


#: Prints at the end whether what looks for holders, and what else explains findings, was ever loaded.
TELLING = """
import sys

def pytest_unconfigure():
    loaded = [f"lifetrack.{name}" in sys.modules for name in ("holders.explain", "detect.explaining")]
    print("worked out:", *loaded)
"""


@pytest.mark.parametrize(
    ("arguments", "ending", "is_read"),
    [
        (["--lifetrack-fail-on=never"], "pass", False),
        (["--lifetrack-fail-on=never"], "raise ValueError", True),
        (["--lifetrack-fail-on=never", "-v"], "pass", True),
        (["--lifetrack-fail-on=never", "--lifetrack-report=report.json"], "pass", True),
        (["--lifetrack-fail-on=never", "--lifetrack-journal=journal"], "pass", True),
        ([], "pass", True),
    ],
)
def test_findings_are_explained_where_somebody_reads_it(pytester, run, arguments, ending, is_read):
    """In a failure, a report, a journal or a verbose summary; else it would be work for nobody."""
    pytester.makeconftest(TELLING)
    pytester.makepyfile(
        test_it=f"""
        import resources

        def test_that_leaks():
            resources.keep()
            {ending}
        """
    )
    assert f"worked out: {is_read} {is_read}" in run(*arguments, fresh=True).stdout.str()


#: Counts how often all that is in memory is asked for who refers to a code object.
ASKING = """
import sys
from types import CodeType

asked = []

def listen(event, arguments):
    if event == "gc.get_referrers" and any(isinstance(each, CodeType) for each in arguments[0]):
        asked.append(event)

sys.addaudithook(listen)

def pytest_unconfigure():
    print("asked:", len(asked) > 0)
"""


@pytest.mark.parametrize("is_read", [False, True])
def test_generators_are_looked_for_where_somebody_reads_of_them(pytester, run, monkeypatch, is_read):
    """In the annotations that GitHub shows, too: they have the whole sentence. Else all memory is asked for nobody."""
    monkeypatch.setenv("GITHUB_ACTIONS", str(is_read).lower())
    pytester.makeconftest(ASKING)
    pytester.makepyfile(
        test_it="""
        kept = []

        def lines():
            with open(__file__) as file:
                yield from file

        def test_that_leaks():
            kept.append(lines())
            next(kept[0])
        """
    )
    text = run("--lifetrack-fail-on=never", "--lifetrack-watch=stdlib", fresh=True).stdout.str()
    assert "test_it.py:4 in lines: LT103" in text
    assert f"asked: {is_read}" in text
    assert ("it is held by the generator lines(), suspended at" in text) is is_read
