"""Executors when the process ends: the interpreter ends what nobody has shut down, and that is a leak all the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

_START = """
import atexit, threading, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import lifetrack
if __name__ == "__main__":
    lifetrack.start(watch="stdlib", level="sites", policy="record", report=True)
    kept = {kind}(1)  # site
    kept.submit(int).result()
"""

_KINDS = ["ThreadPoolExecutor", "ProcessPoolExecutor"]


@pytest.mark.parametrize("kind", _KINDS)
def test_one_that_has_worked_is_found(run_python: RunPython, kind: str) -> None:
    """By the time of the report the interpreter has joined its workers, and the executor says that it is shut."""
    done = run_python(_START.format(kind=kind))
    assert "1 finding" in done.stderr
    assert re.search(rf"LT101 leak-at-exit.*{kind}\s+acquired at \S+:7\s", done.stderr, re.DOTALL)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize(
    "shut",
    [
        "kept.shutdown()",
        "atexit.register(kept.shutdown)",
        "atexit.register(kept.shutdown, wait=False)",
        "threading.Thread(target=lambda: (time.sleep(0.2), kept.shutdown(wait=False))).start()",
    ],
)
def test_one_that_is_shut_while_the_process_ends_is_none(run_python: RunPython, kind: str, shut: str) -> None:
    """By an exit hook, or by a thread that goes on after the main one, when the workers are gone already."""
    done = run_python(_START.format(kind=kind) + f"    {shut}\n")
    assert (done.stderr, done.returncode) == ("", 0)
