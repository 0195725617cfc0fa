"""Following child processes: what the process that began does, and what each of its children does.

A forked child goes on with the tracker that it inherited, whose ledger has begun an account of its own. A child that
is another Python finds its orders through the environment. Both leave a report at their end, whichever way that comes:
an exit hook, the finalizers of ``multiprocessing`` (its forked workers run nothing else on Python 3.11), or a signal.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lifetrack.children.exchange import Exchange, Orders, now, this_process
from lifetrack.children.signals import LastWord
from lifetrack.children.waits import look_up_from_locks
from lifetrack.guards.patches import Patches

# Loaded before the program forks, so that the child need not.
from lifetrack.reports import grouping as _grouping  # noqa: F401
from lifetrack.reports import json_report as _json_report  # noqa: F401
from lifetrack.reports.merging import merged
from lifetrack.reports.model import ProcessInfo, Report
from lifetrack.values.process import when_forking
from lifetrack.watchers.imports import forget, when_imported

#: How a followed child finds the folder of its run.
VARIABLE = "LIFETRACK_CHILDREN"
_UTIL, _PROCESS, _LOCKS = "multiprocessing.util", "multiprocessing.process", "multiprocessing.synchronize"
#: The program that ``multiprocessing`` hands to a new Python; what it unpickles are the arguments of the process.
_COMMAND = "<string>"
#: Later than every finalizer of the program's.
_LAST = -1_000_000
_STARTUP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "startup")

_active: weakref.WeakSet[Following] = weakref.WeakSet()


def _after_fork() -> None:
    for following in list(_active):
        following.begin_in_fork()


when_forking(in_child=_after_fork)


def _is_about_to_exec() -> bool:
    """Whether the fork is one of ``subprocess`` that runs a hook of the program's before it becomes another program."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "_execute_child" and frame.f_globals.get("__name__") == "subprocess":
            return True
        frame = frame.f_back
    return False


def _worker_name() -> str | None:
    """Give the name of this process if it is a child of ``multiprocessing``."""
    process: Any = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return None
    return str(process.current_process().name)


def _has_failed() -> bool:
    """Whether a forked worker is about to leave with a status other than 0; only known from Python 3.13 on."""
    frame: Any = sys._getframe()
    while frame is not None and frame.f_code.co_name != "_bootstrap":  # while it runs the status is not set
        if frame.f_code.co_name == "_launch" and str(frame.f_globals.get("__name__")).startswith("multiprocessing."):
            return bool(frame.f_locals.get("code", 0))
        frame = frame.f_back
    return False


