"""A suite to run the plugin on, and the ways to run it."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
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


#: Plugins that take up to a third of a second each to load, or set up much in each run, with the words by which a suite
#: asks for them.
SLOW_TO_LOAD = {
    "anyio": ("anyio",),
    "asyncio": ("asyncio",),
    "benchmark": ("benchmark",),
    "hypothesispytest": ("hypothesis",),
    "pytest_cov": ("--cov",),
    "pytest_mock": ("mocker",),
    "randomly": ("randomly",),
    "rerunfailures": ("flaky", "reruns"),
    "socket": ("socket",),
    "trio": ("trio",),
    "twisted": ("twisted",),
}


def without_the_unasked(folder: Path, arguments: tuple[str, ...]) -> list[str]:
    """Leave out what neither the arguments nor the files of the suite speak of: each run would set it up anew."""
    text = " ".join([*arguments, *(path.read_text() for path in folder.rglob("*.*") if path.suffix in {".py", ".txt"})])
    unasked = {name for name, words in SLOW_TO_LOAD.items() if not any(word in text for word in words)}
    scope = [] if "asyncio" in unasked else ["-o", "asyncio_default_fixture_loop_scope=function"]
    return [*(f"-pno:{name}" for name in sorted(unasked)), *scope]


class Run(Protocol):
    """The type of the fixture ``run``."""

    def __call__(self, *arguments: str, flag: bool = True, fresh: bool = False) -> pytest.RunResult: ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run pytest on what the test wrote, with ``--lifetrack`` and declared classes only; ``fresh``: as a process."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CHECKOUT), str(pytester.path)]))
    monkeypatch.delenv("LIFETRACK", raising=False)
    pytester.makepyfile(resources=RESOURCES)
    pytester.syspathinsert()
    pytester.makeini("[pytest]\n")  # the root of the suite is its own folder

    def run_it(*arguments: str, flag: bool = True, fresh: bool = False) -> pytest.RunResult:
        own = ["--lifetrack", "--lifetrack-watch="] if flag else []
        random = any("randomly" in argument for argument in arguments)
        order = [] if random or fresh else ["-p", "no:randomly"]
        cache = [] if "--lf" in arguments or "cacheprovider" in arguments else ["-p", "no:cacheprovider"]
        given = [*plugin_arguments(), *order, *cache, *own, *arguments]
        start = pytester.runpytest_subprocess if fresh else pytester.runpytest_inprocess
        return start(*without_the_unasked(pytester.path, arguments), *given)

    yield run_it
    with warnings.catch_warnings():  # what a suite leaked on purpose, in this process, is not a later test's
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
