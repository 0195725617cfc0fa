"""Rules of conduct: what a program can see of a watched module is what it was, and the undo restores it exactly.

The tests walk the table of rows, so that a new row is judged with the others.
"""

from __future__ import annotations

import copy
import functools
import importlib
import importlib.util
import inspect
import json
import pickle
import pydoc
import random
import sys
import traceback
import types
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from lifetrack.tracker import Tracker as AnotherTracker
from lifetrack.watchers.rows import CLASSES, SOCKETS
from lifetrack.watchers.table import KNOWN, TABLE

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker

#: Modules that hand on what a row watches, under names of their own.
OTHERS = ("builtins", "_io", "os", "posix", "tokenize", "tempfile", "ssl", "http.client", "sqlite3.dbapi2", "threading")
MODULES = tuple(
    name
    for name in dict.fromkeys([*(row.module for row in TABLE), *OTHERS])
    if importlib.util.find_spec(name) is not None
)
#: Only the standard library's rows are judged by what they look like; locks say in their docs what they are.
LOOKED_AT = "stdlib"
IGNORED = {"_", "__warningregistry__", "__builtins__", "__cached__"}


def is_standard(name: object) -> bool:
    """Whether a module or class is the standard library's."""
    return isinstance(name, str) and name.partition(".")[0] in sys.stdlib_module_names


def namespaces() -> Iterator[tuple[str, types.MappingProxyType[str, Any] | dict[str, Any]]]:
    """Every loaded module of the standard library, or one that has to do with a row, and every class in it."""
    for name, module in sorted(sys.modules.items()):
        if not isinstance(module, types.ModuleType) or not (is_standard(name) or name in MODULES):
            continue
        yield name, vars(module)
        for attribute, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == name:
                yield f"{name}.{attribute}", type.__dict__["__dict__"].__get__(value)


def everything() -> dict[str, list[tuple[str, int]]]:
    """Every attribute of all these, by identity and in its order; submodules come when they are imported."""
    return {
        name: [
            (key, id(value))
            for key, value in list(namespace.items())
            if key not in IGNORED and not isinstance(value, types.ModuleType)
        ]
        for name, namespace in namespaces()
    }


def attributes() -> dict[str, Any]:
    """Every attribute of the modules of the table, and of their classes, by its dotted name."""
    found: dict[str, Any] = {}
    for name in MODULES:
        module = sys.modules[name]
        for key, value in list(vars(module).items()):
            if key in IGNORED or isinstance(value, types.ModuleType):
                continue
            found[f"{name}.{key}"] = value
            if isinstance(value, type) and is_standard(value.__module__):
                found |= {f"{name}.{key}.{inner}": each for inner, each in list(vars(value).items())}
    return found


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """All modules of the table, so that nothing is imported between two looks."""
    for name in MODULES:
        importlib.import_module(name)
    for question in (inspect.getsource, pydoc.render_doc, mock.create_autospec):
        attempt(question, json.loads)


# -- undo --------------------------------------------------------------------------------------------------------------


def watch(tracker: Any, names: Any = LOOKED_AT) -> None:
    tracker.start("stacks", policy="record", watch=names, report=False)


def once(one: Any, _: Any) -> None:
    watch(one)
    one.stop()


def repeatedly(one: Any, _: Any) -> None:
    for level in ("sites", "counts", "stacks"):
        one.start(level, policy="record", watch="stdlib", report=False)
        one.start("stacks", policy="record", report=False)
        one.stop()
        one.stop()


def nested(one: Any, other: Any) -> None:
    watch(one)
    watch(other)
    other.stop()
    one.stop()


def crossed(one: Any, other: Any) -> None:
    watch(one)
    watch(other, "io,socket,os")
    one.stop()
    watch(one, "sqlite3")
    other.stop()
    one.stop()


