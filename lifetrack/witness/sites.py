"""Where things were asked for, as audit events tell it: files by path, threads by name, programs by name.

An audit hook cannot be taken away. So there is one, put in place when a witness is first asked for, and it does
nothing while nobody listens.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from collections.abc import Callable
from itertools import count
from sys import _getframe
from types import FrameType
from typing import Any

from lifetrack.ledger.capture import Trace

#: How many sites of each sort are remembered; the oldest go first.
KEPT = 4096

_SORTS = PATH, DATABASE, PROGRAM, FORK, THREAD = "path", "database", "program", "fork", "thread"
_EVENTS = {
    "open": PATH,
    "sqlite3.connect": DATABASE,
    "subprocess.Popen": PROGRAM,
    "os.posix_spawn": PROGRAM,
    "os.fork": FORK,
    "os.forkpty": FORK,
    "_thread.start_new_thread": THREAD,
    "_thread.start_joinable_thread": THREAD,
}
#: What sqlite3 opens beside a database.
_DATABASE_ENDS = ("", "-wal", "-shm", "-journal")

Mark = Callable[[FrameType], Trace | None]


class Sites:
    """What one witness remembers; ``mark`` notes a place as far as the level asks for it."""

    def __init__(self, mark: Mark) -> None:
        self.mark = mark
        #: For each sort of event: where it was last heard of each name, and as which event of all.
        self._heard: dict[str, dict[str, tuple[int, Trace | None]]] = {sort: {} for sort in _SORTS}
        self._numbers = count(1)
        #: What each thread has opened last.
        self._latest: dict[int, str] = {}

    def moment(self) -> int:
        """Give a number that is higher than that of every event so far, and lower than those to come."""
        return next(self._numbers)

    def heard(self, event: str, args: tuple[Any, ...], frame: FrameType) -> None:
        """Take note of an audit event."""
        sort, name = _EVENTS[event], _named(event, args)
        if name is None:
            return
        names = self._heard[sort]
        names.pop(name, None)
        names[name] = next(self._numbers), self.mark(frame)
        if sort == PATH:
            self._latest[get_ident()] = name
        while len(names) > KEPT:
            names.pop(next(iter(names)), None)

    def explained(self) -> None:
        """Forget what this thread has opened last: a record tells of it."""
        name = self._latest.pop(get_ident(), None)
        if name is not None:
            self._heard[PATH].pop(name, None)

    def find(self, sort: str, name: str, since: int) -> Trace | None:
        """Give where a thing of this name was last asked for since a moment; None if it was not."""
        moment, trace = self._heard[sort].get(name, (0, None))
        return trace if moment > since else None

    def of_path(self, path: str, since: int) -> Trace | None:
        """Give where a file was last opened, under whichever of its names."""
        known = reversed(self._heard[PATH].copy().items())
        names = (name for name, (moment, _) in known if moment > since and os.path.realpath(name) == path)
        return self.find(PATH, next(names, path), since)

    def of_program(self, name: str, since: int) -> Trace | None:
        """Give where a program of this name was last started; the system cuts long names off."""
        known = reversed(self._heard[PROGRAM].copy())
        program = next((program for program in known if program.startswith(name)), name)
        return self.find(PROGRAM, program, since) or self.find(FORK, "", since)

    def is_database(self, path: str) -> bool:
        """Whether sqlite3 was asked to open this file, or the one that it belongs to."""
        known = {os.path.realpath(name) for name in self._heard[DATABASE].copy()}
        return any(path.endswith(end) and path.removesuffix(end) in known for end in _DATABASE_ENDS)


def _named(event: str, args: tuple[Any, ...]) -> str | None:
    """Give the name under which an event is remembered."""
    sort = _EVENTS[event]
    if sort in {PATH, DATABASE}:
        name = None if isinstance(args[0], int) else os.path.abspath(os.fsdecode(args[0]))
        return None if name is None or name.startswith("/proc/") else name  # a look of our own, as a rule
    if sort == PROGRAM:
        return os.path.basename(os.fsdecode(args[0]))
    if sort == FORK:
        return ""
    # The function of a thread is a method of its object, perhaps within one that puts it in its scope.
    functions = (args[0], *getattr(args[0], "args", ()))
    names = (getattr(getattr(each, "__self__", None), "_name", None) for each in functions)
    return next((name for name in names if isinstance(name, str)), None)


_listening: tuple[Sites, ...] = ()
_is_hooked = False


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event not in _EVENTS or not _listening:
        return
    try:
        frame = _getframe(1)
    except ValueError:  # called straight from C
        return
    for sites in _listening:
        try:
            sites.heard(event, args, frame)
        except Exception:  # noqa: S112 - an odd argument of the program's; it must not notice us
            continue


def listen(sites: Sites) -> None:
    """Let audit events be heard."""
    global _listening, _is_hooked  # noqa: PLW0603 - there is one audit hook in a process, for good
    _listening = (*_listening, sites)
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hear)


def unlisten(sites: Sites) -> None:
    """Hear no more."""
    global _listening  # noqa: PLW0603 - as above
    _listening = tuple(each for each in _listening if each is not sites)
