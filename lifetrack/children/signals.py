"""SIGTERM and SIGHUP, where nobody handles them: a last word, then death by that very signal."""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lifetrack.values.process import when_forking

#: Seconds that the program stands still for the last word before it may go on until that is done.
PATIENCE = 1.0
_NAMES = ("SIGTERM", "SIGHUP")


def _is_free(handler: object) -> bool:
    """Whether nobody of the program's handles a signal; a forked child may still have its parent's last word."""
    return handler is signal.SIG_DFL or type(handler) is _Handler


class _Handler:
    """Handles a signal and answers as the default that it stands for: a program that asks shall find none of ours.

    It is not hashed as the default: the signal module would take it for that, and a program that puts back what it
    found would put back the default.
    """

    def __init__(self, call: Callable[[int, FrameType | None], None]) -> None:
        self._call = call

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._call(number, frame)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return signal.Handlers

    def __getattr__(self, name: str) -> object:
        return getattr(signal.SIG_DFL, name)

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is not _Handler and other == signal.SIG_DFL)

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        return repr(signal.SIG_DFL)

    def __str__(self) -> str:
        return str(signal.SIG_DFL)


class LastWord:
    """Handlers for the deadly signals whose disposition is the default.

    ``speak`` is called once, in a thread of its own: the main thread may have been interrupted while it held a
    lock that ``speak`` needs. If ``speak`` returns a number, the process exits with it instead of dying by the signal.
    """

    def __init__(self, speak: Callable[[], int | None]) -> None:
        self._speak = speak
        self._pid = os.getpid()
        self._installed: list[signal.Signals] = []
        self._speaking = False
        self._deferred: int | None = None
        self._handler = _Handler(self._on_signal)
        #: The masks to give back after a fork, for each thread.
        self._masks = threading.local()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Put a signal off while the last word is spoken already; the process dies of it at the end of the block."""
        self._speaking = True
        try:
            yield
        finally:
            self._speaking = False
            if self._deferred is not None:
                os.kill(os.getpid(), self._deferred)

    def install(self) -> None:
        """Handle those signals that nobody handles and that are not ignored; for the main thread."""
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and _is_free(signal.getsignal(number)):
                signal.signal(number, self._handler)
                self._installed.append(number)
        if self._installed:
            when_forking(before=self._hold, in_parent=self._let_through, in_child=self._begin_in_child)

    def _hold(self) -> None:
        """Hold the signals back while this thread forks.

        One for a child that has hardly begun would be noted by the handler which it inherits, and the interpreter
        forgets what was noted before the fork was done: the child would live on.
        """
        if self._installed:
            self._masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, self._installed)

    def _let_through(self) -> None:
        before, self._masks.before = getattr(self._masks, "before", None), None
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _begin_in_child(self) -> None:
        self.remove()
        self._let_through()

    def remove(self) -> None:
        """Give the default back wherever our handler still stands; a forked child does so at once."""
        for number in self._installed:
            if signal.getsignal(number) is self._handler:
                signal.signal(number, signal.SIG_DFL)
        self._installed = []

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second signal of the kind kills at once
        if os.getpid() != self._pid:
            os.kill(os.getpid(), number)
            return
        if self._speaking:
            self._deferred = number
            return
        done = threading.Event()
        try:
            _thread.start_new_thread(self._speak_and_die, (number, done))
        except RuntimeError:  # no thread can be had any more: the interpreter is ending
            self._speak_and_die(number, done)
        done.wait(PATIENCE)

    def _speak_and_die(self, number: int, done: threading.Event) -> None:
        status = None
        try:
            status = self._speak()
        finally:
            if status is not None:
                os._exit(status)
            os.kill(os.getpid(), number)
            done.set()