def by_name_in_any_order(one: Any, other: Any) -> None:
    for seed in range(3):
        pick = random.Random(seed)
        one.start("sites", policy="record", report=False)
        other.start("sites", policy="record", report=False)
        undo = [pick.choice((one, other)).watch(name) for name in pick.sample(KNOWN, len(KNOWN))]
        pick.shuffle(undo)
        for each in undo[: len(undo) // 2]:
            each()
        one.stop()
        for each in undo:
            each()
        other.stop()


@pytest.mark.parametrize("use", [once, repeatedly, nested, crossed, by_name_in_any_order])
def test_every_attribute_of_every_module_is_restored(use: Callable[[Any, Any], None], tracker: Tracker) -> None:
    """However trackers are started and stopped, all loaded modules and classes end as they were, in the same order."""
    use(tracker, AnotherTracker())  # once before: whatever lifetrack imports is there now
    before = everything()
    use(tracker, AnotherTracker())
    after = everything()
    assert {name for name in before if before[name] != after.get(name)} == set()
    assert len(before) > 500


def test_watching_changes_attributes_at_all(tracker: Tracker) -> None:
    """The comparison can fail: while watching, an attribute of every row's module or class differs."""
    before = everything()
    watch(tracker, list(KNOWN))
    during = everything()
    tracker.stop()
    differing = {name for name in before if before[name] != during[name]}
    for row in TABLE:
        if importlib.util.find_spec(row.module) is not None:
            value = getattr(sys.modules[row.module], row.name)
            own = {row.module, f"{row.module}.{row.name}", f"{value.__module__}.{value.__qualname__}"}
            assert own & differing, row


_SHAPES = """
import importlib, json, sys, types
watching = sys.argv[1] == "watching"
import lifetrack
lifetrack.start("sites", policy="record", report=False)
lifetrack.stop()
if watching:
    lifetrack.start("sites", policy="record", watch="stdlib,locks", report=False)
from io import open as opened
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
if watching:
    from socket import socket as late
    lifetrack.stop()
    import socket
    if late is not socket.socket or opened is not open:
        raise SystemExit("a name that was taken while watching is not what it was")
def shape(value):
    code = getattr(value, "__code__", None)
    place = [code.co_filename, code.co_firstlineno] if isinstance(code, types.CodeType) else None
    kind = type(value)
    named = getattr(value, "__qualname__", None)
    return [kind.__module__, kind.__qualname__, named if isinstance(named, str) else None, place]
found = {}
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] not in sys.stdlib_module_names:
        continue
    found[name] = [[key, shape(value)] for key, value in vars(module).items() if key != "__builtins__"]
    for key, value in list(vars(module).items()):
        if isinstance(value, type):
            inner = [[each, shape(held)] for each, held in vars(value).items()]
            found[name + "." + key] = sorted(inner) if value.__module__.startswith("_") else inner
print(json.dumps(found))
"""


def test_modules_imported_while_watching_are_restored(run_python: RunPython) -> None:
    """What the program imports while it is watched is, after the undo, what it is where nobody ever watched."""
    done = {kind: run_python(_SHAPES, kind, json.dumps(MODULES)) for kind in ("plain", "watching")}
    assert {kind: each.stderr for kind, each in done.items()} == {"plain": "", "watching": ""}
    plain, watched = (json.loads(each.stdout) for each in done.values())
    common = plain.keys() & watched.keys()
    assert len(common) > 400
    assert [name for name in sorted(common) if plain[name] != watched[name]] == []


# -- what can be seen meanwhile ------------------------------------------------------------------------------------


def attempt(question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Ask, or give the error as its last line."""
    try:
        return question(*args, **kwargs)
    except Exception as error:
        return traceback.format_exception_only(error)[-1]


def signature(value: Any) -> str:
    """The signature in words."""
    return str(attempt(inspect.signature, value))


def takes_anything(value: Any) -> bool:
    """Whether a function takes whatever keyword it is given, so that it would run."""
    found = attempt(inspect.signature, value)
    return not isinstance(found, inspect.Signature) or any(
        each.kind is each.VAR_KEYWORD for each in found.parameters.values()
    )


def refusals(value: Any) -> tuple[Any, ...]:
    """What a function says of arguments that it does not take."""
    if isinstance(value, type) or takes_anything(value):
        return ()
    return (
        attempt(value, lifetrack_nonsense=1),
        attempt(value, None, lifetrack_nonsense=1),
        attempt(value, *[None] * 40),
    )


def autospec(value: Any) -> tuple[str, str]:
    """What a mock made after a function looks like."""
    made = attempt(mock.create_autospec, value)
    return type(made).__name__, signature(made)


ASYNCHRONOUS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
KINDS_OF_CODE = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | ASYNCHRONOUS
#: What inspect is asked of a function. ``getfile`` and ``getcomments`` ask the code itself, and are left out.
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(inspect, name) for name in dir(inspect) if name.startswith("is")},
    **{name: functools.partial(attempt, getattr(inspect, name)) for name in ("getsource", "getdoc", "getmodule")},
    "getfullargspec": functools.partial(attempt, inspect.getfullargspec),
    "getargs": lambda value: hasattr(value, "__code__") and inspect.getargs(value.__code__),
    "flags": lambda value: hasattr(value, "__code__") and value.__code__.co_flags & KINDS_OF_CODE,
    "signature": signature,
    "signature of a partial": lambda value: callable(value) and signature(functools.partial(value)),
    "hints": functools.partial(attempt, typing.get_type_hints),
    "class": lambda value: value.__class__,
    "callable": callable,
    "repr": lambda value: repr(value).partition(" at 0x")[0],
    "copy": lambda value: attempt(copy.copy, value) is value and attempt(copy.deepcopy, value) is value,
    "refusals": refusals,
    "autospec": autospec,
    "attributes": lambda value: [
        getattr(value, name, None)
        for name in (
            "__name__",
            "__qualname__",
            "__module__",
            "__doc__",
            "__defaults__",
            "__kwdefaults__",
            "__annotations__",
        )
    ],
}


def is_public(name: str) -> bool:
    """Whether no part of a dotted name, but for its modules and the special methods, begins with an underscore."""
    *_, last = name.split(".")
    return not last.startswith("_") or last == "__init__"


def faces(values: dict[str, Any], questions: dict[str, Callable[[Any], Any]]) -> dict[tuple[str, str], Any]:
    """Answer every question about every value."""
    return {(name, question): ask(value) for name, value in values.items() for question, ask in questions.items()}


def exchanged(tracker: Tracker) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    """Give what watching replaces, as it is without; and how to get at the same, as it is with."""
    before = attributes()
    watch(tracker)
    during = attributes()
    tracker.stop()
    # Classes for which another one stands, such as ``mmap.mmap``, are judged where that is tested.
    others = tuple(name for name, value in before.items() if isinstance(value, type) and during[name] is not value)
    names = [
        name for name, value in before.items() if during.get(name, value) is not value and not name.startswith(others)
    ]

    def again() -> dict[str, Any]:
        watch(tracker)
        found = attributes()
        return {name: found[name] for name in names}

    return {name: before[name] for name in names}, again


def test_functions_look_the_same(tracker: Tracker) -> None:
    """Of every public function and method that watching replaces, inspect, typing, copy and mock say what they said."""
    plain, again = exchanged(tracker)
    before = faces({name: value for name, value in plain.items() if is_public(name)}, QUESTIONS)
    during = faces({name: value for name, value in again().items() if is_public(name)}, QUESTIONS)
    tracker.stop()
    assert len(plain) >= 100
    assert [key for key in before if before[key] != during[key]] == []


def test_functions_and_classes_are_pickled_and_described_the_same(tracker: Tracker) -> None:
    """Public functions, and all classes of the table, pickle to the same bytes; help() prints the same of functions."""
    plain, again = exchanged(tracker)
    public = {name: value for name, value in plain.items() if is_public(name)}
    before = {name: attempt(pickle.dumps, value) for name, value in {**public, **table_classes()}.items()}
    described = {name: attempt(pydoc.render_doc, value) for name, value in public.items()}
    during = {name: value for name, value in again().items() if name in public}
    classes = table_classes()
    assert {name: attempt(pickle.dumps, value) for name, value in {**during, **classes}.items()} == before
    assert {name: attempt(pydoc.render_doc, value) for name, value in during.items()} == described
    assert all(pickle.loads(pickle.dumps(value)) is value for value in during.values() if value.__class__ is type(open))
    tracker.stop()
    assert len(classes) >= 15


def table_classes() -> dict[str, type]:
    """The table's classes, as they are now."""
    return {name: value for name, value in attributes().items() if isinstance(value, type) and name in plain_classes()}


def plain_classes() -> set[str]:
    """The dotted names of the table's classes, but for those for which another one stands (``mmap.mmap``)."""
    return {f"{row.module}.{row.name}" for row in TABLE if row.usual and row.mechanism in (CLASSES, SOCKETS)}


def test_only_functions_written_in_c_have_another_type(tracker: Tracker) -> None:
    """``type()`` of what watching replaces is what it was, but for built-in functions, which say so of themselves."""
    plain, again = exchanged(tracker)
    during = again()
    tracker.stop()
    differing = {name for name, value in plain.items() if type(value) is not type(during[name])}
    assert {type(plain[name]) for name in differing} <= {types.BuiltinFunctionType}
    assert all(isinstance(during[name], types.BuiltinFunctionType) for name in differing)


def test_classes_stay_what_they_are(tracker: Tracker) -> None:
    """A watched class keeps its identity, its bases, its order of resolution, its subclasses and its size."""

    def facts() -> list[Any]:
        return [
            (id(cls), cls.__mro__, cls.__bases__, type(cls), cls.__subclasses__(), cls.__basicsize__, cls.__flags__,
             cls.__weakrefoffset__, cls.__dictoffset__, cls.__name__, cls.__qualname__, cls.__module__, cls.__doc__)
            for name, cls in attributes().items() if isinstance(cls, type) and name in plain_classes()
        ]  # fmt: skip

    before = facts()
    watch(tracker)
    during = facts()
    tracker.stop()
    assert during == before
    assert facts() == before


@pytest.mark.parametrize("when", ["before", "while"])
def test_subclasses_of_every_watched_class(when: str, tracker: Tracker) -> None:
    """A subclass made before or while watching resolves its methods as any, and super() reaches the original."""
    if when == "while":
        watch(tracker)
    classes = {name: cls for name, cls in attributes().items() if isinstance(cls, type) and name in plain_classes()}
    made = {
        name: types.new_class("Mine", (cls,), {}, lambda space: space.update(mine=1)) for name, cls in classes.items()
    }
    if when == "before":
        watch(tracker)
    for name, cls in made.items():
        assert cls.__mro__[1:] == classes[name].__mro__
        assert issubclass(cls, classes[name])
        assert inspect.signature(cls.__init__) == inspect.signature(classes[name].__init__)
        assert "__init__" not in vars(cls)
        assert sorted(vars(cls).keys() - {"__slotnames__"}) == sorted(
            vars(types.new_class("Mine", (classes[name],))).keys() | {"mine"}
        )
    tracker.stop()


def test_dispatch_by_type(tracker: Tracker, tmp_path: Any) -> None:
    """``singledispatch`` finds the registered type of files, sockets and connections made while watching."""
    import io
    import socket
    import sqlite3

    @functools.singledispatch
    def kind(_: object) -> str:
        return "something"

    kind.register(io.TextIOWrapper, lambda _: "text")
    kind.register(io.BufferedWriter, lambda _: "buffer")
    kind.register(io.FileIO, lambda _: "raw")
    kind.register(socket.socket, lambda _: "socket")
    kind.register(sqlite3.Connection, lambda _: "connection")
    watch(tracker)
    path = tmp_path / "file"
    with (
        open(path, "w") as text,
        open(path, "wb") as buffer,
        open(path, "wb", buffering=0) as raw,
        socket.socket() as sock,
    ):
        connection = sqlite3.connect(":memory:")
        try:
            assert [kind(each) for each in (text, buffer, raw, sock, connection)] == [
                "text", "buffer", "raw", "socket", "connection",
            ]  # fmt: skip
            assert (type(text), type(buffer), type(sock)) == (io.TextIOWrapper, io.BufferedWriter, socket.socket)
        finally:
            connection.close()


def test_patching_what_is_watched(tracker: Tracker) -> None:
    """``mock.patch`` replaces watched functions and methods, with and without autospec, and puts them back."""
    watch(tracker)
    for name in ("builtins.open", "os.open", "os.pipe", "os.dup2", "sqlite3.connect", "socket.socket.close",
                 "socket.socket.detach", "subprocess.Popen.wait", "threading.Thread.start", "socket.socket",
                 "subprocess.Popen", "tempfile.TemporaryDirectory.cleanup"):  # fmt: skip
        before = pydoc.locate(name)
        for options in ({}, {"autospec": True}):
            with mock.patch(name, **options) as fake:
                assert pydoc.locate(name) is fake
            assert pydoc.locate(name) is before
    tracker.stop()


# -- programs --------------------------------------------------------------------------------------------------------

_ERRORS = """
import bz2, gzip, io, lzma, os, socket, sqlite3, subprocess, sys, tarfile, tempfile, threading, traceback, zipfile
import asyncio, ftplib, http.client, multiprocessing, selectors, shelve, smtplib, socketserver, urllib.request
import concurrent.futures

class Odd(socket.socket):
    def __init__(self):
        raise LookupError("odd")

def start_twice(thread):
    thread.start()
    thread.start()

def submit_late(pool):
    pool.shutdown()
    pool.submit(print)

calls = {
    "open": lambda: open("/nonexistent/file"),
    "mode": lambda: open(os.devnull, "nonsense"),
    "both": lambda: open(os.devnull, "rb", encoding="utf-8"),
    "unbuffered text": lambda: open(os.devnull, "r", 0),
    "number": lambda: open(-1),
    "closed number": lambda: open(9999, buffering=0, mode="rb"),
    "os.open": lambda: os.open("/nonexistent/file", os.O_RDONLY),
    "os.close": lambda: os.close(9999),
    "os.close nothing": lambda: os.close(),
    "os.close text": lambda: os.close("1"),
    "os.dup2": lambda: os.dup2(9999, 9998),
    "os.fdopen": lambda: os.fdopen(9999),
    "socket": lambda: socket.socket(9999),
    "socket fileno": lambda: socket.socket(fileno=9999),
    "socket text": lambda: socket.socket("inet"),
    "subclass": lambda: Odd(),
    "connect": lambda: socket.create_connection(("127.0.0.1", 1), timeout=5),
    "makefile": lambda: socket.socket().makefile("nonsense"),
    "sqlite3": lambda: sqlite3.connect("/nonexistent/folder/file"),
    "sqlite3 factory": lambda: sqlite3.connect(":memory:", factory=1),
    "sqlite3 word": lambda: sqlite3.connect(":memory:", nonsense=1),
    "sqlite3 nothing": lambda: sqlite3.connect(),
    "popen": lambda: subprocess.Popen(["/nonexistent/program"]),
    "popen word": lambda: subprocess.Popen(["true"], nonsense=1),
    "popen timeout": lambda: subprocess.run([sys.executable, "-c", "import time; time.sleep(99)"], timeout=0.01),
    "thread twice": lambda: start_twice(threading.Thread()),
    "join first": lambda: threading.Thread().join(),
    "gzip": lambda: gzip.open("/nonexistent/file"),
    "bz2": lambda: bz2.open(os.devnull, "nonsense"),
    "lzma": lambda: lzma.open("/nonexistent/file"),
    "zip": lambda: zipfile.ZipFile(os.devnull),
    "tar": lambda: tarfile.open(os.devnull),
    "shelve": lambda: shelve.open("/nonexistent/folder/file"),
    "folder": lambda: tempfile.TemporaryDirectory(dir="/nonexistent"),
    "ftp": lambda: ftplib.FTP("127.0.0.1", timeout=0),
    "smtp": lambda: smtplib.SMTP("127.0.0.1", 1),
    "server": lambda: socketserver.TCPServer(("256.0.0.1", 0), None),
    "pool": lambda: multiprocessing.Pool(0),
    "executor": lambda: concurrent.futures.ThreadPoolExecutor(0),
    "submit": lambda: submit_late(concurrent.futures.ThreadPoolExecutor(1)),
    "work": lambda: concurrent.futures.ThreadPoolExecutor(1).submit(int, "x").result(),
    "selector": lambda: selectors.DefaultSelector().register("x", 1),
    "url": lambda: urllib.request.urlopen("http://127.0.0.1:1/", timeout=5),
    "streams": lambda: asyncio.run(asyncio.open_connection("127.0.0.1", 1)),
}
for name, call in calls.items():
    try:
        call()
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        last = [frame for frame in frames if "lifetrack" not in frame.filename][-1]
        words = repr(traceback.format_exception_only(error))
        print(name, words, last.filename, last.lineno, last.name, len(error.args),
              type(error.__context__).__name__, type(error.__cause__).__name__)
    else:
        print(name, "worked")
"""


def _both(run_python: RunPython, tmp_path: Any, code: str, *flags: str) -> tuple[Any, Any]:
    """Run a program plainly and under lifetrack; the report goes to a file."""
    program = tmp_path / "program.py"
    program.write_text(code)
    plain = run_python(program, python_flags=flags)
    options = ["run", "--level", "stacks", "--report", str(tmp_path / "report.json"), str(program)]
    watched = run_python("", *options, python_flags=[*flags, "-m", "lifetrack"])
    return plain, watched


def test_errors_and_the_last_lines_of_tracebacks(run_python: RunPython, tmp_path: Any) -> None:
    """Failing calls raise the same exceptions, with the same words and contexts, from the same line of the program."""
    plain, watched = _both(run_python, tmp_path, _ERRORS)
    assert plain.stdout.count("\n") >= 44
    assert _words(watched.stdout) == _words(plain.stdout)
    assert (watched.returncode, plain.returncode) == (0, 0)


_LEAKS = """
import os, socket, subprocess, sys, tempfile, warnings, asyncio, bz2, gzip, sqlite3, threading, multiprocessing
import concurrent.futures, http.client, selectors, tarfile, zipfile

def file():
    open(__file__)

def unbuffered():
    open(__file__, "rb", buffering=0)

def text_in_cycle():
    held = [open(__file__)]
    held.append(held)

def sock():
    socket.socket()

def made_file():
    left, right = socket.socketpair()
    left.makefile("rb")

def process():
    subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

def folder():
    tempfile.TemporaryDirectory()

def loop():
    asyncio.new_event_loop()

def zipped():
    gzip.open(sys.argv[0])

def connection():
    sqlite3.connect(":memory:")

def selector():
    selectors.DefaultSelector()

def pool():
    multiprocessing.pool.ThreadPool(1)

def archive():
    zipfile.ZipFile(os.devnull, "w")

def closed():
    open(__file__).close()
    socket.socket().close()

import gc
for leak in (file, unbuffered, text_in_cycle, sock, made_file, process, folder, loop, zipped, connection, selector,
             archive, closed):
    print(leak.__name__, file=sys.stderr, flush=True)
    leak()
    gc.collect()
"""
_VARYING = (r"0x[0-9a-f]+", r"fd=\d+", r"subprocess \d+", r"/tmp\w*/\w+|'\S*/tmp\w{8}'", r"tmp\w{8}", r"0\.0\d+ sec")


def _words(errors: str) -> list[str]:
    """Blank what differs from run to run, and take lifetrack's own report away; warnings may come after it."""
    import re

    lines, in_report = [], False
    for line in errors.splitlines():
        in_report = in_report or line.startswith("lifetrack: ")
        if in_report and "Warning: " not in line:
            continue
        for pattern in _VARYING:
            line = re.sub(pattern, "~", line)
        lines.append(line)
    return lines


@pytest.mark.parametrize("flags", [(), ("-W", "default"), ("-W", "always"), ("-W", "ignore")])
def test_warnings_of_what_is_dropped(flags: tuple[str, ...], run_python: RunPython, tmp_path: Any) -> None:
    """Whatever the filters, dropped resources give the same warnings, with the same lines, in the same order."""
    plain, watched = _both(run_python, tmp_path, _LEAKS, *flags)
    assert _words(watched.stderr) == _words(plain.stderr)
    assert watched.returncode == plain.returncode
    if "default" in flags:
        assert plain.stderr.count("ResourceWarning") >= 8


def test_warnings_that_are_errors(run_python: RunPython, tmp_path: Any) -> None:
    """Where a filter makes errors of warnings, the same are shown, each with its own words."""
    plain, watched = _both(run_python, tmp_path, _LEAKS, "-W", "error")

    def shown(errors: str) -> list[str]:
        return [line for line in _words(errors) if "Warning: " in line or line.isidentifier()]

    assert shown(watched.stderr) == shown(plain.stderr)
    assert plain.stderr.count("ResourceWarning: ") >= 8


_COUNTED = """
import socket, subprocess, sys, threading, warnings
import lifetrack

@lifetrack.tracked
class Mine:
    def __init__(self):
        warnings.warn("made", stacklevel=2)

    def close(self):
        warnings.warn("closed", stacklevel=2)

class Sock(socket.socket):
    def __init__(self, *args):
        super().__init__(*args)
        warnings.warn("sock", stacklevel=2)

class Thread(threading.Thread):
    def join(self, timeout=None):
        super().join(timeout)
        warnings.warn("joined", stacklevel=2)

def pipes():
    return subprocess.Popen([sys.executable, "-c", "pass"], bufsize=1, stdout=subprocess.PIPE)

def overriding():
    return subprocess.Popen([sys.executable, "-c", "pass"], pass_fds=(1,), close_fds=False)

pipes().communicate()
overriding().wait()
mine = Mine()
mine.close()
Sock().close()
thread = Thread()
thread.start()
thread.join()
"""


def test_warnings_that_count_frames(run_python: RunPython, tmp_path: Any) -> None:
    """A warning that names the line of a caller (``stacklevel``) names the same one through our wrappers."""
    plain, watched = _both(run_python, tmp_path, _COUNTED, "-W", "always")
    assert _words(watched.stderr) == _words(plain.stderr)
    assert plain.stderr.count("Warning: ") == 6
