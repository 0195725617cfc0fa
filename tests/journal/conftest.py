"""Runs programs with a journal, as real processes, and reads what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifetrack.journal.reading import load
from lifetrack.journal.scanning import Book, Held, read_book
from lifetrack.reports.model import Report

ROOT = Path(__file__).resolve().parents[2]


class Runs:
    """Programs with a journal, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "run.journal"
        self._started: list[subprocess.Popen[str]] = []

    def begin(self, program: str, *options: str, journal: Path | None = None) -> subprocess.Popen[str]:
        """Start a program under ``lifetrack run --journal``; its standard output is a pipe."""
        script = self.folder / f"program{len(self._started)}.py"
        script.write_text(program)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFETRACK")}
        environment["PYTHONPATH"] = str(ROOT)
        optimise = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
        command = [sys.executable, *optimise, "-m", "lifetrack", "run", "--journal", str(journal or self.journal)]
        process = subprocess.Popen(
            [*command, *options, str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=self.folder,
        )
        self._started.append(process)
        return process

    def run(self, program: str, *options: str) -> tuple[str, str, int]:
        """Run a program to its end, whatever that is; give what it printed, its errors and its status."""
        process = self.begin(program, *options)
        out, err = process.communicate(timeout=60)
        return out, err, process.returncode

    def book(self) -> Book:
        """Read the journal."""
        return read_book(str(self.journal))

    def report(self) -> Report:
        """Make the report of the journal."""
        return load(str(self.journal))

    def open(self, kind: str) -> list[Held]:
        """Give what is open of the types whose name ends so, oldest first."""
        found = [held for held in self.book().resources if held.is_open and held.kind.name.endswith(kind)]
        return sorted(found, key=lambda held: held.time)

    def end(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Give the means to run programs with a journal; what still runs is ended."""
    found = Runs(tmp_path)
    yield found
    found.end()
