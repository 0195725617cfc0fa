"""The end of a run: the final report, printed and written once, by the process that began it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO, cast

from lifetrack.cli.shadows import own_modules
from lifetrack.cli.standard_error import StandardError
from lifetrack.ledger.leaving import note_left
from lifetrack.preloading import preload
from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo
from lifetrack.reports.text import print_report
from lifetrack.values.errors import LifetrackError
from lifetrack.values.headroom import headroom, is_tight
from lifetrack.values.interpreter import now, python_version
from lifetrack.values.settings import Level
from lifetrack.values.timers import paused_timers

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Certainty

if is_tight():
    preload()

#: Seconds that the exit waits for a report which a signal has begun.
_LONGEST_REPORT = 60.0


class Conclusion:
    """Makes the final report of ``tracker`` once.

    ``failed`` tells afterwards whether there is a finding, not counting allowed ones, at or above ``fail_on``.
    """

    def __init__(self, tracker: Tracker, reports: tuple[str, ...], fail_on: Certainty | None) -> None:
        self._tracker = tracker
        self._reports = reports
        self._fail_on = fail_on
        self._stderr = StandardError()
        self._pid = os.getpid()
        self._ending = "normal"
        self._begun = threading.Lock()
        self._done = threading.Event()
        self.failed = False

    def is_mine(self) -> bool:
        """Whether this is the process that began, not a forked child of it."""
        return os.getpid() == self._pid

    def ended_by(self, error: BaseException) -> None:
        """Note what ended the program."""
        self._ending = "exit" if isinstance(error, SystemExit) else "exception"
        if isinstance(error, KeyboardInterrupt):
            # A module that makes named tuples, loaded at exit, would let the interpreter forget that this ended it.
            self._attempt("what reports need could not be loaded", _load)
        ledger = self._tracker.ledger
        if ledger is not None:
            note_left(ledger.entries, error, heads=True)

    def at_exit(self) -> None:
        """Report when the interpreter exits."""
        if self.is_mine():
            self._conclude(self._ending)
            # A program that called start() itself would have a second report at exit.
            self._attempt("tracking could not be stopped", self._tracker.stop)

    def at_signal(self, error_exitcode: int | None) -> int | None:
        """Report because a signal kills the process; give the exit status to leave with instead, if any."""
        if self.is_mine():
            self._conclude("signal")
        return error_exitcode if self.failed else None

    def _conclude(self, ending: str) -> None:
        if not self._begun.acquire(blocking=False):
            self._done.wait(_LONGEST_REPORT)  # the other one of exit and signal is at it
            return
        try:
            with own_modules(), headroom(), paused_timers():
                self._report(ending)
        except Exception as error:
            self._complain(f"the report could not be made: {_described(error)}")
        finally:
            self._done.set()

    def _report(self, ending: str) -> None:
        tracking = self._tracker.is_tracking()
        report = self._tracker.final_report(ending) if tracking else nothing_recorded(ending)
        self.failed = self._fails(report)
        self._present(report, tracking)

    def _fails(self, report: Report) -> bool:
        least = self._fail_on
        if least is None:
            return False
        return any(finding.allowed is None and finding.certainty >= least for finding in report.findings)

    def _present(self, report: Report, tracking: bool) -> None:
        # Each on its own: one that fails takes none of the others with it.
        self._attempt("the report could not be printed", lambda: self._print(report, tracking))
        if self._reports:
            from lifetrack.reports.files import write_report
        for path in self._reports:
            self._attempt(f"report file {path!r}", lambda path=path: write_report(report, path))  # type: ignore[misc]

    def _print(self, report: Report, tracking: bool) -> None:
        _flush(sys.stderr)
        if not tracking:
            self._stderr.write("lifetrack: tracking was off when the program ended: nothing to report\n")
            return
        printed = print_report(report, cast("TextIO", self._stderr))
        if not printed and self._stderr.writable():
            self._complain("the report could not be printed")

    def _attempt(self, what: str, step: Callable[[], object]) -> None:
        try:
            step()
        except LifetrackError as error:
            self._complain(str(error))
        except Exception as error:
            self._complain(f"{what}: {_described(error)}")

    def _complain(self, message: str) -> None:
        self._stderr.write(f"lifetrack: error: {' '.join(message.split())}\n")


def _load() -> None:
    with own_modules(), headroom():
        preload()


def nothing_recorded(ending: str) -> Report:
    """Make the report of a process that was not tracked when it ended."""
    moment = now()
    process = ProcessInfo(
        pid=os.getpid(),
        parent_pid=os.getppid(),
        python=python_version(),
        platform=sys.platform,
        command=tuple(sys.argv),
        started=moment,
        ended=moment,
        ending=ending,
    )
    return Report(Level.OFF.word, process, Totals(0, 0, 0, 0), (), (), TrackerInfo())


def _flush(stream: object) -> None:
    try:
        if stream is not None:
            stream.flush()  # type: ignore[attr-defined]
    except Exception:  # noqa: S110 - the program's own stream: what it does with a flush is its affair
        pass


def _described(error: BaseException) -> str:
    """Name an error of ours by type and place; its text might hold something of the user's."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    place = "" if traceback is None else f" at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
    return f"{type(error).__name__}{place}"
