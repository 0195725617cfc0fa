"""What the report of a run says, and what findings do to the exit status."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.cli.conftest import TIMEOUT

BACKEND = """
import lifetrack

@lifetrack.tracked
class Backend:
    def close(self):
        pass

"""
LEAK = BACKEND + "backend = Backend()\n"
LEAK_LINE = 9
PROVEN = ("--error-exitcode", "9")


def test_report_names_the_line(runner) -> None:
    """The report is on standard error, names the line, and is written to the files as well."""
    runner.write("app.py", LEAK)
    ended = runner.lifetrack("run", "--report", "a.json", "--report", "a.txt", "app.py")
    assert (ended.status, ended.out) == (0, "")
    assert "LT101 leak-at-exit" in ended.err
    assert f"app.py:{LEAK_LINE}" in ended.err
    assert (runner.folder / "a.txt").read_text() == ended.err
    report = json.loads((runner.folder / "a.json").read_text())
    (finding,) = report["findings"]
    place = {"file": str(runner.folder / "app.py"), "line": LEAK_LINE, "function": "<module>"}
    assert finding["site"] == {**place, "code": "backend = Backend()"}
    assert finding["events"][0]["stack"] == [finding["site"]]
    assert report["process"]["command"][0] == "app.py"


@pytest.mark.parametrize("way", ["script", "module", "code"])
def test_stack_has_only_the_programs_frames(runner, way) -> None:
    """Neither lifetrack's frames nor its command line's stand in a stack."""
    runner.write("app.py", LEAK)
    words = {"script": ("app.py",), "module": ("-m", "app"), "code": ("-c", LEAK)}[way]
    runner.lifetrack("run", "--report", "a.json", *words)
    (finding,) = json.loads((runner.folder / "a.json").read_text())["findings"]
    assert finding["site"]["line"] == LEAK_LINE
    assert not [site for site in finding["events"][0]["stack"] if "lifetrack/" in site["file"]]


@pytest.mark.parametrize(
    ("end", "plain_status"),
    [("", 0), ("raise SystemExit(3)", 3), ("1 / 0", 1), ("raise KeyboardInterrupt", -signal.SIGINT),
     ("import sys; sys.exit('text')", 1)],
)  # fmt: skip
def test_error_exitcode(runner, end, plain_status) -> None:
    """With --error-exitcode the status tells of findings, however the program ends; else it is the program's own."""
    runner.write("app.py", LEAK + end)
    plain = runner.lifetrack("run", "app.py")
    judged = runner.lifetrack("run", *PROVEN, "app.py")
    assert (plain.status, judged.status) == (plain_status, 9)
    assert judged.err == plain.err
    assert runner.lifetrack("run", *PROVEN, "--fail-on", "never", "app.py").status == plain_status
    runner.write("clean.py", LEAK + "backend.close()\n" + end)
    assert runner.lifetrack("run", *PROVEN, "clean.py").status == plain_status


def test_error_exitcode_zero(runner) -> None:
    """The status for findings may be 0."""
    assert runner.lifetrack("run", "--error-exitcode", "0", "-c", LEAK + "raise SystemExit(3)").status == 0


def test_error_exitcode_after_a_signal(runner) -> None:
    """A program that SIGTERM ends leaves with the status for findings, too; what is live then is only suspected."""
    code = LEAK + "import time\nprint('ready', flush=True)\ntime.sleep(60)\n"
    with runner.start("-m", "lifetrack", "run", *PROVEN, "--fail-on", "suspected", "-c", code) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)  # it is on its way from there to its sleep
        process.terminate()
        _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 9
    assert "LT101" in err


def test_certainty_that_fails(runner) -> None:
    """Everything from --fail-on upwards counts."""
    for least in ("hint", "suspected", "proven"):
        assert runner.lifetrack("run", *PROVEN, "--fail-on", least, "-c", LEAK).status == 9


def test_allowed_findings_do_not_fail(runner) -> None:
    """What the program itself allows to leak does not count."""
    code = BACKEND + "with lifetrack.allow('lives as long as the process'):\n    backend = Backend()\n"
    assert runner.lifetrack("run", *PROVEN, "-c", code).status == 0


def test_closed_by_an_exit_hook_is_no_leak(runner) -> None:
    """Exit hooks of the program have run before the account is closed, also when it is judged."""
    code = LEAK + "import atexit\natexit.register(lambda: backend.close())\n"
    for options in ((), PROVEN):
        ended = runner.lifetrack("run", *options, "-c", code)
        assert (ended.status, "no findings" in ended.err) == (0, True)


def test_unclosed_file_keeps_what_was_written(runner) -> None:
    """What a leaked file still buffers at exit reaches the disk, also when the exit status is ours."""
    runner.write("program.py", LEAK + "f = open('out.txt', 'w')\nf.write('kept')\n")
    ended = runner.lifetrack("run", *PROVEN, "program.py")
    assert (runner.folder / "out.txt").read_text() == "kept"
    assert ended.status == 9


def test_watches_the_standard_library(runner) -> None:
    """Without any option and without any change to the program, its files are watched."""
    runner.write("app.py", "f = open('out.txt', 'w')\n")
    ended = runner.lifetrack("run", "app.py")
    assert "LT101" in ended.err
    assert "app.py:1" in ended.err


def test_policy_for_one_rule(runner) -> None:
    """By default a misuse is recorded and the program goes on; a policy makes it raise."""
    code = LEAK + "backend.close()\nbackend.close()\nprint('on')\n"
    recorded = runner.lifetrack("run", "-c", code)
    assert (recorded.status, recorded.out) == (0, "on\n")
    assert "LT202" in recorded.err
    raised = runner.lifetrack("run", "--policy", "LT202=raise", "-c", code)
    assert (raised.status, raised.out) == (1, "")
    assert "DoubleReleaseError" in raised.err


def test_program_that_switches_lifetrack_itself(runner) -> None:
    """A program that starts tracking itself has one report, and one that stops it is told so."""
    started = runner.lifetrack("run", "-c", LEAK + "lifetrack.start()\n")
    assert started.err.count("LT101") == 1
    stopped = runner.lifetrack("run", *PROVEN, "-c", LEAK + "lifetrack.stop()\n")
    assert (stopped.status, stopped.err.count("\n")) == (0, 1)
    assert "tracking was off" in stopped.err


def test_level_off(runner) -> None:
    """At level off nothing is recorded; the report says so and is written none the less."""
    ended = runner.lifetrack("run", "--level", "off", *PROVEN, "--report", "a.json", "-c", LEAK + "raise SystemExit(3)")
    assert (ended.status, ended.err.count("\n")) == (3, 1)
    assert "tracking was off" in ended.err
    report = json.loads((runner.folder / "a.json").read_text())
    assert (report["level"], report["process"]["ending"], report["findings"]) == ("off", "exit", [])


def test_imports_are_not_counted(runner) -> None:
    """The files that an import reads, lifetrack's own among them, are no resources of the program's."""
    runner.write("beside.py", "X = 1\n")
    ended = runner.lifetrack("run", "--report", "a.json", "-c", "import beside, wave\n" + LEAK)
    totals = json.loads((runner.folder / "a.json").read_text())["totals"]
    assert (totals["acquired"], totals["released"]) == (1, 0), ended.err
