"""Reports while the program runs: on a call and on a signal, without stopping it."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError, LifetrackError
from tests.conftest import RunPython
from tests.service.conftest import session_class, until

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR2"), reason="this system has no SIGUSR2")


def _send() -> None:
    os.kill(os.getpid(), signal.SIGUSR2)


def _read(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_call_makes_a_report_and_nothing_ends(tracker: Tracker, tmp_path: Path) -> None:
    """What is live is told as a hint, in words that do not say that the process has ended; it stays live."""
    tracker.start("sites", policy="record", report=False)
    session = session_class(tracker)()
    report = tracker.dump(tmp_path / "now.json")
    (finding,) = report.findings
    assert (finding.rule, finding.certainty.word) == ("LT101", "hint")
    assert "is live at this moment" in finding.message
    assert _read(tmp_path / "now.json")["totals"] == {
        "acquired": 1, "released": 0, "live": 1, "findings": 1, "untrackable": 0, "unknown": 0,
    }  # fmt: skip
    assert stat.S_IMODE((tmp_path / "now.json").stat().st_mode) == 0o600
    (leak,) = tracker.find_leaks()
    assert leak.certainty.word == "proven"
    session.close()
    assert tracker.dump(tmp_path / "then.json").findings == ()


def test_a_call_prints_where_no_file_is_named(tracker: Tracker, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the text goes to standard error."""
    tracker.start("sites", policy="record", report=False)
    session = session_class(tracker)()
    tracker.dump()
    assert "app.Session acquired at" in capsys.readouterr().err
    session.close()


def test_no_report_without_tracking_or_with_a_bad_file(tracker: Tracker, tmp_path: Path) -> None:
    """Both are errors of the caller's, told at once."""
    with pytest.raises(LifetrackError, match="tracking is off"):
        tracker.dump()
    tracker.start("sites", report=False)
    with pytest.raises(ConfigurationError, match=r"\.xyz"):
        tracker.dump(tmp_path / "report.xyz")


def test_a_signal_makes_one_report_each_time(tracker: Tracker, tmp_path: Path) -> None:
    """The handler that was there runs as well, and is the only one again after the end."""
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: heard.append(number))
    try:
        mine = signal.getsignal(signal.SIGUSR2)
        tracker.start("sites", policy="record", report=False, dump_signal="SIGUSR2",
                      dump_to=tmp_path / "{pid}-{number}.json")  # fmt: skip
        session = session_class(tracker)()
        for number in (1, 2):
            _send()
            path = tmp_path / f"{os.getpid()}-{number}.json"
            assert until(path.exists)
            assert until(lambda: threading.active_count() >= 1)
        assert heard == [signal.SIGUSR2] * 2
        session.close()
        tracker.stop()
        assert signal.getsignal(signal.SIGUSR2) is mine
        _send()
        assert len(heard) == 3
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_the_programs_own_later_handler_is_left_alone(tracker: Tracker) -> None:
    """Who handles the signal after us has it, also when tracking ends."""
    before = signal.getsignal(signal.SIGUSR2)
    try:
        tracker.start("sites", report=False, dump_signal=int(signal.SIGUSR2))

        def later(number: int, frame: object) -> None:
            """Do nothing."""

        signal.signal(signal.SIGUSR2, later)
        tracker.stop()
        assert signal.getsignal(signal.SIGUSR2) is later
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_another_signal_takes_the_place_of_the_first(tracker: Tracker) -> None:
    """A second ``start()`` with another signal gives the first one back."""
    first, second = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGUSR2)
    tracker.start("sites", report=False, dump_signal="usr1")
    tracker.start("stacks", report=False)
    assert signal.getsignal(signal.SIGUSR1) is not first
    tracker.start("stacks", report=False, dump_signal="USR2")
    assert signal.getsignal(signal.SIGUSR1) is first
    tracker.stop()
    assert signal.getsignal(signal.SIGUSR2) is second


