"""A suite to run the plugin on, and the ways to run it."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

import pytest

# A run in this process forgets the modules that it imported: no half of lifetrack may stay behind.
import lifetrack.api  # noqa: F401

CHECKOUT = Path(__file__).resolve().parents[2]

RESOURCES = """
import pytest, lifetrack as lt

@lt.tracked
class Backend:
    def use(self): return 1
    def close(self): pass

KEPT = []

def keep():
    KEPT.append(Backend())
    return KEPT[-1]
"""


def plugin_arguments() -> list[str]:
    """Load the plugin by name where the project is not installed; by name as well, pytest would refuse it twice."""
    installed = any(point.name == "lifetrack" for point in entry_points(group="pytest11"))
    return [] if installed else ["-p", "lifetrack.pytest_plugin"]


class Run(Protocol):
    """The type of the fixture ``run``."""

    def __call__(self, *arguments: str, flag: bool = True, fresh: bool = False) -> pytest.RunResult: ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest on what the test wrote, with ``--lifetrack`` and declared classes only; ``fresh``: as a process."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CHECKOUT), str(pytester.path)]))
    monkeypatch.delenv("LIFETRACK", raising=False)
    pytester.makepyfile(resources=RESOURCES)
    pytester.syspathinsert()
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")

    def run_it(*arguments: str, flag: bool = True, fresh: bool = False) -> pytest.RunResult:
        own = ["--lifetrack", "--lifetrack-watch="] if flag else []
        order = [] if any("randomly" in argument for argument in arguments) else ["-p", "no:randomly"]
        cache = [] if "--lf" in arguments or "cacheprovider" in arguments else ["-p", "no:cacheprovider"]
        given = [*plugin_arguments(), *order, *cache, *own, *arguments]
        if fresh:
            return pytester.runpytest_subprocess(*given)
        return pytester.runpytest_inprocess(*given)

    return run_it
