"""Daemon threads that an installed package keeps for all who use it: nobody else can end them.

Many are begun with the first use, so that a test which happens to come first would be told of a leak.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from lifetrack.guards.shapes import own
from lifetrack.ledger.capture import frames
from lifetrack.ledger.entries import MOMENT, OFFSET, TRACE, Entry
from lifetrack.ledger.territory import FILES, INSTALLED, STDLIB
from lifetrack.values.each_thread import name_of
from lifetrack.values.modules import variables_of
from lifetrack.values.records import Lasting
from lifetrack.witness.lasting import THREAD


def kept_by_package(thread: threading.Thread, entry: Entry) -> Lasting | None:
    """Give what is known of a daemon thread that is a global, or an attribute of one, of a package.

    That is the one that has started it, or whose function runs in it.

    What the program's own code has started is its own.
    """
    if not thread.daemon:
        return None
    starter = _starter(entry)
    if starter is not None and FILES[starter] != INSTALLED:
        return None
    for name, space in _modules({starter, *_files_of_work(thread)}):
        if any(each is thread for value in space.copy().values() for each in _held(value)):
            return Lasting(THREAD, name_of(thread), f"a thread of the package {name.partition('.')[0]}")
    return None


def _starter(entry: Entry) -> str | None:
    """Give the file of the innermost function on the way to the start that is not the standard library's.

    None where the whole way is not known: a record of less than stacks has the program's line alone, or nothing.
    """
    if entry[MOMENT] is None or entry[MOMENT][1] is None:
        return None
    files = (frame[0].co_filename for frame in frames(entry[TRACE], entry[OFFSET]))
    return next((file for file in files if FILES[file] != STDLIB), None)


def _files_of_work(thread: threading.Thread) -> Iterator[str]:
    """Give the files of the functions that a thread runs: its own, and the one that it was given."""
    for work in (type(thread).run, vars(thread).get("_target")):
        function: Any = getattr(work, "__func__", work)
        if isinstance(function, FunctionType):
            yield function.__code__.co_filename


def _modules(files: set[str | None]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the modules of installed packages that come from these files, with their variables."""
    for name, module in sys.modules.copy().items():  # anything may stand there
        space = variables_of(module)
        file = space.get("__file__")
        if type(file) is str and file in files and FILES[file] == INSTALLED:
            yield name, space


def _held(value: object) -> Iterator[object]:
    """Give what a global is, and what it has as an attribute; not what is in a container.

    There packages list the threads of objects that somebody has asked for, and is to close.
    """
    yield value
    if isinstance(value, type) and issubclass(type(value), type):  # it may lie of its class
        yield from own(value).copy().values()
    elif not issubclass(type(value), ModuleType | FunctionType):
        try:
            yield from object.__getattribute__(value, "__dict__").copy().values()
        except Exception:  # it has none; or whatever a class of a package's raises
            return
