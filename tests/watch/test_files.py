"""Files: every way of opening one leads to its line, and nothing about a watched file or ``open`` is different."""

from __future__ import annotations

import builtins
import copy
import gc
import gzip
import importlib
import inspect
import io
import logging
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The interpreter's own warnings of what is dropped are looked at only where a test says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def _fdopen(_: Path) -> Any:
    return os.fdopen(os.open(__file__, os.O_RDONLY))  # site: fdopen


def _pathlib(_: Path) -> Any:
    return pathlib.Path(__file__).open(encoding="utf-8")  # site: pathlib


def _gzip(folder: Path) -> Any:
    return gzip.open(folder / "a.gz", "wb")  # site: gzip


def _temporary(_: Path) -> Any:
    return tempfile.TemporaryFile()  # site: temporary


def _named(_: Path) -> Any:
    return tempfile.NamedTemporaryFile()  # site: named


def _handler(folder: Path) -> Any:
    return logging.FileHandler(folder / "log")  # site: handler


WAYS = {
    "fdopen": _fdopen,
    "pathlib": _pathlib,
    "gzip": _gzip,
    "temporary": _temporary,
    "named": _named,
    "handler": _handler,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_opening(way: str, watching: Tracker, tmp_path: Path, line_of: Callable[[Finding], str]) -> None:
    """The site is in the program, however deep in the standard library the file was opened."""
    with watching.scope("job"):
        kept = WAYS[way](tmp_path)
    findings = watching.find_leaks()
    kept.close()
    assert [found.rule for found in findings] == ["LT103"]
    assert f"# site: {way}" in line_of(findings[0])


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_opening_when_closed(way: str, watching: Tracker, tmp_path: Path) -> None:
    """What is closed through its wrapper is released."""
    with watching.scope("job"):
        WAYS[way](tmp_path).close()
    gc.collect()
    assert watching.find_leaks() == []


@pytest.mark.parametrize("way", ["fdopen", "pathlib", "gzip", "temporary", "named"])
def test_every_way_of_opening_when_dropped(way: str, watching: Tracker, tmp_path: Path) -> None:
    """What only a finalizer closed is LT102, also where the library has a finalizer of its own."""
    WAYS[way](tmp_path)
    gc.collect()
    assert [found.rule for found in watching.find_leaks()] == ["LT102"]


class _Text(io.TextIOWrapper):
    """A text file of the program's own."""


class _Buffer(io.BufferedReader):
    """A buffer of the program's own."""


_RAW: dict[str, Callable[[Any], object]] = {
    "text": lambda file: _Text(file),
    "buffer": lambda file: _Buffer(file.detach()),
    "both": lambda file: _Text(_Buffer(file.detach())),
    "pure": lambda file: importlib.import_module("_pyio").TextIOWrapper(file),
}


@pytest.mark.parametrize("way", _RAW)
def test_dropped_below_something_of_the_programs_own(way: str, watching: Tracker) -> None:
    """Whatever class stands above an open file, one that is dropped is a leak and one that is closed is none."""
    _RAW[way](open(__file__, "rb"))
    gc.collect()
    assert [found.rule for found in watching.find_leaks()] == ["LT102"]
    _RAW[way](open(__file__, "rb")).close()  # type: ignore[attr-defined]
    gc.collect()
    assert len(watching.find_leaks()) == 1


def test_pipes_of_a_process(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A pipe to a process that was waited for is a file that must be closed too."""
    with watching.scope("job"):
        process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)  # site: pipe
        process.wait()
    findings = watching.find_leaks()
    if process.stdout is not None:
        process.stdout.close()
    assert [found.resource.type for found in findings] == ["_io.BufferedReader"]
    assert "# site: pipe" in line_of(findings[0])


def test_somebody_elses_descriptor(watching: Tracker) -> None:
    """A file made with closefd=False does not own its descriptor, so it is no resource."""
    descriptor = os.open(__file__, os.O_RDONLY)
    try:
        with watching.scope("job") as scope:
            file = open(descriptor, "rb", closefd=False)
        assert watching.find_leaks(scope=scope) == []
        assert not file.closed
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("depth", [1, 2])
def test_detached(depth: int, watching: Tracker) -> None:
    """A detached file is released by closing what it was detached from; dropping that is a leak."""
    file: Any = open(__file__, encoding="utf-8")
    raw = file.detach() if depth == 1 else file.detach().detach()
    del file
    gc.collect()
    assert [found.rule for found in watching.find_leaks()] == ["LT101"]
    raw.close()
    assert watching.find_leaks() == []


def test_close_of_the_innermost(watching: Tracker) -> None:
    """Closing the raw file is a release too."""
    file: Any = open(__file__, encoding="utf-8")
    file.buffer.raw.close()
    assert watching.find_leaks() == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_close_that_cannot_write(watching: Tracker) -> None:
    """Where the last flush fails, the descriptor is closed all the same: nothing has leaked."""
    file = open("/dev/full", "w", encoding="utf-8")
    file.write("text")
    with pytest.raises(OSError, match="No space left"):
        file.close()
    assert file.closed
    assert watching.find_leaks() == []


def test_data_of_a_dropped_file(watching: Tracker, tmp_path: Path) -> None:
    """What a dropped file still buffered is written, as without us."""
    open(tmp_path / "a", "w", encoding="utf-8").write("text")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "text"
    assert [found.rule for found in watching.find_leaks()] == ["LT102"]


def test_a_stored_close_keeps_the_file(watching: Tracker) -> None:
    """Whoever keeps the close method of a file keeps the file open, unbuffered files too."""
    for buffering in (0, -1):
        file: Any = open(__file__, "rb", buffering=buffering)
        descriptor, close = file.fileno(), file.close
        del file
        gc.collect()
        os.fstat(descriptor)  # still open
        close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    assert watching.find_leaks() == []


def _opened(*args: Any) -> list[Any]:
    """Everything about a file that a program can see without looking into the raw file's own attributes."""
    file = open(*args)
    seen: list[Any] = [type(part) for part in (file, getattr(file, "buffer", file))]
    seen += [isinstance(file, io.IOBase), file.__class__, repr(file), file.name, file.mode, sorted(dir(type(file)))]
    seen += [vars(part) for part in (file, getattr(file, "buffer", file)) if not isinstance(part, io.FileIO)]
    try:
        pickle.dumps(file)
    except TypeError as error:
        seen.append(str(error))
    file.close()
    return [*seen, file.closed]


@pytest.mark.parametrize("args", [(__file__,), (__file__, "rb"), (__file__, "r+b")])
def test_files_look_as_before(args: tuple[Any, ...], tracker: Tracker) -> None:
    """Types, attributes, repr and the refusal to be pickled are what they are without us."""
    before = _opened(*args)
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    assert _opened(*args) == before


def test_unbuffered_file_looks_as_before(tracker: Tracker) -> None:
    """An unbuffered file is of a subclass, and answers as the class itself."""
    with open(__file__, "rb", buffering=0) as plain:
        before = (plain.__class__, repr(plain), plain.name, plain.mode, plain.read(10), dict(vars(plain)))
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    with open(__file__, "rb", buffering=0) as file:
        assert isinstance(file, io.FileIO)
        assert (file.__class__, repr(file), file.name, file.mode, file.read(10), dict(vars(file))) == before


BAD_CALLS: list[tuple[Any, ...]] = [
    (), ("/no/such/file",), (__file__, "q"), (__file__, "rwb", 0), (__file__, "r", 0), (__file__, "rb", 0, "utf-8"),
    (__file__, "rb", "x"), (1.5, "rb", 0), ("/", "rb", 0), (object(), "rb", 0), (__file__, "bb", 0), (__file__, 5, 0),
]  # fmt: skip


@pytest.mark.parametrize("args", BAD_CALLS, ids=lambda args: "-".join(type(arg).__name__ for arg in args))
def test_bad_calls_fail_as_before(args: tuple[Any, ...], tracker: Tracker) -> None:
    """A wrong call raises the same exception with the same words."""
    with pytest.raises(Exception) as before:
        open(*args)
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    with pytest.raises(type(before.value)) as after:
        open(*args)
    assert str(after.value).partition(" at 0x")[0] == str(before.value).partition(" at 0x")[0]


def test_open_looks_as_before(watching: Tracker) -> None:
    """``open`` shows, compares, copies and pickles as the built-in, and does not bind as a method."""

    class Reader:
        opener = open

    assert open is io.open is builtins.open
    assert isinstance(open, types.BuiltinFunctionType)
    assert repr(open) == "<built-in function open>"
    assert (open.__name__, open.__qualname__) == ("open", "open")
    assert "encoding" in inspect.signature(open).parameters
    assert pickle.loads(pickle.dumps(open)) is open
    assert copy.copy(open) is copy.deepcopy(open) is open
    with Reader().opener(__file__, encoding="utf-8") as file:
        assert file.readable()
    assert watching.is_tracking()


def _dropped() -> None:
    text, binary = open(__file__, encoding="utf-8"), open(__file__, "rb")
    unbuffered, both = open(__file__, "rb", 0), open(__file__, "r+b")
    del text
    del binary
    del unbuffered
    del both


def _warned() -> list[tuple[Any, ...]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _dropped()
        open(__file__, "rb", 1).close()
        for args in ((), ("rb",), ("rb", 0)):
            ring: list[Any] = [open(__file__, *args)]
            ring.append(ring)
            del ring
            gc.collect()
    return [
        (each.category, str(each.message).partition(" name")[0], each.filename, each.lineno, type(each.source).__name__)
        for each in caught
    ]


def test_warnings_are_as_before(tracker: Tracker) -> None:
    """The interpreter's warnings come with the same words from the same lines."""
    gc.collect()
    before = _warned()
    tracker.start("sites", policy="record", watch="stdlib", report=False)
    assert len(before) == 8
    assert _warned() == before


def test_encoding_warnings_are_as_before(run_python: RunPython) -> None:
    """With -X warn_default_encoding the warning names the program's own line, and only once."""
    code = """import lifetrack, warnings
if {on}: lifetrack.start("sites", policy="record", watch="stdlib", report=False)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    open("/dev/null").close()
    open("/dev/null", "rb").close()
print([(each.filename, each.lineno, str(each.message)) for each in caught])
"""
    flags = ["-X", "warn_default_encoding"]
    plain = run_python(code.format(on=False), python_flags=flags)
    watched = run_python(code.format(on=True), python_flags=flags)
    assert plain.stdout.count("encoding") == 1, plain
    assert watched == plain
