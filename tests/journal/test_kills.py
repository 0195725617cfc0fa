"""Processes that end at random moments under load: the journal against an account that each one writes by itself.

``LIFETRACK_TEST_KILLS=400 python -m pytest tests/journal/test_kills.py -s`` is the campaign: so many at each level.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lifetrack.journal import format as form
from lifetrack.journal.reading import load
from lifetrack.journal.scanning import Book, Held, read_book
from tests.journal.account import PROGRAM, Account, Told, read_account

ROOT = Path(__file__).resolve().parents[2]
#: How many processes end at each level; the environment may ask for more.
TIMES = int(os.environ.get("LIFETRACK_TEST_KILLS", "4"))
#: How they end, and with which status.
ENDINGS = {"kill": -signal.SIGKILL, "_exit": 3, "segfault": -signal.SIGSEGV, "abort": -signal.SIGABRT}


def _begin(folder: Path, number: int, level: str, threads: int, ending: str) -> subprocess.Popen[bytes]:
    script = folder / "program.py"
    script.write_text(PROGRAM)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFETRACK")}
    command = [sys.executable, "-m", "lifetrack", "run", "--watch", "", "--level", level]
    command += ["--journal", f"{folder}/{number}.journal", "--journal-size", "1M", str(script)]
    return subprocess.Popen(
        [*command, f"{folder}/{number}.account", str(number), str(threads), ending],
        env={**environment, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )


def _end(process: subprocess.Popen[bytes], account: Path, chance: random.Random, ending: str) -> None:
    deadline = time.monotonic() + 60
    while not (account.exists() and account.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.002)
    if ending == "kill":
        time.sleep(chance.random() * 0.15)
        process.kill()
    process.wait(60)


def _thread_of(name: str) -> str:
    number = name.partition("-")[0]
    return "MainThread" if number == "0" else f"worker {number}"


def _differences(account: Account, book: Book, level: str) -> list[str]:
    found = {held.label: held for held in book.resources if held.is_open}
    gone = {held.label: held for held in book.resources if not held.is_open}
    wrong: list[str] = []
    for name, told in account.known.items():
        held = found.pop(name, None)
        if held is None:
            if told.live and told.maybe_live is None:
                wrong.append(f"{name} is lost")
        elif not told.live:
            wrong.append(f"{name} was released")
        else:
            wrong += _wrong(name, told, held, level, whole=not book.overwritten)
        if name in gone:
            wrong += _wrong_end(name, gone[name], level)
    wrong += [f"{name} is invented" for name in found if name is not None and name not in account.maybe]
    acquired = sum(kind.acquired for kind in book.kinds)
    if not len(account.known) <= acquired <= len(account.known) + len(account.maybe):
        wrong.append(f"{acquired} acquired, not {len(account.known)}")
    return wrong


def _wrong(name: str, told: Told, held: Held, level: str, *, whole: bool) -> list[str]:
    wrong = []
    if held.owner is None or held.owner[0] not in (told.owner, told.maybe_owner):
        wrong.append(f"{name} belongs to {told.owner}, not {held.owner}")
    if level != "counts" and (not held.stack or held.stack[0].function != told.made):
        wrong.append(f"{name} was acquired in {told.made}, not {held.stack[:1]}")
    if level == "stacks" and held.thread != _thread_of(name):
        wrong.append(f"{name} was acquired by {_thread_of(name)}, not {held.thread}")
    events = [event.word for event in held.events]
    most = told.events + told.maybe_events
    if whole and not (told.events == events[: len(told.events)] and events == most[: len(events)]):
        wrong.append(f"{name} has gone through {told.events} and maybe {told.maybe_events}, not {events}")
    return wrong


def _wrong_end(name: str, held: Held, level: str) -> list[str]:
    if held.state != form.RELEASED:
        return [f"{name} has ended as {held.state}, and not by its release"]
    where = held.end[2][:1]
    if level != "counts" and (not where or where[0].function != "release"):
        return [f"{name} was released at {where}"]
    if level == "stacks" and held.end[1] != _thread_of(name):
        return [f"{name} was released by {_thread_of(name)}, not {held.end[1]}"]
    return []


@pytest.mark.parametrize(("level", "threads"), [("stacks", 3), ("sites", 2), ("counts", 1)])
def test_nothing_is_lost_and_nothing_invented(tmp_path: Path, level: str, threads: int) -> None:
    """What was open, where it was acquired and who owned it stands in the journal exactly, up to the last event."""
    chance = random.Random(os.urandom(8))
    lines = torn = 0
    for first in range(0, TIMES, 2):
        numbers = range(first, min(first + 2, TIMES))
        endings = [list(ENDINGS)[number % len(ENDINGS)] for number in numbers]
        begun = [_begin(tmp_path, n, level, threads, ending) for n, ending in zip(numbers, endings, strict=True)]
        for number, process, ending in zip(numbers, begun, endings, strict=True):
            _end(process, tmp_path / f"{number}.account", chance, ending)
        for number, process, ending in zip(numbers, begun, endings, strict=True):
            account = read_account(tmp_path / f"{number}.account")
            journal = tmp_path / f"{number}.journal"
            book = read_book(str(journal))
            assert process.returncode == ENDINGS[ending]
            assert _differences(account, book, level) == []
            assert book.unkept == 0
            assert load(str(journal)).process.ending == "lost"
            lines, torn = lines + account.lines, torn + book.torn
            journal.unlink()
    assert lines > TIMES  # there was a load
    print(f"{level}: {TIMES} processes, {lines} lines in their accounts, {torn} torn records")
