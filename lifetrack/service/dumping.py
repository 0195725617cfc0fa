"""Reports while the program runs: on a call, and on a signal.

The handler of the signal takes no lock and makes nothing but a thread, which makes the report: the main thread may have
been interrupted while it held whatever the report needs. Python runs handlers in the main thread as soon as a system
call that blocks it is interrupted, and goes on with that call afterwards.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from lifetrack.reports.files import check_writable, write_report
from lifetrack.reports.model import Report
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import shown

#: Signals that end the process, or tell that it is broken: nothing to ask a program by that shall go on.
_REFUSED = ("SIGKILL", "SIGSTOP", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS")


def parse_signal(value: object) -> int:
    """Read a signal, by name with or without SIG or by number; raise ConfigurationError for one that cannot serve."""
    names = {each.name: each for each in signal.Signals}
    number: int | None = None
    if isinstance(value, str):
        word = value.strip().upper()
        found = names.get(word) or names.get(f"SIG{word}")
        number = int(found) if found is not None else int(word) if word.isdecimal() else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = int(value)
    usable = {int(each) for name, each in names.items() if name not in _REFUSED}
    if number not in usable:
        example = "SIGUSR2" if "SIGUSR2" in names else "SIGBREAK"
        raise ConfigurationError(f"signal {shown(value)} cannot ask for a report: use one such as {example}")
    return number


def parse_target(value: object) -> str:
    """Read where reports go: a file, in whose name ``{pid}`` and ``{number}`` are filled in.

    Give the absolute path. Raises ConfigurationError if it cannot be written.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise ConfigurationError(f"dump_to= takes the name of a file, not {type(value).__name__}")
    name = os.path.abspath(os.fspath(value))
    check_writable(_filled(name, 1))
    return name


def _filled(name: str, number: int) -> str:
    return name.replace("{pid}", str(os.getpid())).replace("{number}", str(number))


class Dumps:
    """Makes reports without stopping the program, one at a time.

    ``make`` gives the report of this moment, or None while tracking is off. ``tell`` is told of each.
    """

    def __init__(self, make: Callable[[], Report | None], tell: Callable[[str], None]) -> None:
        self._make = make
        self._tell = tell
        self._made = 0
        #: One report at a time. Never taken in a handler.
        self._turn = threading.Lock()
        self.target: str | None = None

    def dump(self, to: str | None = None) -> Report | None:
        """Make a report, write or print it, and give it; None while tracking is off. Never raises for a full disk."""
        with self._turn:
            report = self._make()
            if report is None:
                return None
            self._made += 1
            target = to or self.target
            if target is None or not self._write(report, _filled(target, self._made)):
                _print(report)
            return report

    def _write(self, report: Report, path: str) -> bool:
        try:
            write_report(report, path)
        except Exception as error:  # a full disk is one clear line, and the program goes on
            _say(f"lifetrack: error: {error}")
            return False
        self._tell(f"a report was written to {path}")
        return True

    def in_child(self) -> None:
        """Begin anew in a forked child: the lock may have been held by a thread that is not there."""
        self._turn = threading.Lock()


def _say(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")


def _print(report: Report) -> None:
    from lifetrack.reports.text import print_report

    if sys.stderr is not None:
        print_report(report, sys.stderr)
        sys.stderr.flush()


class SignalSwitch:
    """Our handler of one signal, and the way back to what was there before."""

    def __init__(self, number: int, dump: Callable[[], object]) -> None:
        self.number = number
        self._dump = dump
        self._before: Any = signal.SIG_DFL
        self._on = False
        #: How often somebody asked, and the process in which a thread is at work on it.
        self._asked = 0
        self._busy: int | None = None

    def install(self) -> None:
        """Handle the signal; raise ConfigurationError outside the main thread, which alone may do that."""
        try:
            self._before = signal.signal(self.number, self._handle)
        except (ValueError, OSError, RuntimeError) as error:
            name = signal.Signals(self.number).name
            raise ConfigurationError(
                f"{name} cannot be handled here ({error}): call start() with dump_signal= in the main thread"
            ) from None
        self._on = True

    def remove(self) -> None:
        """Put back what was there before, unless the program has put its own handler there since."""
        self._on = False
        if signal.getsignal(self.number) != self._handle:
            return
        try:
            signal.signal(self.number, signal.SIG_DFL if self._before is None else self._before)
        except ValueError:
            return  # not the main thread: the handler does what was there before

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Ask for a report. Runs in the main thread, between two instructions of whatever it does."""
        if not self._on:
            self._as_before(number, frame)
            return
        self._asked += 1
        if self._busy != os.getpid():
            self._busy = os.getpid()
            try:
                _thread.start_new_thread(self._work, ())
            except RuntimeError:  # no thread can be had: the interpreter is ending, or the system is full
                self._busy = None
        if callable(self._before):
            self._before(number, frame)

    def _as_before(self, number: int, frame: FrameType | None) -> None:
        if callable(self._before):
            self._before(number, frame)
            return
        signal.signal(number, signal.SIG_DFL if self._before is None else self._before)
        os.kill(os.getpid(), number)

    def _work(self) -> None:
        """Make reports until all that was asked for is done; what was asked meanwhile is answered by one more."""
        while True:
            asked = self._asked
            try:
                self._dump()
            except Exception as error:  # the program must go on, whatever went wrong in here
                _say(f"lifetrack: error: no report could be made: {type(error).__name__}")
            if asked == self._asked:
                self._busy = None
                # Whoever asks from here on begins a thread; whoever asked just before has not.
                if not self._was_asked_since(asked):
                    return
                self._busy = os.getpid()

    def _was_asked_since(self, asked: int) -> bool:
        return asked != self._asked and self._busy is None
