"""Raw descriptors that are used after their close: found where that can be told from a right use of the number."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker


def misused(tracker: Tracker) -> list[tuple[str, str, str]]:
    return [
        (each.rule, each.resource.type, each.certainty.word)
        for each in tracker.report().findings
        if not each.rule.startswith("LT1")
    ]


def _closed() -> int:
    number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    return number


USES: list[Callable[[int], object]] = [
    lambda number: os.read(number, 1),
    lambda number: os.write(number, b"x"),
    lambda number: os.lseek(number, 0, os.SEEK_SET),
    lambda number: os.pread(number, 1, 0),
]


@pytest.mark.parametrize("use", USES)
def test_number_that_is_a_files_by_now(watching: Tracker, tmp_path: Path, use: Callable[[int], object]) -> None:
    """Using the old number of what is a file by then is LT201, proven, with the three places of the story."""
    number = _closed()
    (tmp_path / "file").touch()
    with open(tmp_path / "file", "r+", encoding="utf-8") as file:
        use(number)
        assert file.fileno() == number
    assert misused(watching) == [("LT201", "os.open", "proven")]
    (finding,) = [each for each in watching.report().findings if each.rule == "LT201"]
    assert [event.event for event in finding.events] == ["acquired", "released", "used"]
    assert "another file" in finding.message


@pytest.mark.parametrize("use", USES)
def test_number_that_is_nobodys(watching: Tracker, use: Callable[[int], object]) -> None:
    """Where the system refuses the number it is suspected: tests ask that way whether something is closed."""
    number = _closed()
    with pytest.raises(OSError, match="descriptor"):
        use(number)
    assert misused(watching) == [("LT201", "os.open", "suspected")]


def test_right_uses_of_a_number_that_is_used_again(watching: Tracker, tmp_path: Path) -> None:
    """What was asked of the file itself is its own number, as is that of a new descriptor, a socket, a child's pipe."""
    number = _closed()
    with open(tmp_path / "file", "w+b") as file:
        os.write(file.fileno(), b"text")
        assert os.read(number, 1) == b""
    again = os.open(tmp_path / "file", os.O_RDONLY)
    assert (again, os.read(again, 4)) == (number, b"text")
    os.close(again)
    one, other = socket.socketpair()
    with one, other:
        os.write(one.fileno(), b"x")
        assert os.read(other.fileno(), 1) == b"x"
    subprocess.run([sys.executable, "-c", ""], check=True, capture_output=True)
    assert misused(watching) == []


def test_file_that_has_a_used_number(watching: Tracker) -> None:
    """Such a file answers, closes and refuses as any other, and a dropped one is no more than a leak."""
    number = _closed()
    with open(__file__, "rb") as file:
        assert file.readline()
    with pytest.raises(ValueError, match="closed"):
        file.fileno()
    with open(__file__, "rb", buffering=0) as raw:
        assert raw.fileno() == number
    with contextlib.suppress(OSError), open(__file__, encoding="utf-8") as text:
        assert (text.fileno(), text.fileno()) == (number, number)
    assert misused(watching) == []


def test_nothing_is_touched_before_the_first_close(tracker: Tracker) -> None:
    """The functions of os are what they are until a descriptor of the program's was closed, and again after the end."""
    before = os.read
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    during = os.read
    _closed()
    after = os.read
    tracker.stop()
    assert (during is before, after is before, os.read is before) == (True, False, True)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that has none of the functions so far."""
    module: Any = ModuleType("lt_without")
    module.read = None
    monkeypatch.setitem(sys.modules, "lt_without", module)
    return module


def test_few_modules_are_looked_through_at_the_first_close(tracker: Tracker, without: Any) -> None:
    """Those that had none of the functions at the start are spared; it is noted there who has them."""
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    before = without.read = os.read  # what another walk would find
    _closed()
    assert (os.read is before, without.read is before) == (False, True)


def test_what_was_noted_at_the_start_is_forgotten_at_the_end(tracker: Tracker, without: Any) -> None:
    """Who has them by the next start is looked for anew."""
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    tracker.stop()
    before = without.read = os.read
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    _closed()
    assert (os.read is before, without.read is os.read) == (False, True)
    tracker.stop()
    assert (os.read is before, without.read is before) == (True, True)


def test_functions_that_a_program_imports_after_the_start(run_python: RunPython) -> None:
    """Its own names for them are exchanged at the first close, though they were not there at the start."""
    code = """import lifetrack, os
lifetrack.start("sites", policy="record", watch="stdlib", report=False)
from os import close, devnull, open, read
number = open(devnull, os.O_RDONLY)
close(number)
try:
    read(number, 1)
except OSError:
    print([finding.rule for finding in lifetrack.report().findings])
lifetrack.stop()
print(read is os.read, type(read).__name__)
"""
    assert run_python(code) == ("['LT201']\nTrue builtin_function_or_method\n", "", 0)