class Following:
    """The part of one process in following children.

    ``reporter`` makes the process's own final report for an ending, or gives None if nothing is tracked any more.
    ``disown`` takes what the code of a file has acquired as inherited; it comes with a child that is another Python.
    """

    def __init__(
        self,
        exchange: Exchange,
        reporter: Callable[[str], Report | None],
        disown: Callable[[str], None] | None = None,
    ) -> None:
        self._exchange = exchange
        self._reporter = reporter
        #: The process that began, which collects; None in one that was begun by another program of the run.
        self._collector = None if disown else os.getpid()
        self._disown = disown
        self._info: ProcessInfo | None = None
        self._token = ""
        self._collected: tuple[list[Report], list[ProcessInfo]] | None = None
        self._before: dict[str, str | None] = {}
        self._listens_to_exec = self._looks_up = False
        self._journal: Any = None
        #: Goes on with a journal in a forked child.
        self.begin_journal: Callable[[], None] | None = None
        self._last_word = LastWord(self._at_signal)
        _active.add(self)
        self._patches = Patches()
        when_imported(_UTIL, self._meet_workers)
        if disown is not None:
            when_imported(_PROCESS, self._meet_arguments)

    # -- in the process that began -------------------------------------------------------------------------------

    def order(self, orders: Orders) -> None:
        """Say what children shall do from now on, and let those find it that are another Python."""
        self._exchange.give_orders(orders)
        self._journal = orders.journal
        if not self._before:
            path = os.environ.get("PYTHONPATH")
            self._put(VARIABLE, self._exchange.folder)
            self._put("PYTHONPATH", os.pathsep.join([_STARTUP, path] if path else [_STARTUP]))

    def _put(self, name: str, value: str) -> None:
        self._before[name] = os.environ.get(name)
        os.environ[name] = value

    def merge(self, report: Report) -> Report:
        """Merge what the children have reported into the report of the process that began; in others do nothing."""
        if self._collector != os.getpid():
            return report
        if self._collected is None:
            self._collected = self._exchange.collect(self._journal)
            self._exchange.remove()
        return merged(report, *self._collected)

    def stop(self) -> None:
        """Follow no more, and give the environment back."""
        _active.discard(self)
        forget(_UTIL, self._meet_workers)
        forget(_PROCESS, self._meet_arguments)
        forget(_LOCKS, self._meet_locks)
        self._patches.undo()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before = {}
        if self._collector == os.getpid():
            self._exchange.remove()
        elif self._info is not None:
            self._exchange.forget(self._token)

    # -- in a child ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Note that this process has begun; from here on its end is reported."""
        self._info = this_process()
        self._token = f"{self._info.pid}-{os.urandom(6).hex()}"
        self._last_word = LastWord(self._at_signal)
        if threading.current_thread() is threading.main_thread():
            self._last_word.install()
        # Last, so that a child which is terminated before this has not begun, and one after this reports.
        self._exchange.begin(self._token, self._info)

    def begin_in_fork(self) -> None:
        """Begin in a child that was forked, unless it becomes another program at once."""
        self._info = None
        if _is_about_to_exec():
            return
        if self.begin_journal is not None:
            self.begin_journal()
        self.begin()
        if not self._listens_to_exec:
            self._listens_to_exec = True
            sys.addaudithook(self._hear)

    def _hear(self, event: str, _: object) -> None:
        """Take the note back when the process becomes another program: that one speaks for itself."""
        if event == "os.exec" and self._info is not None:
            self._exchange.forget(self._token)

    def _meet_workers(self) -> None:
        util: Any = sys.modules[_UTIL]
        util.register_after_fork(self, Following._in_worker)

    def _meet_arguments(self) -> None:
        """Wrap what runs once a worker that is another Python has unpickled its arguments: they are its parent's."""
        process: Any = sys.modules[_PROCESS].BaseProcess
        bootstrap, disown = process._bootstrap, self._disown

        @functools.wraps(bootstrap)
        def _bootstrap(self: Any, *args: Any, **kwargs: Any) -> Any:
            if disown is not None:
                disown(_COMMAND)
            return bootstrap(self, *args, **kwargs)

        self._patches.put(process, "_bootstrap", _bootstrap)

    def _in_worker(self) -> None:
        """Learn in a child of ``multiprocessing`` what it is called, and be told of its end."""
        if self._info is None:
            return
        util: Any = sys.modules[_UTIL]
        self._info = replace(self._info, name=_worker_name())
        self._exchange.begin(self._token, self._info)
        util.Finalize(None, self._at_worker_end, exitpriority=_LAST)
        if not self._looks_up:  # it goes on in workers of this one
            self._looks_up = True
            when_imported(_LOCKS, self._meet_locks)

    def _meet_locks(self) -> None:
        look_up_from_locks(sys.modules[_LOCKS].SemLock, self._patches)

    def _at_worker_end(self) -> None:
        # Up to Python 3.12 it runs in a 'finally' clause, with the exception of the worker on its way.
        error = sys.exc_info()[1]
        if error is None:
            self._finish("exception" if _has_failed() else "normal")
        else:
            self._finish("exit" if isinstance(error, SystemExit) else "exception")

    def at_exit(self) -> None:
        """Report when the interpreter exits; does nothing in the process that began."""
        self._finish("normal" if getattr(sys, "last_value", None) is None else "exception")

    def _at_signal(self) -> None:
        self._finish("signal")

    def _finish(self, ending: str) -> None:
        with self._last_word.speaking():  # first of all, for a signal in between would end it unreported
            info, self._info = self._info, None
            if info is None or info.pid != os.getpid():
                return
            try:
                self._report(info, ending)
            except Exception:  # noqa: S110 - it will be told as lost, and must not disturb the end of the child
                pass

    def _report(self, info: ProcessInfo, ending: str) -> None:
        report = self._reporter(ending)
        if report is None:
            self._exchange.forget(self._token)
            return
        name = info.name or _worker_name()
        known = replace(info, name=name, command=report.process.command, ended=now(), ending=ending)
        self._exchange.finish(self._token, replace(report, process=known))
