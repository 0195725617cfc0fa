"""`lifetrack doctor` as a command: its table, its exit status, its bad usage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lifetrack.doctor.specimens import is_resource, key_of
from lifetrack.watchers.table import KNOWN, rows_of

if TYPE_CHECKING:
    from tests.conftest import Finished, RunPython


@pytest.fixture(scope="module")
def examined() -> Finished:
    """The whole examination, once."""
    from tests.conftest import _run_python

    return _run_python("", "doctor", python_flags=["-m", "lifetrack"], env={"LIFETRACK": "full"}, timeout=120)


def test_everything_is_caught_here(examined: Finished) -> None:
    """On this machine and these versions each kind of resource is caught, and what needs something missing is said."""
    lines = examined.stdout.splitlines()
    assert (examined.returncode, [line for line in lines if " missed  " in line]) == (0, []), examined.stdout
    told = {line.split()[1] for line in lines if len(line.split()) > 2}
    assert told >= {".".join(key_of(row)) for name in KNOWN for row in rows_of(name) if is_resource(row)}
    assert re.fullmatch(r"\d\d+ caught, 0 missed, \d+ passed over", lines[-1])
    assert examined.stderr == ""


def test_where_it_runs(examined: Finished) -> None:
    """It begins with the versions, the level, the extras, what is off, and which setting it leaves out."""
    head = examined.stdout.partition("\n\n")[0]
    for words in (
        "Python 3.",
        "level        stacks",
        "wrapt",
        "extras",
        "off          locks",
        "LIFETRACK=full: left out",
    ):
        assert words in head


def test_beside_the_table(examined: Finished) -> None:
    """Classes of one's own, guards, the witness and followed children are tried as well."""
    groups = {line.split()[0] for line in examined.stdout.splitlines() if " caught " in line}
    assert groups >= {"declared", "guards", "children", "io", "asyncio", "locks"}


def test_a_miss_is_the_status(run_python: RunPython) -> None:
    """The status is 1 when something was missed, and the last line names it."""
    done = run_python(
        "import sys\n"
        "from lifetrack.cli.main import main\n"
        "from lifetrack.doctor import launch\n"
        "command = launch.command\n"
        "broken = 'import tempfile, os; tempfile.TemporaryDirectory.cleanup = lambda self: os._exit(3)'\n"
        "launch.command = lambda program, *rest: command(broken + '\\n' + program, *rest)\n"
        "sys.exit(main(['doctor', '--watch', 'tempfile,gzip', '--level', 'sites']))\n"
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        "1 caught, 1 missed, 0 passed over", "Missed: tempfile.TemporaryDirectory (tempfile).",
    ]  # fmt: skip


@pytest.mark.parametrize("options", [["--level", "counts"], ["--level", "many"], ["--watch", "nothing"], ["extra"]])
def test_bad_usage(run_python: RunPython, options: list[str]) -> None:
    """What is wrong is one line and status 2."""
    done = run_python("", "doctor", *options, python_flags=["-m", "lifetrack"])
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("lifetrack: error: ")