def test_while_the_main_thread_is_blocked_in_a_system_call(tracker: Tracker, tmp_path: Path) -> None:
    """The report is made while the main thread waits in ``read``, which goes on waiting and gets its byte."""
    path = tmp_path / "blocked.json"
    tracker.start("sites", policy="record", report=False, dump_signal="SIGUSR2", dump_to=path)
    reader, writer = os.pipe()

    def elsewhere() -> None:
        time.sleep(0.05)
        _send()
        made = until(path.exists)
        os.write(writer, b"y" if made else b"n")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    assert os.read(reader, 1) == b"y"
    thread.join()
    os.close(reader)
    os.close(writer)


def test_while_the_main_thread_holds_the_locks_of_a_report(tracker: Tracker, tmp_path: Path) -> None:
    """A signal in the middle of a report, from the same thread, waits for nobody and makes one more."""
    path = tmp_path / "{number}.json"
    tracker.start("sites", policy="record", report=False, dump_signal="SIGUSR2", dump_to=path)
    assert tracker.service is not None
    with tracker.service.dumps._turn:
        _send()
        time.sleep(0.02)
        assert not list(tmp_path.iterdir())
    assert until((tmp_path / "1.json").exists)


def test_many_signals_at_once_end_in_a_report_of_the_last(tracker: Tracker, tmp_path: Path) -> None:
    """Signals may be put together, but what is there at the last of them is in a report."""
    path = tmp_path / "last.json"
    tracker.start("sites", policy="record", report=False, dump_signal="SIGUSR2", dump_to=path)
    cls, held = session_class(tracker), []
    for _ in range(20):
        held.append(cls())
        _send()
    assert until(lambda: path.exists() and _read(path)["totals"]["live"] == 20)  # type: ignore[index]
    for each in held:
        each.close()


def test_a_full_disk_is_one_line_and_the_report_is_printed(
    tracker: Tracker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be written any more loses nothing: the text goes to standard error."""
    folder = tmp_path / "folder"
    folder.mkdir()
    tracker.start("sites", policy="record", report=False, dump_to=folder / "report.json")
    session = session_class(tracker)()
    folder.rmdir()
    report = tracker.dump()
    said = capsys.readouterr().err
    assert said.count("lifetrack: error:") == 1
    assert "app.Session acquired at" in said
    assert report.totals.live == 1
    session.close()


@pytest.mark.parametrize("wrong", ["SIGKILL", "SIGSEGV", "SIGNOPE", 0, 4711, True, 1.5, "9"])
def test_a_signal_that_cannot_serve_is_refused(tracker: Tracker, wrong: object) -> None:
    """Deadly and unknown signals are one clear error, and nothing begins."""
    with pytest.raises(ConfigurationError, match="dump_signal=: signal"):
        tracker.start("sites", dump_signal=wrong)  # type: ignore[arg-type]
    assert not tracker.is_tracking()


def test_only_the_main_thread_may_ask_for_a_signal(tracker: Tracker) -> None:
    """Elsewhere it is one clear error, and nothing begins."""
    errors: list[BaseException] = []

    def elsewhere() -> None:
        try:
            tracker.start("sites", dump_signal="SIGUSR2")
        except ConfigurationError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])
    assert not tracker.is_tracking()


PROGRAM = """
import os, signal, sys, time
held = open(sys.argv[1])
parent = os.getpid()
child = os.fork()
if child == 0:
    mine = open(sys.argv[1])
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(0.5)
    os._exit(0)
os.waitpid(child, 0)
os.kill(parent, signal.SIGUSR2)
time.sleep(0.5)
print(child)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_the_command_line_and_a_forked_child(tmp_path: Path, run_python: RunPython) -> None:
    """``lifetrack run --dump-signal`` reports for each process that is asked, of what is its own."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    target = tmp_path / "dump-{pid}.json"
    done = run_python(
        "", "run", "--level", "sites", "--dump-signal", "usr2", "--dump-to", str(target), str(program), str(program),
        python_flags=["-m", "lifetrack"], env={"PYTHONWARNINGS": None},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    child = int(done.stdout)
    found = {int(path.stem.split("-")[1]): _read(path) for path in tmp_path.glob("dump-*.json")}
    assert len(found) == 2
    for pid, report in found.items():
        lines = [finding["site"]["line"] for finding in report["findings"]]  # type: ignore[index,attr-defined]
        assert lines == [7 if pid == child else 3]
