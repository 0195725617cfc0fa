"""Runs programs with and without lifetrack, as real processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Another interpreter may be named, to try the same table on it.
PYTHON = os.environ.get("LIFETRACK_TEST_PYTHON", sys.executable)
TIMEOUT = 60


@dataclass
class Ended:
    status: int
    out: str
    err: str


def _settled(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


class Runner:
    """Runs things in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # An installed lifetrack serves as well; a checkout is found by the path.
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("LIFETRACK_TEST_PATH")])])
        self.env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHON_COLORS": "0", "COLUMNS": "100"}
        self.env.pop("PYTHONSAFEPATH", None)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def start(self, *words: str, flags: tuple[str, ...] = (), **more: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PYTHON, *flags, *words],
            cwd=more.pop("cwd", self.folder),
            env={**self.env, **more.pop("env", {})},
            stdin=more.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            **more,
        )

    def python(self, *words: str, **more: object) -> Ended:
        with self.start(*words, **more) as process:
            out, err = process.communicate(timeout=TIMEOUT)
        return Ended(process.returncode, _settled(out), _settled(err))

    def lifetrack(self, *words: str, **more: object) -> Ended:
        return self.python("-m", "lifetrack", *words, **more)

    def same(self, *words: str, options: tuple[str, ...] = (), **more: object) -> Ended:
        """Check that a program ends the same with and without lifetrack; give the plain end of it."""
        plain = self.python(*words, **more)
        ours = self.lifetrack("run", *options, *words, **more)
        assert ours.out == plain.out
        assert ours.status == plain.status
        assert ours.err[: len(plain.err)] == plain.err
        report = ours.err[len(plain.err) :]
        assert report.startswith("lifetrack: "), report
        assert "error" not in report.splitlines()[0]
        return plain


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    folder = tmp_path / "work"
    folder.mkdir()
    return Runner(folder)
