"""Calls that come straight from C code, with no Python frame above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunPython

PROGRAM = """
import _thread, atexit, sys, threading
import lifetrack

lifetrack.start({level!r}, policy="record", report=False)

@lifetrack.tracked
class Backend:
    def query(self):
        return 1
    def close(self):
        done.set()

done = threading.Event()
atexit.register(lambda: print([finding.rule for finding in lifetrack.report().findings]))
"""


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_a_release_at_exit_is_a_release(run_python: RunPython, level: str) -> None:
    """``atexit.register(backend.close)`` is how singletons are closed: nothing is found."""
    result = run_python(PROGRAM.format(level=level) + "backend = Backend()\natexit.register(backend.close)\n")
    assert (result.stdout, result.stderr) == ("[]\n", "")


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_a_release_that_a_bare_thread_makes_is_a_release(run_python: RunPython, level: str) -> None:
    """A thread of the low-level module has no frame of its own."""
    code = "backend = Backend()\n_thread.start_new_thread(backend.close, ())\ndone.wait(10)\ndel backend\n"
    result = run_python(PROGRAM.format(level=level) + code)
    assert (result.stdout, result.stderr) == ("[]\n", "")


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_a_use_at_exit_is_found_though_it_has_no_place(run_python: RunPython, level: str) -> None:
    """The finding has the places that there are."""
    code = "backend = Backend()\nbackend.close()\natexit.register(backend.query)\n"
    result = run_python(PROGRAM.format(level=level) + code)
    assert (result.stdout, result.stderr) == ("['LT201']\n", "")


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_a_safety_net_at_exit_is_no_double_release(run_python: RunPython, level: str) -> None:
    """Whoever registers the release for the end may still release before."""
    code = "backend = Backend()\natexit.register(backend.close)\nbackend.close()\n"
    result = run_python(PROGRAM.format(level=level) + code)
    assert (result.stdout, result.stderr) == ("[]\n", "")
