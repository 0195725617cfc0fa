"""Runs programs under ``lifetrack run --children`` and reads the one report that comes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Family:
    """A program of several processes, in a folder of its own."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary
        self.out = self.err = ""
        self.report: dict[str, Any] = {}

    def run(self, program: str, *words: str, options: tuple[str, ...] = ("--children",)) -> dict[str, Any]:
        """Run it; give the report, valid against the schema."""
        (self.folder / "app.py").write_text(program)
        env = {name: value for name, value in os.environ.items() if not name.startswith("LIFETRACK")}
        env.update(PYTHONPATH=str(ROOT), TMPDIR=str(self.temporary), PYTHON_COLORS="0")
        optimise = ["-O"] if sys.flags.optimize else []
        done = subprocess.run(
            [sys.executable, *optimise, "-m", "lifetrack", "run", *options, "--report", "r.json", "app.py", *words],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self.out, self.err = done.stdout, done.stderr
        assert done.returncode == 0, done.stderr
        assert list(self.temporary.glob("lifetrack-*")) == [], "the private folder is taken away"
        self.report = json.loads((self.folder / "r.json").read_text())
        jsonschema = pytest.importorskip("jsonschema")
        from lifetrack.reports.json_report import schema

        jsonschema.validate(self.report, schema())
        return self.report

    def leaked_in(self) -> list[tuple[str, int, list[str]]]:
        """Give the rule, the line and the names of the processes of each finding."""
        return sorted(
            (each["rule"], each["site"]["line"], sorted(process["name"] for process in each["processes"]))
            for each in self.report["findings"]
        )


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    with tempfile.TemporaryDirectory(prefix="lt") as short:  # the address of a socket must not be long
        yield Family(tmp_path, Path(short))
