"""The source of a program is read for a report without a trace in what is watched."""

from __future__ import annotations

import linecache
from pathlib import Path

from lifetrack.tracker import Tracker
from lifetrack.values.stacks import source_lines


def test_reading_a_source_is_no_acquisition_of_the_program(tracker: Tracker, tmp_path: Path) -> None:
    """It is decoded as it says itself, and no file of it is in any number."""
    file = tmp_path / "old.py"
    file.write_bytes("# coding: latin-1\r\nname = '\xfc'\rlast = 1".encode("latin-1"))
    tracker.start("sites", policy="record", report=False, watch="stdlib")
    assert source_lines(str(file)) == ["# coding: latin-1\n", "name = '\xfc'\n", "last = 1\n"]
    linecache.cache.pop(str(file), None)
    assert tracker.report().types == ()
