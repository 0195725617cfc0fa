"""What libraries keep as long as the process, and where that stands."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from lifetrack.guards.shapes import own
from lifetrack.ledger.capture import users_frames
from lifetrack.ledger.entries import OFFSET, TRACE, Entry
from lifetrack.ledger.territory import FILES, INSTALLED
from lifetrack.values.modules import variables_of
from lifetrack.values.records import Lasting
from lifetrack.witness.lasting import DESCRIPTOR, PROCESS, THREAD

_TRACKER, _SERVER = "multiprocessing.resource_tracker", "multiprocessing.forkserver"
_LOKY = "joblib.externals.loky.backend.resource_tracker"
_REACTOR = "twisted.internet.reactor"
_DJANGO = "a connection that Django keeps from one request to the next"
#: What libraries keep as long as the process, by number or as an object: the kind, in which module and behind which
#: attributes it stands, and why.
HOLDERS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (PROCESS, _TRACKER, ("_resource_tracker", "_pid"), "the resource tracker of multiprocessing"),
    (DESCRIPTOR, _TRACKER, ("_resource_tracker", "_fd"), "the resource tracker of multiprocessing"),
    (PROCESS, _SERVER, ("_forkserver", "_forkserver_pid"), "the fork server of multiprocessing"),
    (DESCRIPTOR, _SERVER, ("_forkserver", "_forkserver_alive_fd"), "the fork server of multiprocessing"),
    (PROCESS, _LOKY, ("_resource_tracker", "_pid"), "the resource tracker of loky"),
    (DESCRIPTOR, _LOKY, ("_resource_tracker", "_fd"), "the resource tracker of loky"),
    (
        DESCRIPTOR,
        "multiprocessing.process",
        ("_current_process", "_manager_server", "listener", "_listener", "_socket"),
        "the server in the process of a manager",
    ),
    # A reactor is installed once, and cannot be started again.
    (DESCRIPTOR, _REACTOR, ("_poller",), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_kq",), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_asyncioEventloop",), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_internalReaders", "i"), "the reactor of Twisted"),
    (DESCRIPTOR, _REACTOR, ("_internalReaders", "o"), "the reactor of Twisted"),
    (DESCRIPTOR, "twisted.internet.tcp", ("_reservedFD", "_fileDescriptor"), "what Twisted has in reserve"),
    (DESCRIPTOR, "fsspec.asyn", ("loop",), "the event loop of fsspec"),
    (THREAD, "fsspec.asyn", ("iothread",), "the event loop of fsspec"),
    # In the thread that asks; asgiref has had more than one way to keep what is a thread's own.
    (DESCRIPTOR, "django.db", ("connections", "_connections", "__dict__", "connection"), _DJANGO),
    (DESCRIPTOR, "django.db", ("connections", "_connections", "_storage", "__dict__", "connection"), _DJANGO),
    (THREAD, "tornado.netutil", ("ThreadedResolver", "_threadpool"), "the resolver threads of tornado"),
)


#: By address, as everywhere: a metaclass may give its classes no hash.
_BUFFERS = frozenset(map(id, (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)))
_FILES = _BUFFERS | {id(io.TextIOWrapper)}


def kept() -> Iterator[tuple[str, str, Any, str]]:
    """Give what :data:`HOLDERS` have just now: the kind, the name, what it is, and why."""
    for kind, module, path, why in HOLDERS:
        values: tuple[Any, ...] = (sys.modules.get(module),)
        for name in path:
            values = tuple(value for each in values for value in _parts(each, (name,)))
        for value in values:
            if value is not None:
                yield kind, ".".join((module, *path)), value, why


def globals_of_packages(entries: Mapping[int, Entry]) -> Iterator[tuple[str, str, Any, str]]:
    """Give what a module of an installed package has as its own global, though code of the user's stands in its record.

    The package has made it when it was imported, or first used, and keeps it for all who use it.
    """
    for name, module in sys.modules.copy().items():  # anything may stand there
        space = variables_of(module)
        file = space.get("__file__")
        if type(file) is not str or FILES[file] != INSTALLED:
            continue
        why = f"a global of the package {name.partition('.')[0]}"
        for path, variables in _variables_in(name, space.copy()):
            # C passes over nearly all of them.
            values = variables.values()
            if entries.keys().isdisjoint(map(id, values)) and _FILES.isdisjoint(map(id, map(type, values))):
                continue
            for word, value in variables.items():
                entry = entries.get(id(recorded(value)))
                if entry is not None and any(users_frames(entry[TRACE], entry[OFFSET])):
                    yield _kind_of(value), f"{path}.{word}", value, why


def _variables_in(name: str, space: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the variables of a module, and those of the classes that it defines, each under its name."""
    yield name, space
    for word, value in space.items():
        if issubclass(type(value), type):
            variables = own(value).copy()
            if variables.get("__module__") == name:
                yield f"{name}.{word}", variables


