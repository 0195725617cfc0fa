"""What only a finalizer gives back is a leak, however it does that; what a finalizer acquires itself is its own."""

from __future__ import annotations

import gc
import gzip
import io
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lifetrack.tracker import Tracker

HERE = Path(__file__)


def _descriptor() -> Any:
    number = os.open(__file__, os.O_RDONLY)
    return number, lambda: os.close(number)


def _file(*args: Any) -> Any:
    file = open(__file__, *args)
    return file, file.close


def _stack() -> Any:
    stack = ExitStack()
    stack.enter_context(open(__file__, encoding="utf-8"))
    return stack, stack.close


def _made(make: Callable[[], Any], release: str = "close") -> Callable[[], Any]:
    def makes() -> Any:
        made = make()
        return made, getattr(made, release)

    return makes


def _executor() -> Any:
    made = ThreadPoolExecutor(1)
    made.submit(int).result()
    return made


KINDS: dict[str, Callable[[], Any]] = {
    "text": _file, "buffered": lambda: _file("rb"), "unbuffered": lambda: _file("rb", 0), "descriptor": _descriptor,
    "socket": _made(socket.socket), "sqlite": _made(lambda: sqlite3.connect(":memory:")),
    "gzip": _made(lambda: gzip.open(__file__)), "executor": _made(_executor, "shutdown"),
    "temporary": _made(lambda: tempfile.NamedTemporaryFile()), "stack": _stack,
}  # fmt: skip


class Holder:
    """Has something that only its finalizer releases."""

    def __init__(self, kind: str) -> None:
        self.what, self.end = KINDS[kind]()


class Directly(Holder):
    """Releases in the finalizer itself."""

    def __del__(self) -> None:
        self.end()


class ByClose(Holder):
    """Has the method that everybody writes."""

    def close(self) -> None:
        self.end()

    def __del__(self) -> None:
        self.close()


class ByHelpers(Holder):
    """Goes through functions of other names."""

    def shut(self) -> None:
        self.each()

    def each(self) -> None:
        for end in (self.end,):
            end()

    def __del__(self) -> None:
        self.shut()


class ByExit(Holder):
    """Leaves its own context."""

    def __exit__(self, *_: object) -> None:
        self.end()

    def __del__(self) -> None:
        self.__exit__(None, None, None)


@pytest.fixture(params=["counts", "sites", "stacks"])
def counting(request: pytest.FixtureRequest, tracker: Tracker, tmp_path: Path) -> Tracker:
    """A tracker of each level, since each knows more of an acquisition than the one below it."""
    gc.collect()
    tracker.start(request.param, policy="record", watch="stdlib", report=False)
    return tracker


def _rules(tracker: Tracker) -> list[str]:
    gc.collect()
    return [found.rule for found in tracker.find_leaks()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cls", [Directly, ByClose, ByHelpers, ByExit])
def test_released_by_a_finalizer(cls: type[Holder], kind: str, counting: Tracker) -> None:
    """However many of the program's functions stand in between; and what was in order once says nothing of the next."""
    holder = cls(kind)
    holder.end()
    holder.end = lambda: None  # type: ignore[method-assign]
    del holder
    assert _rules(counting) == []
    cls(kind)
    found = _rules(counting)
    assert found
    assert set(found) == {"LT102"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cls", [ByClose, ByHelpers, ByExit])
def test_released_by_its_owner(cls: type[Holder], kind: str, counting: Tracker) -> None:
    """The same functions, called by the program."""
    holder = cls(kind)
    {ByClose: lambda: holder.close(), ByHelpers: lambda: holder.shut(), ByExit: lambda: holder.__exit__()}[cls]()  # type: ignore[attr-defined]
    assert _rules(counting) == []
    holder.end = lambda: None  # type: ignore[method-assign]


def _reads(_: Path) -> None:
    HERE.read_text(encoding="utf-8")


def _writes(folder: Path) -> None:
    (folder / "some").write_bytes(b"some")


def _copies(folder: Path) -> None:
    shutil.copy(__file__, folder / "copy")


def _runs(_: Path) -> None:
    subprocess.run([sys.executable, "-c", ""], capture_output=True, check=True)


def _archives(folder: Path) -> None:
    (folder / "what").mkdir()
    shutil.copy(__file__, folder / "what" / "file")
    shutil.make_archive(str(folder / "archive"), "zip", folder / "what")


def _own_file(_: Path) -> None:
    with open(__file__, encoding="utf-8"):
        pass


def _own_number(_: Path) -> None:
    os.close(os.open(__file__, os.O_RDONLY))


def _helper(_: Path) -> None:
    file = _file()[0]
    file.close()


def _own_holder(_: Path) -> None:
    ByClose("text").close()


def _socket(_: Path) -> None:
    for each in socket.socketpair():
        each.close()


WORK = [_reads, _writes, _copies, _runs, _archives, _own_file, _own_number, _helper, _own_holder, _socket]


@pytest.mark.parametrize("work", WORK)
def test_what_a_finalizer_does_for_itself(work: Callable[[Path], None], counting: Tracker, tmp_path: Path) -> None:
    """It may open whatever it likes, through libraries and functions of its own, if it releases that."""

    class Worker:
        def __del__(self) -> None:
            self.close()

        def close(self) -> None:
            work(tmp_path)
            done.append(True)

    done: list[bool] = []
    worker = Worker()
    del worker
    found = _rules(counting)
    assert done == [True]
    assert found == []


@pytest.mark.parametrize("kind", ["text", "socket", "descriptor"])
def test_made_in_one_function_and_closed_in_the_finalizer(kind: str, counting: Tracker) -> None:
    """A finalizer that has a helper make something, and closes that itself."""

    class Worker:
        def __del__(self) -> None:
            made = KINDS[kind]()
            made[1]()
            done.append(True)

    done: list[bool] = []
    Worker()
    assert _rules(counting) == []
    assert done == [True]


@pytest.mark.parametrize("work", [_reads, _copies, _own_file])
def test_what_a_finalized_file_object_does_for_itself(
    work: Callable[[Path], None], counting: Tracker, tmp_path: Path
) -> None:
    """The interpreter has it close itself; what it opens for that is its own."""

    class Wrapper(io.RawIOBase):
        def close(self) -> None:
            if not self.closed:
                work(tmp_path)
                done.append(True)
            super().close()

    done: list[bool] = []
    Wrapper()
    assert _rules(counting) == []
    assert done == [True]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_warning_that_is_shown(counting: Tracker) -> None:
    """To show a warning the source is read, inside of the finalizer of what is told of."""

    class Warns:
        def __del__(self) -> None:
            warnings.showwarning(ResourceWarning("unclosed"), ResourceWarning, __file__, 1, io.StringIO())
            done.append(True)

    import linecache

    done: list[bool] = []
    linecache.checkcache(__file__)
    linecache.cache.pop(__file__, None)
    Warns()
    assert _rules(counting) == []
    assert done == [True]


def test_closed_by_a_wrapper_that_is_finalized(counting: Tracker) -> None:
    """The interpreter has a file object that is dropped close itself: what it is made of was released by nobody.

    What it released when somebody closed it was, though, and tells nothing of the next one.
    """

    class Wrapper(io.RawIOBase):
        def __init__(self) -> None:
            self.inner = open(__file__, encoding="utf-8")

        def close(self) -> None:
            self.inner.close()
            super().close()

    Wrapper().close()
    assert _rules(counting) == []
    for number in (1, 2):
        Wrapper()
        gc.collect()
        assert [(found.rule, found.count) for found in counting.find_leaks()] == [("LT102", 1)] * number
