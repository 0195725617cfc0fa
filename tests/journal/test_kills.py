"""Processes killed at random moments under load: the journal against an account that each process writes by itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lifetrack.journal.reading import load
from lifetrack.journal.scanning import Held, read_book
from tests.journal.account import PROGRAM, Account, Told, read_account

ROOT = Path(__file__).resolve().parents[2]
#: How many processes are killed at each level; the environment may ask for more.
TIMES = int(os.environ.get("LIFETRACK_TEST_KILLS", "8"))


def _begin(folder: Path, number: int, level: str, threads: int) -> subprocess.Popen[bytes]:
    script = folder / "program.py"
    script.write_text(PROGRAM)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFETRACK")}
    command = [sys.executable, "-m", "lifetrack", "run", "--watch", "", "--level", level]
    command += ["--journal", f"{folder}/{number}.journal", "--journal-size", "1M", str(script)]
    return subprocess.Popen(
        [*command, f"{folder}/{number}.account", str(number), str(threads), "100000"],
        env={**environment, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )


def _kill(process: subprocess.Popen[bytes], account: Path, chance: random.Random) -> None:
    deadline = time.monotonic() + 60
    while not (account.exists() and account.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(chance.random() * 0.15)
    process.kill()
    process.wait()


def _thread_of(name: str) -> str:
    number = name.partition("-")[0]
    return "MainThread" if number == "0" else f"worker {number}"


def _differences(account: Account, journal: Path, level: str) -> list[str]:
    book = read_book(str(journal))
    found = {held.label: held for held in book.resources if held.is_open}
    wrong: list[str] = []
    for name, told in account.known.items():
        held = found.pop(name, None)
        if held is None:
            if told.live and told.maybe_live is None:
                wrong.append(f"{name} is lost")
        elif not told.live:
            wrong.append(f"{name} was released")
        else:
            wrong += _wrong(name, told, held, level)
    wrong += [f"{name} is invented" for name in found if name is not None and name not in account.maybe]
    acquired = sum(kind.acquired for kind in book.kinds)
    if not len(account.known) <= acquired <= len(account.known) + len(account.maybe):
        wrong.append(f"{acquired} acquired, not {len(account.known)}")
    return wrong


def _wrong(name: str, told: Told, held: Held, level: str) -> list[str]:
    wrong = []
    if held.owner is None or held.owner[0] not in (told.owner, told.maybe_owner):
        wrong.append(f"{name} belongs to {told.owner}, not {held.owner}")
    if level != "counts" and (not held.stack or held.stack[0].function != told.made):
        wrong.append(f"{name} was acquired in {told.made}, not {held.stack[:1]}")
    if level == "stacks" and held.thread != _thread_of(name):
        wrong.append(f"{name} was acquired by {_thread_of(name)}, not {held.thread}")
    return wrong


@pytest.mark.parametrize(("level", "threads"), [("stacks", 3), ("sites", 2), ("counts", 1)])
def test_nothing_is_lost_and_nothing_invented(tmp_path: Path, level: str, threads: int) -> None:
    """What was open, where it was acquired and who owned it stands in the journal exactly, up to the last event."""
    chance = random.Random(os.urandom(8))
    events = 0
    for first in range(0, TIMES, 2):
        begun = [(n, _begin(tmp_path, n, level, threads)) for n in range(first, first + 2)]
        for number, process in begun:
            path = tmp_path / f"{number}.account"
            _kill(process, path, chance)
            account = read_account(path)
            events += account.lines
            assert process.returncode == -signal.SIGKILL
            assert _differences(account, tmp_path / f"{number}.journal", level) == []
            assert load(str(tmp_path / f"{number}.journal")).process.ending == "lost"
    assert events > TIMES  # there was a load
