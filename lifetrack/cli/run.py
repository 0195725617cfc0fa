"""``lifetrack run``: start the tracker, run the program, report, and leave with the program's own exit status."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

from lifetrack.children.signals import LastWord
from lifetrack.cli.conclusion import Conclusion
from lifetrack.cli.options import RunOptions
from lifetrack.cli.program import Program, execute
from lifetrack.cli.uncaught import conceal, exit_status, show
from lifetrack.start_heap import put_aside
from lifetrack.tracker import default_tracker
from lifetrack.unittests.hooks import Attribution
from lifetrack.values.settings import Level


def prepare(options: RunOptions) -> Callable[[], int]:
    """Start the tracker; give what runs the program and gives its exit status, or raises whatever the program raises.

    Raises ConfigurationError before anything has started if the tracker refuses an option.
    """
    tracker = default_tracker()
    conclusion = Conclusion(tracker, options.reports, options.fail_on)
    last_word = LastWord(lambda: conclusion.at_signal(options.error_exitcode))
    # Registered before the program's own hooks, so that they run after all of them: first the report, then the
    # handlers go. The interpreter would keep those to its very end, and all that they lead to.
    atexit.register(last_word.remove)
    atexit.register(conclusion.at_exit)
    try:
        tracker.start(
            options.level,
            policy=options.policy,
            watch=options.watch,
            report=False,
            children=options.children,
            witness=options.witness,
            journal=options.journal,
            **options.service,
        )
    except BaseException:
        atexit.unregister(conclusion.at_exit)
        atexit.unregister(last_word.remove)
        raise
    if options.level is not Level.OFF:
        Attribution(tracker).install()
        last_word.install()
        put_aside()
    if options.error_exitcode is None:
        return partial(_run_plainly, options.program, conclusion)
    return partial(_run_and_judge, options.program, conclusion, options.error_exitcode)


def _run_plainly(program: Program, conclusion: Conclusion) -> int:
    try:
        execute(program)
    except BaseException as error:
        conclusion.ended_by(error)
        conceal(error)
        raise
    return 0


def _run_and_judge(program: Program, conclusion: Conclusion, verdict: int) -> int:
    """Run the program, then end the process's life in the interpreter's order, but know the findings in time.

    An atexit hook cannot change the exit status, and ``os._exit`` would lose what unclosed files still buffer. So
    the exception is printed, the threads are joined and the exit hooks are called here; the interpreter then has
    nothing of these left to do.
    """
    raised: list[BaseException] = []  # emptied before the threads are joined: an exception keeps frames alive
    try:
        execute(program)
    except BaseException as error:
        conclusion.ended_by(error)
        if not conclusion.is_mine():
            conceal(error)
            raise
        raised.append(error)
    if not conclusion.is_mine():  # a forked child has run to the end of the program
        return 0
    interrupted = bool(raised) and isinstance(raised[0], KeyboardInterrupt)
    status = _print_ending(raised.pop()) if raised else 0
    _guarded(getattr(threading, "_shutdown", None), threading)
    _guarded(getattr(atexit, "_run_exitfuncs", None), atexit)
    if conclusion.failed:
        raise SystemExit(verdict)
    if interrupted and status == 1:
        sys.excepthook = lambda *_: None  # it was printed already
        raise KeyboardInterrupt
    return status


def _print_ending(error: BaseException) -> int:
    try:
        if not isinstance(error, SystemExit):
            show(error)
            return 1
    except SystemExit as leave:
        return exit_status(leave)
    return exit_status(error)


def _guarded(step: Callable[[], object] | None, owner: object) -> None:
    try:
        if step is not None:
            step()
    except BaseException as error:
        # What the interpreter does with an exception at this point, Ctrl-C during the join above all.
        unraisable = SimpleNamespace(
            exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__, err_msg=None, object=owner
        )
        sys.unraisablehook(unraisable)
