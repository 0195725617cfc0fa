"""What is just ending when a test ends: its time is given once, and it is looked for in caches only after that."""

from __future__ import annotations

import re

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
