"""Raw descriptors that are used after their close: found where that can be told from a right use of the number."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

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
    *([lambda number: os.fdatasync(number)] if hasattr(os, "fdatasync") else []),
    *([lambda number: os.copy_file_range(number, number, 0)] if hasattr(os, "copy_file_range") else []),
    *([lambda number: os.sendfile(1, in_fd=number, offset=0, count=0)] if sys.platform == "linux" else []),
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


# -- what a file or socket has taken over ----------------------------------------------------------------------------


def _by_file() -> tuple[int, Any]:
    number = os.open(os.devnull, os.O_RDWR)
    return number, os.fdopen(number, "rb")


def _by_open() -> tuple[int, Any]:
    number = os.open(os.devnull, os.O_RDWR)
    return number, open(number, "rb", buffering=0)


def _by_socket() -> tuple[int, Any]:
    first, second = socket.socketpair()
    second.close()
    number = first.detach()
    return number, socket.socket(fileno=number)


TAKERS: list[Callable[[], tuple[int, Any]]] = [_by_file, _by_open, _by_socket]


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("take", TAKERS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_number_whose_taker_has_closed_it(watching: Tracker, take: Callable[[], Any], dropped: bool) -> None:
    """Closing it once more is LT202, using it LT201: suspected, as the system refuses it."""
    number, taker = take()
    if not dropped:
        taker.close()
    del taker
    for use in (lambda: os.read(number, 1), lambda: os.close(number)):
        with pytest.raises(OSError, match="Bad file descriptor"):
            use()
    assert [(rule, certainty) for rule, _, certainty in misused(watching)] == [
        ("LT201", "suspected"),
        ("LT202", "suspected"),
    ]
    (again,) = [each for each in watching.report().findings if each.rule == "LT202"]
    assert [event.event for event in again.events] == ["acquired", "released", "released"]
    assert "taken it over" in again.message


@pytest.mark.parametrize("take", TAKERS)
def test_number_that_was_taken_over_and_is_a_files_by_now(
    watching: Tracker, tmp_path: Path, take: Callable[[], Any]
) -> None:
    """It closes another's file, or reads from it: proven."""
    number, taker = take()
    taker.close()
    (tmp_path / "file").touch()
    another = open(tmp_path / "file", "rb")
    os.read(number, 1)
    os.close(number)
    with pytest.raises(OSError, match="Bad file descriptor"):
        another.close()
    assert [(rule, certainty) for rule, _, certainty in misused(watching)] == [
        ("LT201", "proven"),
        ("LT202", "proven"),
    ]


@pytest.mark.parametrize("take", TAKERS)
def test_number_that_its_taker_still_has(watching: Tracker, tmp_path: Path, take: Callable[[], Any]) -> None:
    """It may be used as long as it is open, by its number too; and later by whoever it belongs to by then."""
    number, taker = take()
    os.fstat(number)
    with contextlib.suppress(OSError):
        os.read(number, 0)
    taker.close()
    for _ in range(2):
        again = os.open(tmp_path, os.O_RDONLY)
        assert again == number
        os.close(again)
    with open(__file__, "rb") as file:
        assert file.fileno() == number
        os.read(number, 1)
    with open(__file__, "rb", opener=os.open), tempfile.NamedTemporaryFile() as temporary:
        os.write(temporary.fileno(), b"x")
    with os.fdopen(os.open(__file__, os.O_RDONLY), closefd=False) as lent:
        again = lent.fileno()
    os.close(again)
    first, second = socket.socketpair()
    with first, second, socket.socket(fileno=os.dup(first.fileno())) as third:
        os.write(third.fileno(), b"x")
        os.close(third.detach())
    assert misused(watching) == []
    assert watching.find_leaks() == []


def _function(native: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any) -> Any:
        return native(*args)

    return wrapper


def _of_its_name(native: Callable[..., Any]) -> Callable[..., Any]:
    def read(*args: Any) -> Any:
        return native(*args)

    return read


@pytest.mark.parametrize(
    "put", [_function, _of_its_name, functools.partial, lambda native: mock.MagicMock(wraps=native)]
)
def test_a_function_that_is_replaced_at_the_first_close(
    watching: Tracker, tmp_path: Path, put: Callable[[Any], Any]
) -> None:
    """A close is a close while a test has its own function in the place of one; that is left, and watched when back."""
    theirs = put(os.read)
    with mock.patch.object(os, "read", theirs):
        _closed()
        assert os.read is theirs
    assert misused(watching) == []
    number = _closed()
    with open(tmp_path / "file", "w+", encoding="utf-8") as file:
        assert os.read(number, 1) == b""
        assert file.fileno() == number
    assert misused(watching) == [("LT201", "os.open", "proven")]


@pytest.mark.parametrize("name", ["open", "close", "read"])
def test_a_function_that_is_replaced_at_the_start(tracker: Tracker, name: str) -> None:
    """Tracking begins and ends while a test has something of its own in the place of a function."""
    native, theirs = getattr(os, name), functools.partial(getattr(os, name))
    with mock.patch.object(os, name, theirs):
        tracker.start("stacks", policy="record", watch="stdlib", report=False)
        _closed()
        tracker.stop()
        assert getattr(os, name) is theirs
    assert getattr(os, name) is native
