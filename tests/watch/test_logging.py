"""Handlers of logging: they live as long as the process by design, and no longer than their scope."""

from __future__ import annotations

import gc
import logging
import logging.handlers
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


def test_handler_that_outlives_its_scope(watching: Tracker, line_of: Callable[[Finding], str], tmp_path: Path) -> None:
    """A handler that is open when its scope ends is one finding, with its stream below it."""
    with watching.scope("job"):
        handler = logging.FileHandler(tmp_path / "log", encoding="utf-8")  # site: handler
    (finding,) = watching.find_leaks()
    handler.close()
    assert (finding.rule, finding.resource.type) == ("LT103", "logging.FileHandler")
    assert [child.resource.type for child in finding.children] == ["_io.TextIOWrapper"]
    assert "# site: handler" in line_of(finding)


@pytest.mark.parametrize("delay", [False, True])
def test_handlers_that_are_closed(delay: bool, watching: Tracker, tmp_path: Path) -> None:
    """A handler that is closed leaves nothing, though its stream was opened late, or several times."""
    with watching.scope("job"):
        handler = logging.handlers.RotatingFileHandler(
            tmp_path / "log", maxBytes=1, backupCount=1, encoding="utf-8", delay=delay
        )
        for _ in range(3):
            handler.handle(logging.makeLogRecord({"msg": "line"}))
        handler.close()
        logging.FileHandler(tmp_path / "other", encoding="utf-8", delay=True)
    gc.collect()
    assert watching.find_leaks() == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_handler_that_is_dropped(watching: Tracker, tmp_path: Path) -> None:
    """A handler that nobody closed and nobody keeps drops its file, which is a leak."""
    logging.FileHandler(tmp_path / "log", encoding="utf-8")
    gc.collect()
    assert [found.rule for found in watching.find_leaks()] == ["LT102"]


@pytest.mark.parametrize("first", ["import logging.handlers", "import lifetrack"])
def test_at_exit(first: str, run_python: RunPython, tmp_path: Path) -> None:
    """Logging closes its handlers at exit, before our report or after it; a stray file is reported all the same."""
    code = f"""{first}
import logging.handlers, lifetrack
lifetrack.start("sites", policy="record", watch="stdlib", report="report.txt")
kept = [logging.FileHandler("log"), logging.handlers.RotatingFileHandler("more", maxBytes=1, backupCount=1)]
for handler in kept: logging.getLogger().addHandler(handler)
logging.warning("one"); logging.warning("two")
stray = open("log")
"""
    done = run_python(code, cwd=tmp_path)
    report = (tmp_path / "report.txt").read_text()
    assert done.returncode == 0
    assert "1 finding " in report
    assert "_io.TextIOWrapper acquired at" in report
