"""The façade: what `import lifetrack` offers, and what it does not drag in."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunPython

#: What the import may not load: extras, the one dependency, and parts of the standard library that cost time.
HEAVY = (
    "argparse", "asyncio", "attrs", "concurrent.futures", "difflib", "email", "html", "http", "inspect", "json",
    "logging", "multiprocessing", "objgraph", "psutil", "pydantic", "pytest", "rich", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "tokenize", "traceback", "unittest", "urllib", "wrapt",
)  # fmt: skip

#: The names that outsiders rely on; more may be added.
PROMISED = {
    "BackendCollection", "BackendError", "DoubleReleaseError",
    "LeakError", "LeakWarning", "LifetrackError", "OwnershipError", "UseAfterMoveError",
    "UseAfterReleaseError", "acquires", "assert_no_leaks", "find_leaks", "history", "is_tracking", "releases", "report",
    "scope", "snapshot", "start", "stop", "track", "tracked", "watch",
}  # fmt: skip

lifetrack = importlib.import_module("lifetrack")
PUBLIC = list(getattr(lifetrack, "__all__", ()))


def test_the_promised_names_are_public() -> None:
    """Every name that the documentation promises stands in `__all__`."""
    assert sorted(PROMISED - set(PUBLIC)) == []


def test_all_is_sorted_and_has_no_doubles() -> None:
    """`__all__` is in plain order, each name once, so that a change shows as one line."""
    assert sorted(set(PUBLIC)) == PUBLIC


def test_dir_lists_what_is_public() -> None:
    """Completion in a shell offers every public name, although they are loaded on first use."""
    assert sorted(set(PUBLIC) - set(dir(lifetrack))) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    """A public name can be had, and its own docstring says what it is for."""
    value = getattr(lifetrack, name)
    if name.startswith("__") or not callable(value):
        return
    own = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    assert own, f"lifetrack.{name} has no docstring"
    assert own.strip().endswith(".") or "\n" in own, f"lifetrack.{name}: the docstring is no sentence"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """What is not public is refused as every module refuses it, naming both."""
    with pytest.raises(AttributeError, match=r"lifetrack.*no_such_name"):
        _ = lifetrack.no_such_name


def test_a_star_import_brings_all(run_python: RunPython) -> None:
    """`from lifetrack import *` works and brings every public name."""
    code = "from lifetrack import *; import lifetrack; print(sorted(set(lifetrack.__all__) - set(globals())))"
    assert run_python(code) == ("[]\n", "", 0)


def test_the_import_is_light(run_python: RunPython) -> None:
    """The bare import loads no extra, no dependency and no costly part of the standard library."""
    code = "import sys; before = set(sys.modules); import lifetrack; print(*sorted(set(sys.modules) - before))"
    stdout, stderr, returncode = run_python(code, python_flags=["-S"])
    assert (stderr, returncode) == ("", 0)
    loaded = stdout.split()
    assert "lifetrack" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_the_import_has_no_effect_on_the_program(run_python: RunPython) -> None:
    """Importing alone patches nothing: the built-ins, the hooks and the warning filters stay as they were."""
    code = """
import builtins, json, sys, threading, warnings
def state():
    return [[id(value) for value in vars(builtins).values()], [repr(f) for f in warnings.filters],
            id(sys.excepthook), id(sys.unraisablehook), id(threading.excepthook), id(threading.Thread.start)]
before = state()
import lifetrack
print(json.dumps([old == new for old, new in zip(before, state(), strict=True)]))
"""
    stdout, stderr, returncode = run_python(code)
    assert (stderr, returncode) == ("", 0)
    assert json.loads(stdout) == [True] * 6
