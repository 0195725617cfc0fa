"""The doctor: what is caught is called so, what is not is named, and one thing that breaks takes no other with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lifetrack.doctor import examination, launch, specimens, trials
from lifetrack.doctor.examination import examine
from lifetrack.doctor.outcomes import CAUGHT, MISSED, PASSED_OVER
from lifetrack.values.settings import Level
from lifetrack.watchers.rows import CLASSES, Row, declare
from lifetrack.watchers.table import KNOWN, rows_of

ROWS = list(dict.fromkeys(row for name in KNOWN for row in rows_of(name) if specimens.is_resource(row)))

Sabotage = Callable[[str], None]


@pytest.fixture
def sabotage(monkeypatch: pytest.MonkeyPatch) -> Sabotage:
    """Let the process that is examined begin with a line of its own, which breaks something in it."""
    original = launch.command

    def breaking(line: str) -> None:
        monkeypatch.setattr(launch, "command", lambda program, *rest: original(f"{line}\n{program}", *rest))

    return breaking


def told(*names: str, level: Level = Level.SITES) -> dict[str, tuple[str, str]]:
    return {each.name: (each.verdict, each.words) for each in examine(level, names)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ".".join(specimens.key_of(row)))
def test_every_row_has_a_specimen(row: Row) -> None:
    """What is watched can be tried: a row without a program that leaks one is not finished."""
    text = specimens.specimen_of(row)
    assert text, f"write a specimen of {row.module}.{row.name}: see lifetrack/doctor/specimens/__init__.py"
    assert sum(line.endswith(trials.LEAK) for line in text.splitlines()) == 1
    compile(text, "specimen", "exec")


def test_every_specimen_has_a_row() -> None:
    """A specimen of a row that is gone goes too."""
    special = {(row.module, f"{row.name} ({row.mechanism})") for row in ROWS}
    elsewhere = {("select", "epoll"), ("select", "kqueue"), ("dbm.sqlite3", "_Database")}  # by system and version
    assert set(specimens.SPECIMENS) - elsewhere <= {specimens.key_of(row) for row in ROWS} | special


@pytest.mark.parametrize("level", [Level.SITES, Level.FULL])
def test_what_is_caught(level: Level) -> None:
    """Each kind is told with the rule and the type that were found."""
    assert told("os", "tempfile", "locks", level=level) == {
        "os.open": (CAUGHT, "LT103 os.open"),
        "os.scandir": (CAUGHT, "LT103 posix.ScandirIterator"),
        "tempfile.TemporaryDirectory": (CAUGHT, "LT103 tempfile.TemporaryDirectory"),
        "threading.Lock": (CAUGHT, "LT404 threading.Lock"),
        "asyncio.locks.Lock": (CAUGHT, "LT404 asyncio.Lock"),
    }


def test_what_is_not_recorded(sabotage: Sabotage) -> None:
    """A kind that a new version of Python makes in another way is missed, and no other with it."""
    sabotage(
        "from lifetrack.watchers.descriptors import WatchedDescriptors as W; W.put = W.restore = lambda self: None"
    )
    found = told("os", "tempfile")
    assert found["os.open"] == (MISSED, "nothing was found")
    assert found["tempfile.TemporaryDirectory"][0] == CAUGHT


def test_a_wrong_site(sabotage: Sabotage) -> None:
    """A leak that is told of another line is no proof."""
    sabotage(
        "from lifetrack.watchers.recording import Recording as R; acquired = R.acquired\n"
        "def wrong(self, obj, declaration, frame, *rest, **more): "
        "acquired(self, obj, declaration, frame.f_back.f_back, *rest, **more)\n"
        "R.acquired = wrong"
    )
    assert told("tempfile")["tempfile.TemporaryDirectory"] == (
        MISSED, "LT103 was found, but not at the line that leaked it",
    )  # fmt: skip


def test_a_release_that_is_not_seen(sabotage: Sabotage) -> None:
    """What is told of a resource that was released is an alarm about nothing, and no proof either."""
    sabotage("from lifetrack.watchers.recording import Recording; Recording.released = lambda *_, **__: None")
    assert told("tempfile")["tempfile.TemporaryDirectory"] == (MISSED, "it is told as LT103 though it was released")


def test_a_process_that_is_lost(sabotage: Sabotage) -> None:
    """What takes the process with it is missed; the rest is tried by another process."""
    sabotage("import os, tempfile; tempfile.TemporaryDirectory.cleanup = lambda self: os._exit(9)")
    found = told("tempfile", "os", "gzip")
    assert found["tempfile.TemporaryDirectory"] == (MISSED, "the process that tried it was lost (status 9)")
    assert [found["os.open"][0], found["gzip.GzipFile"][0]] == [CAUGHT, CAUGHT]


def test_a_process_that_gets_stuck(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr(examination, "PATIENCE", 3.0)
    sabotage("import time, shelve; shelve.DbfilenameShelf.close = lambda self: time.sleep(60)")
    found = told("shelve", "gzip")
    assert found["shelve.DbfilenameShelf"] == (MISSED, "it did not end within 3 seconds")
    assert found["gzip.GzipFile"][0] == CAUGHT


def test_what_cannot_be_tried_here(sabotage: Sabotage) -> None:
    """A module that this Python was built without is passed over, with the reason."""
    sabotage("import sys; sys.modules['bz2'] = None")
    assert told("bz2")["bz2.BZ2File"] == (PASSED_OVER, "there is no module bz2")


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of a library is passed over where the library is not there."""
    row = Row(("nowhere",), "nowhere.pools", "Pool", CLASSES, declare("close"), specimen="import nowhere  # leak\n")
    monkeypatch.setattr(trials, "rows_of", lambda name: (row,))
    assert told("gzip")["nowhere.pools.Pool"] == (PASSED_OVER, "nowhere is not installed")


def test_a_row_without_a_specimen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of somebody else's that brings no specimen is missed, for nothing proves it."""
    row = Row(("gzip",), "gzip", "Novelty", CLASSES, declare("close"))
    monkeypatch.setattr(trials, "rows_of", lambda name: (row,))
    assert told("gzip")["gzip.Novelty"] == (MISSED, "it has no specimen: its row needs one")


def test_specimens_of_others(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row may bring its own specimen, which may say that it cannot be tried, or have a mistake."""
    texts = [
        "untried('no server there')  # leak\n",
        "1 / 0  # leak\n",
        "raise OSError(13, 'no way')  # leak\n",
    ]
    rows = tuple(
        Row(("gzip",), "gzip", f"kind {number}", CLASSES, declare("close"), specimen=text)
        for number, text in enumerate(texts)
    )
    monkeypatch.setattr(trials, "rows_of", lambda name: rows)
    sabotage(
        "from lifetrack.doctor import trials; from lifetrack.watchers.rows import Row, declare\n"
        "closed = declare('close')\n"
        f"rows = [Row(('gzip',), 'gzip', str(n), 'x', closed, specimen=text) for n, text in enumerate({texts})]\n"
        "trials.rows_of = lambda name: rows"
    )
    assert list(told("gzip").values()) == [
        (PASSED_OVER, "no server there"),
        (MISSED, "its specimen does not run here: ZeroDivisionError: division by zero"),
        (PASSED_OVER, "the system refuses it: no way"),
    ]
