"""A journal beside what else looks at the records: siblings, the sinks of the service, earlier descriptors."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path

import pytest

from lifetrack.journal.reading import load
from lifetrack.tracker import Tracker


@pytest.mark.parametrize("level", ["sites", "stacks", "full"])
def test_siblings_are_counted_as_without_a_journal(tmp_path: Path, tracker: Tracker, level: str) -> None:
    """Of tracked and watched ones, of those that were collected and of those that are live; the first ten thousand."""
    made = tracker.tracked(type("Conn", (), {"__module__": "app", "close": lambda self: None}))
    tracker.start(level, policy="record", report=False, watch="stdlib", journal=tmp_path / "j")
    sockets = [socket.socket() for _ in range(4)]
    files = [open(__file__, encoding="utf-8") for _ in range(3)]
    for each in (*sockets[1:], *files[1:]):
        each.close()
    for number in range(10_020):
        conn = made()
        if number != 10_010:
            conn.close()
    del conn
    gc.collect()
    found = {leak.resource.type: leak.siblings for leak in tracker.find_leaks()}
    numbers = {name: (each.released, each.acquired, each.exact) for name, each in found.items() if each is not None}
    sockets[0].close()
    files[0].close()
    assert numbers["app.Conn"] == (10_000, 10_000, False)
    assert numbers["socket.socket"] == (3, 4, True)
    assert numbers["_io.TextIOWrapper"] == (2, 3, True)


@pytest.mark.parametrize("level", ["counts", "sites", "stacks"])
def test_what_sinks_acquire_is_nobodys_in_the_journal(tmp_path: Path, tracker: Tracker, level: str) -> None:
    """The server of the metrics and the thread of the service are in no number, whether the process is lost or not."""
    pytest.importorskip("prometheus_client", reason="the extra prometheus is needed")
    journal = tmp_path / "j"
    watch = ("socket", "threading")  # without files, for the journal is read here
    tracker.start(level, policy="record", report=False, watch=watch, journal=journal, sinks="prometheus:0")
    tracker.find_leaks()  # looks once
    running = load(str(journal))
    tracker.final_report()
    tracker.stop()
    for report in (running, load(str(journal))):
        assert (report.findings, report.totals.live) == ((), 0)
        assert {each.type for each in report.types} <= {"threading.Lock"}


def test_the_descriptor_of_the_journal_is_no_earlier_one(tmp_path: Path, tracker: Tracker) -> None:
    """Up to Python 3.12 a map has a descriptor of the file; it is ours, and no part of what is not seen."""
    tracker.start("sites", policy="record", report=False, watch="stdlib")
    before = sum(each.count for each in tracker.report().tracker.unseen if "descriptor" in each.type)
    tracker.stop()
    tracker.start("sites", policy="record", report=False, watch="stdlib", journal=tmp_path / "j")
    assert sum(each.count for each in tracker.report().tracker.unseen if "descriptor" in each.type) == before
    assert os.path.exists(tmp_path / "j")