def _kind_of(value: object) -> str:
    executor: Any = getattr(sys.modules.get("concurrent.futures._base"), "Executor", threading.Thread)
    return THREAD if isinstance(value, threading.Thread | executor) else DESCRIPTOR


def recorded(value: Any) -> object:
    """Give what a record of it is about: of a file, what is at the bottom of it."""
    # By their very classes: anything may stand in a module, and say as it likes of which class it is.
    try:
        if type(value) is io.TextIOWrapper:
            value = value.buffer
        return value.raw if id(type(value)) in _BUFFERS else value
    except ValueError:  # it has given away what was below it: None to older Pythons
        return value


def _number_of(value: Any) -> int | None:
    """Give a number, or that of what has a descriptor and is open."""
    if isinstance(value, int):
        return value
    try:
        number = value.fileno()
    except Exception:  # it is closed, or has none; whatever a class of the program's raises
        return None
    return number if isinstance(number, int) else None


_REUSABLE_WHY = "loky's reusable executor"
#: Where its parts have the numbers of descriptors and processes.
_NUMBERS: dict[str, tuple[str, ...]] = {DESCRIPTOR: ("_handle", "sentinel"), PROCESS: ("pid",), THREAD: ()}
#: What loky's reusable executor is made of, each a path of attributes; the last of a path may be many.
_REUSABLE = (
    ("_processes",), ("_executor_manager_thread",), ("_executor_manager_thread_wakeup", "_reader"),
    ("_executor_manager_thread_wakeup", "_writer"), ("_call_queue", "_reader"), ("_call_queue", "_writer"),
    ("_call_queue", "_thread"), ("_result_queue", "_reader"), ("_result_queue", "_writer"),
)  # fmt: skip


def _reusable_parts() -> Iterator[Any]:
    """Give what loky's reusable executor is made of, which joblib keeps for its next call."""
    for module in ("joblib.externals.loky.reusable_executor", "loky.reusable_executor"):
        executor = getattr(sys.modules.get(module), "_executor", None)
        for path in _REUSABLE if executor is not None else ():
            yield from _parts(executor, path)


def reusable(obj: Any) -> Lasting | None:
    """Give what is known of a part of loky's reusable executor."""
    if not any(obj is part for part in _reusable_parts()):
        return None
    kind = THREAD if isinstance(obj, threading.Thread) else PROCESS
    return Lasting(kind, getattr(obj, "name", None) or type(obj).__name__, _REUSABLE_WHY)


def _parts(obj: Any, path: tuple[str, ...]) -> tuple[object, ...]:
    for name in path:
        obj = getattr(obj, name, None)
    if isinstance(obj, dict):
        return tuple(obj.values())
    return tuple(obj) if isinstance(obj, set | list) else (obj,)


def lasting_numbers(kind: str) -> dict[int, Lasting]:
    """Give the descriptors or processes that libraries in use keep as long as the process, by number."""
    found = {}
    for what, _, value, why in kept():
        number = _number_of(value) if what == kind else None
        if number is not None:
            found[number] = Lasting(kind, str(number), why)
    for part in _reusable_parts():
        for attribute in _NUMBERS[kind]:
            number = getattr(part, attribute, None)
            if isinstance(number, int):
                found[number] = Lasting(kind, str(number), _REUSABLE_WHY)
    return found
