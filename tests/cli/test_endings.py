"""However a program ends, its status is its own and the report comes."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.cli.conftest import TIMEOUT

WAIT = "print('ready', flush=True)\nimport time\ntime.sleep(60)\n"
LINE = "lifetrack: "


def end_by(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    """Send a signal as soon as the program says that it is ready; give its end."""
    first = process.stdout.readline()
    assert first == "ready\n"
    time.sleep(0.3)  # it is on its way from there to its sleep
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


@pytest.mark.parametrize("kind", ["script", "module", "code"])
@pytest.mark.parametrize("judged", [(), ("--error-exitcode", "99", "--fail-on", "never")], ids=["plainly", "judged"])
def test_ctrl_c_is_death_by_sigint(runner, kind, judged) -> None:
    """Ctrl-C gives the traceback and the status of plain Python, and the report."""
    runner.write("program.py", WAIT)
    words = {"script": ("program.py",), "module": ("-m", "program"), "code": ("-c", WAIT)}[kind]
    plain = end_by(runner.start(*words), signal.SIGINT)
    ours = end_by(runner.start("-m", "lifetrack", "run", *judged, *words), signal.SIGINT)
    assert plain[0] == ours[0] == -signal.SIGINT
    assert ours[2].startswith(plain[2])
    assert ours[2][len(plain[2]) :].startswith(LINE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_deadly_signal_gets_a_report(runner, number) -> None:
    """The report comes, and then the process dies by the same signal."""
    report = runner.folder / "report.json"
    words = ("-m", "lifetrack", "run", "--report", str(report), "-c", WAIT)
    status, out, err = end_by(runner.start(*words), number)
    assert (status, out) == (-number, "")
    assert err.startswith(LINE)
    assert '"ending": "signal"' in report.read_text()


def test_sigterm_while_threads_are_joined(runner) -> None:
    """The main code is over, another thread is not: the signal still gets its report and kills."""
    code = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('ready', flush=True))).start()\n"
    )
    status, _, err = end_by(runner.start("-m", "lifetrack", "run", "-c", code), signal.SIGTERM)
    assert status == -signal.SIGTERM
    assert LINE in err


def test_own_handler_rules(runner) -> None:
    """A handler that the program installs is the only one; the report comes at the normal exit."""
    code = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n" + WAIT
    report = runner.folder / "report.json"
    words = ("-m", "lifetrack", "run", "--report", str(report), "-c", code)
    status, _, err = end_by(runner.start(*words), signal.SIGTERM)
    assert status == 4
    assert err.count(LINE) == 1
    assert '"ending": "exit"' in report.read_text()


def test_handler_that_calls_the_one_before(runner) -> None:
    """A program that hands the signal on to the handler it found dies by the signal, with a report."""
    code = (
        "import signal\nold = signal.getsignal(signal.SIGTERM)\n"
        "signal.signal(signal.SIGTERM, lambda n, f: (print('mine', flush=True), old(n, f)))\n" + WAIT
    )
    status, out, err = end_by(runner.start("-m", "lifetrack", "run", "-c", code), signal.SIGTERM)
    assert (status, out) == (-signal.SIGTERM, "mine\n")
    assert err.count(LINE) == 1


def test_ignored_signal_stays_ignored(runner) -> None:
    """Where SIGHUP is ignored from outside, as nohup does, it stays so."""
    code = (
        "import signal, os\nprint(signal.getsignal(signal.SIGHUP), flush=True)\nos.kill(os.getpid(), signal.SIGHUP)\n"
    )
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ended = runner.same("-c", code, restore_signals=False)
    finally:
        signal.signal(signal.SIGHUP, old)
    assert ended.status == 0
    assert ended.out.strip() == str(signal.SIG_IGN)


def test_forked_child_dies_plainly(runner) -> None:
    """A forked child has the default disposition, dies by the signal and reports nothing."""
    code = """
import os, signal, time
child = os.fork()
if not child:
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
    time.sleep(60)
