"""A program that has used up all its descriptors is told which, though what tells it is loaded only then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lifetrack.values.headroom import headroom

resource = pytest.importorskip("resource")

ROOT = Path(__file__).resolve().parents[2]
LEAKY = "keep = []\ndef leak():\n    while True:\n        keep.append(open('/dev/null'))\n"
PROGRAM = "import lifetrack\nlifetrack.start(watch='stdlib', report={report!r})\n" + LEAKY + "leak()\n"
#: Where the hard limit is the same nothing can be opened for us either.
LIMITS = pytest.mark.parametrize("hard", [64, None], ids=["hard", "soft"])


def _run(folder: Path, hard: int | None, *command: str) -> tuple[str, str]:
    limits = 64, hard or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LIFETRACK", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
    )
    assert done.returncode == 1
    return done.stdout, done.stderr


def test_the_limit_is_put_back_exactly() -> None:
    """One of several blocks that are in each other, or in several threads, raises it, and it is as before then."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] - 100, before[1]))
        tight = resource.getrlimit(resource.RLIMIT_NOFILE)
        first, second = headroom(), headroom()
        first.__enter__()
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)
        second.__enter__()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == raised != tight
        first.__exit__(None, None, None)  # as where the other one is another thread's
        second.__exit__(None, None, None)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == tight
        with headroom():
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@LIMITS
def test_in_a_program(tmp_path: Path, hard: int | None) -> None:
    """The report at exit stands on standard error."""
    (tmp_path / "app.py").write_text(PROGRAM.format(report=True))
    _, err = _run(tmp_path, hard, "app.py")
    assert "OSError: [Errno 24] Too many open files: '/dev/null'" in err
    assert "_io.TextIOWrapper acquired at app.py:6 was still live when the process ended" in " ".join(err.split())
    assert "Held by __main__.keep[0] (module-global)" in err
    assert "lifetrack: error" not in err


def test_a_report_file(tmp_path: Path) -> None:
    """A file can be written where the system allows a few descriptors more; the limit is as before then."""
    (tmp_path / "app.py").write_text(
        "import atexit, resource\n"
        "atexit.register(lambda: print('limit', resource.getrlimit(resource.RLIMIT_NOFILE)[0]))\n"
        + PROGRAM.format(report="report.json")
    )
    out, err = _run(tmp_path, None, "app.py")
    assert '"LT101"' in (tmp_path / "report.json").read_text()
    assert "lifetrack:" not in err
    assert out == "limit 64\n"


def test_a_report_file_that_cannot_be(tmp_path: Path) -> None:
    """Elsewhere that is one clear line, and the report is printed."""
    (tmp_path / "app.py").write_text(PROGRAM.format(report="report.json"))
    _, err = _run(tmp_path, 64, "app.py")
    assert not (tmp_path / "report.json").exists()
    (line,) = [line for line in err.splitlines() if line.startswith("lifetrack: error:")]
    assert "report.json" in line
    assert "Too many open files" in line
    assert "LT101 leak-at-exit" in err


@LIMITS
def test_in_a_test_run(tmp_path: Path, hard: int | None) -> None:
    """The test fails as it does without us, with what it has left open beside it, and the run goes on."""
    (tmp_path / "test_app.py").write_text(
        LEAKY + "def test_leaky(): leak()\ndef test_next(): keep.clear()\ndef test_last(): open('/dev/null').close()\n"
    )
    options = ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "lifetrack.pytest_plugin", "--lifetrack"]
    out, err = _run(tmp_path, hard, "-m", "pytest", "-q", *options, "test_app.py")
    assert "Too many open files: '/dev/null'" in out
    assert "left open, after the failure above" in out
    assert "x _io.TextIOWrapper" in out
    assert "Held by test_app.keep[0] (module-global)" in out
    assert "1 failed, 2 passed" in out
    assert "INTERNALERROR" not in out + err
    assert "Traceback" not in err
