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
    """All that caches hold may be much: a test that leaves only a thread which ends by itself does not pay for it."""
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
        import threading, time

        def test_that_does_not_ask():
            threading.Thread(target=time.sleep, args=({0.2 * THREAD_GRACE},)).start()

        def test_that_does():
            test_that_does.kept = open(__file__)
        """
    )
    result = run("--lifetrack-watch=stdlib", "-s", fresh=True)
    result.assert_outcomes(passed=2, errors=1)
    assert result.stdout.str().count("caches were read") == 1


#: Prints at the end whether what looks for holders was ever loaded.
TELLING = """
import sys

def pytest_unconfigure():
    print("looked for:", "lifetrack.holders.explain" in sys.modules)
"""


@pytest.mark.parametrize(
    ("arguments", "looked_for"),
    [
        (["--lifetrack-fail-on=never"], False),
        (["--lifetrack-fail-on=never", "-v"], True),
        (["--lifetrack-fail-on=never", "--lifetrack-report=report.json"], True),
        (["--lifetrack-fail-on=never", "--lifetrack-journal=journal"], True),
        ([], True),
    ],
)
def test_holders_are_looked_for_where_somebody_reads_of_them(pytester, run, arguments, looked_for):
    """In a failure, a report, a journal or a verbose summary; else it would be work for nobody."""
    pytester.makeconftest(TELLING)
    pytester.makepyfile(
        test_it="""
        import resources

        def test_that_leaks():
            resources.keep()
        """
    )
    assert f"looked for: {looked_for}" in run(*arguments, fresh=True).stdout.str()
