"""Fixtures that every test may use: a subprocess of this Python, and a tracker of one's own.

Two things are set for all tests, both to save time: where bytecode goes, and what the collector need not look at.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest
from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

pytest_plugins = ["pytester"]  # only the conftest of the root may ask for it

CHECKOUT = Path(__file__).resolve().parent.parent
# Hundreds of programs are started, of which each would compile every module anew where no bytecode may be written.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(CHECKOUT / ".cache" / "bytecode"))

# Hypothesis tries the same examples in every run, keeps none, and tells a failing one as it found it: to shrink one of
# our long programs takes minutes and looks like a hang. `--hypothesis-profile=search` looks for new ones, and shrinks.
settings.register_profile(
    "gate",
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    print_blob=True,
    suppress_health_check=(HealthCheck.too_slow,),
)
settings.register_profile(
    "search",
    settings.get_profile("gate"),
    derandomize=False,
    max_examples=1000,
    phases=tuple(each for each in Phase if each != Phase.reuse),
)
settings.load_profile("gate")


class Finished(NamedTuple):
    """What a program left behind; unpacks as ``stdout, stderr, returncode``."""

    stdout: str
    stderr: str
    returncode: int


class RunPython(Protocol):
    """The type of the fixture ``run_python``, for annotations."""

    def __call__(
        self,
        code_or_path: str | Path,
        *args: str,
        env: Mapping[str, str | None] | None = None,
        python_flags: Sequence[str] = (),
        cwd: str | Path | None = None,
        stdin: str = "",
        timeout: float = 60.0,
    ) -> Finished: ...


@pytest.fixture
def run_python() -> RunPython:
    """Run a program in a fresh interpreter, with the checkout importable, and return what came out.

    ``run_python("print(1)")`` runs code, ``run_python(path)`` runs the script at a ``Path``, and
    ``run_python("", "rules", python_flags=["-m", "lifetrack"])`` runs a module. ``args`` become the program's
    ``sys.argv[1:]``. ``env`` is laid over this process's environment; a value of None takes the name out. The
    environment's own ``LIFETRACK*`` settings never get in. The child is optimised exactly when the tests are
    (``python -O -m pytest``). A program over ``timeout`` seconds raises ``subprocess.TimeoutExpired``; a failing one
    just returns its status.
    """
    return _run_python


def _run_python(
    code_or_path: str | Path,
    *args: str,
    env: Mapping[str, str | None] | None = None,
    python_flags: Sequence[str] = (),
    cwd: str | Path | None = None,
    stdin: str = "",
    timeout: float = 60.0,
) -> Finished:
    optimise = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    if isinstance(code_or_path, Path):
        program = [str(code_or_path)]
    else:
        program = [] if "-m" in python_flags else ["-c", code_or_path]
    done = subprocess.run(
        [sys.executable, *optimise, *python_flags, *program, *args],
        env=_environment(env or {}),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        check=False,
    )
    return Finished(done.stdout, done.stderr, done.returncode)


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    result = {name: value for name, value in os.environ.items() if not name.startswith("LIFETRACK")}
    result["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), result.get("PYTHONPATH")]))
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    """A tracker that nobody else uses; started by the test that wants it started, stopped when the test ends."""
    from lifetrack.tracker import Tracker

    fresh = Tracker()
    try:
        yield fresh
    finally:
        fresh.stop()


#: The folders of tests about who holds what; the heap of a process with thousands of tests is large to look through.
SEARCHED = {"evidence", "golden", "holders"}


#: These run in a process of their own where all tests are run. Walks over everything in memory, and collections of all
#: garbage in each test, are several times as fast there; and large libraries, in the process of all, would make each
#: start of watching slower that comes after them. The last one thaws what others have leaked on purpose.
APART = tuple(
    CHECKOUT / "tests" / name
    for name in ("holders", "guards/test_zoo_leaks.py", "libraries", "pools", "test_start_heap.py")
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave those out that are run apart, unless somebody names them."""
    if collection_path not in APART:
        return None
    named = (Path(config.invocation_params.dir, each.partition("::")[0]).resolve() for each in config.args)
    return not any(collection_path == each or collection_path in each.parents for each in named) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, those that run others apart: at the end one worker would wait for the other."""
    first = CHECKOUT / "tests" / "test_apart.py"
    items.sort(key=lambda item: item.path != first)


@pytest.fixture(autouse=True, scope="module")
def _few_searches(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look for the holders of what leaks in this process only where the tests are about that."""
    from lifetrack.holders.leaks import Evidence

    with pytest.MonkeyPatch.context() as patch:
        if request.path.parent.name not in SEARCHED:
            for name in ("note", "note_all"):
                patch.setattr(Evidence, name, lambda *_: None)
            patch.setattr(Evidence, "of_now", lambda *_, **__: nullcontext())
        yield


@pytest.fixture(autouse=True, scope="module")
def _a_small_heap() -> None:
    """Take what is there before a module's tests out of the collector's sight: many of them collect, some a lot.

    What earlier tests leaked on purpose goes here, and is not this module's error.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    gc.freeze()