time.sleep(0.3)
os.kill(child, signal.SIGTERM)
print(os.waitpid(child, 0)[1] == signal.SIGTERM)
"""
    ended = runner.lifetrack("run", "-c", code)
    assert ended.out == "True\nTrue\n"
    assert ended.err.count(LINE) == 1


def test_signal_while_a_lock_of_ours_is_held(runner) -> None:
    """A signal that comes in the middle of anything neither hangs nor loses the report."""
    code = "print('ready', flush=True)\nimport io\nwhile True:\n    open('/dev/null').close()\n"
    for _ in range(5):
        status, _, err = end_by(runner.start("-m", "lifetrack", "run", "-c", code), signal.SIGTERM)
        assert status == -signal.SIGTERM
        assert LINE in err


@pytest.mark.parametrize(
    ("code", "ending"),
    [("pass", "normal"), ("raise SystemExit", "exit"), ("import sys; sys.exit(3)", "exit"), ("1 / 0", "exception"),
     ("raise KeyboardInterrupt", "exception"), ("import threading; threading.Thread(target=exit).start()", "normal")],
)  # fmt: skip
def test_report_tells_the_ending(runner, code, ending) -> None:
    """The report says how the program ended."""
    report = runner.folder / "report.json"
    runner.same("-c", code, options=("--report", str(report)))
    assert f'"ending": "{ending}"' in report.read_text()


def test_children_print_nothing(runner) -> None:
    """Only the process that was started reports: not its forked children, not its process pools."""
    code = """
import os, sys, multiprocessing
for status in (0, 3):
    child = os.fork()
    if not child:
        sys.exit(status)
    os.waitpid(child, 0)
process = multiprocessing.get_context("fork").Process(target=print, args=("child",))
process.start()
process.join()
"""
    ended = runner.lifetrack("run", "--error-exitcode", "9", "--fail-on", "never", "-c", code)
    assert (ended.status, ended.out) == (0, "child\n")
    assert ended.err.count(LINE) == 1


def test_report_after_everything_of_the_program(runner) -> None:
    """Exit hooks and non-daemon threads have had their say before the report comes."""
    code = """
import atexit, sys, threading, time
atexit.register(lambda: print("hook", file=sys.stderr))
threading.Thread(target=lambda: (time.sleep(0.2), print("thread", file=sys.stderr))).start()
"""
    ended = runner.lifetrack("run", "-c", code)
    assert ended.err.splitlines()[:2] == ["thread", "hook"]
    assert ended.err.splitlines()[2].startswith(LINE)


def test_closed_standard_error(runner) -> None:
    """Without a standard error the program runs, its files are not written into, and report files are."""
    code = "f = open('out.txt', 'w')\nf.write('mine')\nf.close()\nprint(f.closed)\n"
    report = runner.folder / "report.json"
    ended = runner.lifetrack("run", "--report", str(report), "-c", code, preexec_fn=lambda: os.close(2))
    assert (ended.status, ended.out) == (0, "True\n")
    assert (runner.folder / "out.txt").read_text() == "mine"
    assert report.exists()


@pytest.mark.parametrize("code", ["import sys; sys.stderr.close()", "import sys; sys.stderr = None"])
def test_standard_error_taken_away_by_the_program(runner, code) -> None:
    """A program that closes or drops its standard error ends as it would."""
    assert runner.python("-c", code).status == runner.lifetrack("run", "-c", code).status == 0


def test_standard_error_whose_reader_is_gone(runner) -> None:
    """A broken pipe changes no exit status, and the report files are written."""
    report = runner.folder / "report.json"
    process = runner.start("-m", "lifetrack", "run", "--report", str(report), "-c", "input(); print('on')",
                           stdin=subprocess.PIPE)  # fmt: skip
    process.stderr.close()
    out, _ = process.communicate("\n", timeout=TIMEOUT)
    assert (process.returncode, out) == (0, "on\n")
    assert report.exists()


def test_a_timer_that_nobody_has_switched_off(runner) -> None:
    """Its handler raises, in whatever runs then; that is not the report."""
    code = (
        "import os, signal\n"
        "def late(*_): raise TimeoutError\n"
        "signal.signal(signal.SIGALRM, late)\n"
        "kept = open(os.devnull)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.02, 0.001)\n"
    )
    process = runner.start("-m", "lifetrack", "run", "--level", "stacks", "-c", code)
    _, err = process.communicate(timeout=TIMEOUT)
    assert "lifetrack: error" not in err
    assert "LT101" in err
