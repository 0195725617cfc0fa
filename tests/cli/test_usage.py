"""Options are validated before the program starts; bad usage is one clear line and exit status 2."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from lifetrack.values.rules import RULES
from tests.cli.conftest import TIMEOUT

MUST_NOT_RUN = ("-c", "open('ran', 'w').close()")
BAD = {
    "no-command": ([], "a command is needed"),
    "unknown-command": (["walk"], "'walk'"),
    "version-with-more": (["--version", "x"], "'--version'"),
    "nothing-to-run": (["run"], "nothing to run"),
    "nothing-after-dashes": (["run", "--"], "nothing to run"),
    "no-module": (["run", "-m"], "MODULE"),
    "no-code": (["run", "-c"], "CODE"),
    "level": (["run", "--level", "deep", *MUST_NOT_RUN], "unknown level 'deep'"),
    "level-missing": (["run", "--level"], "--level"),
    "policy": (["run", "--policy", "shout", *MUST_NOT_RUN], "unknown policy 'shout'"),
    "policy-rule": (["run", "--policy", "LT999=raise", *MUST_NOT_RUN], "LT999"),
    "watch": (["run", "--watch", "stdlib,nonsense_name", *MUST_NOT_RUN], "nonsense_name"),
    "fail-on": (["run", "--fail-on", "sure", *MUST_NOT_RUN], "'sure'"),
    "exitcode-word": (["run", "--error-exitcode", "x", *MUST_NOT_RUN], "'x'"),
    "exitcode-large": (["run", "--error-exitcode", "256", *MUST_NOT_RUN], "256"),
    "exitcode-negative": (["run", "--error-exitcode", "-1", *MUST_NOT_RUN], "-1"),
    "report-ending": (["run", "--report", "report.pdf", *MUST_NOT_RUN], "report.pdf"),
    "report-folder": (["run", "--report", "no/such/report.json", *MUST_NOT_RUN], "no/such"),
    "second-report": (["run", "--report", "a.json", "--report", "no/b.json", *MUST_NOT_RUN], "no/b.json"),
    "unknown-option": (["run", "--lovel", "full", *MUST_NOT_RUN], "--lovel"),
    "abbreviated-option": (["run", "--lev", "full", *MUST_NOT_RUN], "--lev"),
    "short-option": (["run", "-x", *MUST_NOT_RUN], "-x"),
    "journal-folder": (["run", "--journal", "no/such/j", *MUST_NOT_RUN], "no/such"),
    "journal-size": (["run", "--journal", "j", "--journal-size", "lots", *MUST_NOT_RUN], "lots"),
    "missing-script": (["run", "nothing.py"], "nothing.py"),
    "script-under-a-file": (["run", "file/x.py"], "file/x.py"),
    "null-in-name": (["run", "--policy", "a\nb", *MUST_NOT_RUN], "a"),
    "show-nothing": (["show"], "FILE"),
    "show-missing": (["show", "none.json"], "none.json"),
    "show-no-report": (["show", "file"], "file"),
    "show-html": (["show", "file", "--format", "html"], "file"),
    "show-dot": (["show", "file", "--format", "dot"], "file"),
    "diff-nothing": (["diff", "file"], "NEW"),
    "diff-missing": (["diff", "none.json", "file"], "none.json"),
    "diff-format": (["diff", "file", "file", "--format", "html"], "html"),
    "diff-exitcode": (["diff", "file", "file", "--error-exitcode", "x"], "--error-exitcode"),
    "show-nonsense": (["show", "file", "--format", "x\ny"], "x"),
    "unknown-rule": (["rules", "LT999"], "LT999"),
    "two-rules": (["rules", "LT101", "LT102"], "LT102"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_usage(runner, name) -> None:
    """Bad usage is one line on standard error that names it, exit status 2, and nothing runs."""
    words, named = BAD[name]
    runner.write("file", "no report")
    ended = runner.lifetrack(*words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("lifetrack: error: ")
    assert ended.err.count("\n") == 1
    assert named in ended.err
    assert sorted(os.listdir(runner.folder)) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_script_without_permission(runner) -> None:
    """A script that may not be read is named."""
    runner.write("secret.py", "").chmod(0)
    ended = runner.lifetrack("run", "secret.py")
    assert ended.status == 2
    assert "secret.py" in ended.err


def test_everything_after_the_program_is_its_own(runner) -> None:
    """Options after the program belong to it, even those of lifetrack and --help."""
    show = "import sys; print(sys.argv[1:])"
    words = ["--help", "--level", "nonsense", "--", "-c", "-m"]
    runner.write("show.py", show)
    runner.write("-dash.py", show)
    for program in (["show.py"], ["-m", "show"], ["-c", show], ["--", "-dash.py"]):
        ended = runner.lifetrack("run", "--level", "sites", "--policy=record", *program, *words)
        assert (ended.status, ended.out) == (0, f"{words}\n")


@pytest.mark.parametrize("level", ["off", "counts", "sites", "stacks", "full"])
def test_every_level_runs(runner, level) -> None:
    """A program runs at every level."""
    runner.same(
        "-c", "f = open('x', 'w')\nf.write('y')\nf.close()\nprint(open('x').read())", options=("--level", level)
    )


@pytest.mark.parametrize("policy", ["raise", "warn", "record", "LT202=record,*=raise"])
def test_every_policy_runs(runner, policy) -> None:
    """A program without mistakes runs under every policy."""
    runner.same("-c", "print(1)", options=("--policy", policy))


def test_watch_nothing(runner) -> None:
    """With an empty list nothing is watched."""
    ended = runner.lifetrack("run", "--watch", "", "-c", "f = open('x', 'w')")
    assert ended.status == 0
    assert "no findings" in ended.err


def test_report_path_outlives_a_change_of_directory(runner) -> None:
    """A relative report path means the directory where lifetrack was started."""
    ended = runner.lifetrack("run", "--report", "a.json", "--report", "a.txt", "-c", "import os; os.chdir('/')")
    assert ended.status == 0
    assert json.loads((runner.folder / "a.json").read_text())["format"] == "lifetrack-report"
    assert (runner.folder / "a.txt").read_text() == ended.err


def test_report_that_cannot_be_written_any_more(runner) -> None:
    """A report file that fails at the end is one line; the text, the other file and the exit status stay."""
    (runner.folder / "gone").mkdir()
    options = ("--report", "gone/a.json", "--report", "b.json")
    ended = runner.lifetrack("run", *options, "-c", "import os; os.rmdir('gone'); raise SystemExit(3)")
    assert ended.status == 3
    first, second = ended.err.splitlines()
    assert first.startswith("lifetrack: no findings")
    assert second.startswith("lifetrack: error: ")
    assert "gone/a.json" in second
    assert (runner.folder / "b.json").exists()


def test_show(runner) -> None:
    """A stored report is shown as it was printed, and as JSON as it was written."""
    ended = runner.lifetrack("run", "--report", "a.json", "-c", "pass")
    stored = (runner.folder / "a.json").read_text()
    assert runner.lifetrack("show", "a.json").out == ended.err
    assert runner.lifetrack("show", "a.json", "--format", "json").out == stored
    for words in (["--format", "json", "-o", "copy"], ["-o", "copy.json"]):
        assert runner.lifetrack("show", "a.json", *words).status == 0
        assert (runner.folder / words[-1]).read_text() == stored
    runner.lifetrack("show", "a.json", "-o", "copy.txt")
    assert (runner.folder / "copy.txt").read_text() == ended.err


def test_rules(runner) -> None:
    """All rules are listed; one is explained by its id or its name."""
    listed = runner.lifetrack("rules").out.splitlines()
    assert [line.split()[0] for line in listed] == list(RULES)
    by_id = runner.lifetrack("rules", "lt201")
    assert (by_id.status, by_id.err) == (0, "")
    assert by_id.out.startswith("LT201 use-after-release\n")
    assert runner.lifetrack("rules", "use-after-release").out == by_id.out


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["run", "--help"], ["show", "-h"], ["rules", "--help"]])
def test_help(runner, words) -> None:
    """Help goes to standard output."""
    ended = runner.lifetrack(*words)
    assert (ended.status, ended.err) == (0, "")
    assert "lifetrack" in ended.out.splitlines()[0]


def test_version(runner) -> None:
    """The version is said."""
    ended = runner.lifetrack("--version")
    assert ended.status == 0
    assert ended.out.startswith("lifetrack ")


def test_reader_of_standard_output_is_gone(runner) -> None:
    """Somebody who stops reading gets no complaint."""
    process = runner.start("-m", "lifetrack", "rules", stdin=subprocess.PIPE)
    process.stdout.close()
    process.stdin.close()
    error = process.stderr.read()
    process.stderr.close()
    assert (process.wait(TIMEOUT), error) == (1, "")


@pytest.mark.parametrize("options", [(), ("--error-exitcode=7",)])
def test_bad_usage_by_the_program_is_the_programs(runner, options) -> None:
    """Its own traceback and status, as of any other exception."""
    runner.write("program.py", "import lifetrack\ndef configure(): lifetrack.start('verbose')\nconfigure()\n")
    done = runner.lifetrack("run", *options, "program.py")
    assert done.status == 1
    assert "Traceback (most recent call last)" in done.err
    assert "line 2, in configure" in done.err
    assert "lifetrack: error" not in done.err


def test_a_bad_level_in_the_environment_is_one_line(runner) -> None:
    """Of the command, and not of the import before it."""
    runner.env["LIFETRACK"] = "stax"
    done = runner.lifetrack("run", "-c", "0")
    assert done.status == 2
    assert done.err.count("unknown level 'stax'") == 1
