"""The bound of a journal: it never grows, and what does not fit is counted."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lifetrack.journal.format import layout
from lifetrack.journal.reading import load
from lifetrack.journal.scanning import read_book
from lifetrack.tracker import Tracker

SIZE = 256 << 10
ROOM = layout(SIZE)["slots"].count


@pytest.fixture
def path(tmp_path: Path, tracker: Tracker) -> Path:
    """Give the journal of the tracker, as small as it can be."""
    found = tmp_path / "a.journal"
    tracker.start("sites", policy="record", report=False, journal=found, journal_size=SIZE)
    return found


def _class(tracker: Tracker) -> type:
    return tracker.tracked(type("Conn", (), {"close": lambda self: None, "__module__": "app"}))


def test_a_long_run_stays_within_the_bound(path: Path, tracker: Tracker) -> None:
    """What is live is told exactly, and the totals too, after many times more than there is room for."""
    made = _class(tracker)
    kept = []
    for number in range(ROOM * 20):
        obj = made()
        if number % (ROOM // 4) == 0:
            kept.append(obj)
        else:
            obj.close()
    assert path.stat().st_size == SIZE
    (row,) = load(str(path)).types
    assert (row.acquired, row.released, row.live) == (ROOM * 20, ROOM * 20 - len(kept), len(kept))
    book = read_book(str(path))
    assert sum(held.is_open for held in book.resources) == len(kept)
    assert (book.torn, book.unkept) == (0, 0)


def test_live_resources_are_never_dropped_for_history(path: Path, tracker: Tracker) -> None:
    """Every place may be taken by a live resource; only then one more is counted and not told."""
    made = _class(tracker)
    for _ in range(ROOM * 2):
        made().close()
    kept = [made() for _ in range(ROOM)]
    book = read_book(str(path))
    assert (sum(held.is_open for held in book.resources), book.unkept) == (ROOM, 0)
    more = [made() for _ in range(7)]
    report = load(str(path))
    (row,) = report.types
    assert (row.acquired, row.released, row.live) == (ROOM * 3 + 7, ROOM * 2, ROOM + 7)
    assert (report.tracker.dropped, report.tracker.complete) == (7, False)
    for each in [*more, *kept[:5]]:
        each.close()
    kept += [made() for _ in range(5)]
    book = read_book(str(path))
    assert (sum(held.is_open for held in book.resources), book.unkept) == (ROOM, 0)


def test_names_that_come_and_go_make_room_for_others(path: Path, tracker: Tracker) -> None:
    """The owner of what is open is known however many scopes there were before."""
    made = _class(tracker)
    for number in range(3000):
        with tracker.scope(f"job {number} of a long name that takes more than one cell of the table of names"):
            made().close()
    with tracker.scope("the last job"):
        last = made()
        book = read_book(str(path))
        assert [(held.owner or ())[:2] for held in book.resources if held.is_open] == [("the last job", "scope")]
        assert (book.unkept, book.torn) == (0, 0)
        last.close()
    owners = {held.owner for held in book.resources}
    assert None not in owners


def test_findings_and_events_beyond_the_bound_are_counted(path: Path, tracker: Tracker) -> None:
    """The first findings and the last events are kept."""
    made = _class(tracker)
    obj = made()
    table = layout(SIZE)
    for _ in range(table["events"].count):
        with tracker_borrow(obj):
            pass
    report = load(str(path))
    assert report.tracker.dropped == table["events"].count
    (finding,) = report.findings
    assert len(finding.events) == table["events"].count + 1
    obj.close()


def tracker_borrow(obj: object) -> object:
    """Borrow, for all trackers."""
    from lifetrack.ownership.borrowing import borrow

    return borrow(obj)


def test_threads_share_the_places(path: Path, tracker: Tracker) -> None:
    """Of many threads that acquire and release at once, what stays open is told exactly."""
    made = _class(tracker)
    kept: list[object] = []

    def work() -> None:
        for number in range(2000):
            obj = made()
            if number % 100 == 0:
                kept.append(obj)
            else:
                obj.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for each in threads:
        each.start()
    for _ in range(5):
        assert read_book(str(path)).torn <= len(threads)  # it can be read meanwhile, while each thread writes one
    for each in threads:
        each.join()
    (row,) = load(str(path)).types
    assert (row.acquired, row.live) == (12000, len(kept))
    assert read_book(str(path)).torn == 0


def test_nothing_is_used_again_before_it_is_counted(path: Path, tracker: Tracker) -> None:
    """While one thread counts what has ended, others do not take it: a kill at that moment loses nothing."""
    made = _class(tracker)
    ledger = tracker.ledger
    assert ledger is not None
    slots: Any = ledger.journal.slots  # type: ignore[union-attr]
    count, told = slots._checkpoint, []

    def slow() -> None:
        for _ in range(50):
            made().close()
        told.append(load(str(path)).types[0].acquired - ledger.kinds[0].acquired)
        count()

    slots._checkpoint = slow
    for _ in range(ROOM * 3):
        made().close()
    assert len(told) > ROOM * 3 // 400
    assert set(told) == {0}
    slots._checkpoint = count


def test_it_is_read_while_it_is_written(path: Path, tracker: Tracker) -> None:
    """What is held is told by every reading, totals never go back, and nothing is taken for torn that stays so."""
    made = _class(tracker)
    with tracker.scope("the job"):
        kept = [made() for _ in range(50)]
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with tracker.scope("in between"):
                made().close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    before = 0
    try:
        while before <= ROOM:  # until it went round
            book = read_book(str(path))
            held = [each for each in book.resources if each.is_open and each.owner and each.owner.name == "the job"]
            assert len(held) == 50
            assert {each.stack[0].line for each in held} == {held[0].stack[0].line}
            assert sum(each.is_open for each in book.resources) < 60
            (kind,) = [each for each in book.kinds if each.acquired]
            assert kind.acquired >= before
            before = kind.acquired
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert len(kept) == 50
    assert read_book(str(path)).torn == 0


def test_while_slots_are_moved_others_wait_for_them(path: Path, tracker: Tracker) -> None:
    """Many threads that come while one moves slots are each told one by one: nothing is only counted."""
    made = _class(tracker)
    slots: Any = tracker.ledger.journal.slots  # type: ignore[union-attr]
    for _ in range(ROOM + 1):
        made().close()
    slots._checkpoint, count = (lambda: (time.sleep(0.0004), count())), slots._checkpoint
    kept: list[object] = []
    threads = [threading.Thread(target=lambda: kept.extend(made() for _ in range(ROOM // 10))) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    slots._checkpoint = count
    book = read_book(str(path))
    assert (sum(held.is_open for held in book.resources), book.unkept) == (len(kept), 0)


def test_a_turn_that_this_thread_has_is_not_waited_for(path: Path, tracker: Tracker) -> None:
    """What acquires while this thread moves slots, as a handler may, gets the reserve or is counted."""
    made = _class(tracker)
    slots: Any = tracker.ledger.journal.slots  # type: ignore[union-attr]
    slots._checkpoint, count = (lambda: (kept.extend(made() for _ in range(200)), count())), slots._checkpoint
    kept: list[object] = []
    begun = time.monotonic()
    for _ in range(ROOM + 1):
        made().close()
    assert kept
    assert time.monotonic() - begun < 2  # two hundred waits would take as long
    slots._checkpoint = count
