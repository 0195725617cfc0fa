"""A leak tells what became of its siblings: where the others of its site were released, and where it parted."""

from __future__ import annotations

import gc
import os
import socket
import threading
from itertools import islice
from pathlib import Path

import pytest

from lifetrack import Owner, transfer
from lifetrack.ledger import departures
from lifetrack.reports.json_report import load
from lifetrack.tracker import Tracker
from lifetrack.values.siblings import CALLER, EXCEPTION, TRANSFER

HERE = Path(__file__).name


class Session:
    """Declared anew for each tracker."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        pass


@pytest.fixture
def make(tracker: Tracker):
    """A declared class, while tracking is on."""
    made = tracker.tracked(type("Session", (Session,), {"__module__": __name__}))
    tracker.start("stacks", policy="record", report=False)
    return made


def line_of(text: str) -> int:
    """The line of this file that ends with a comment."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {text}"))


def places(finding) -> list[tuple[int, int]]:
    return [(each.site.line, each.count) for each in finding.siblings.places]


def one_of_128(make, keep):
    for number in range(128):
        session = make()
        if number == 77:
            keep.append(session)
            continue
        session.close()  # of 127


def test_the_others_were_released_there(tracker: Tracker, make) -> None:
    """127 of 128 from one line were released at another one; of the last object that was there, too."""
    keep: list = []
    one_of_128(make, keep)
    (finding,) = tracker.find_leaks()
    assert (finding.siblings.acquired, finding.siblings.released, finding.siblings.exact) == (128, 127, True)
    assert places(finding) == [(line_of("of 127"), 127)]
    assert finding.parted is None
    text = tracker.report().to_text(width=200)
    assert f"Others: 127 of 128 acquired here were released at {Path('tests/evidence', HERE)}" in text.replace(
        "\\", "/"
    )


def test_released_objects_that_are_still_there_count_once(tracker: Tracker, make) -> None:
    """Whether an object is still referred to after its release makes no difference, however often one asks."""
    kept = [make() for _ in range(5)]
    for session in kept[1:]:
        session.close()
    del session
    for _ in range(2):
        (finding,) = tracker.find_leaks()
        assert (finding.siblings.acquired, finding.siblings.released) == (5, 4)
    del kept[1:]
    gc.collect()
    (finding,) = tracker.find_leaks()
    assert (finding.siblings.acquired, finding.siblings.released) == (5, 4)


def acquire_and_fail(make, fails):
    session = make()
    if fails:
        raise ValueError("a secret")  # the way out
    session.close()


def test_the_way_out_by_an_exception(tracker: Tracker, make) -> None:
    """The exception by which it was left is where it parted from the others."""
    seen = []
    for number in range(4):
        try:
            acquire_and_fail(make, number == 2)
        except ValueError as error:
            seen.append(error)
            tracker.find_leaks()  # while it is handled, so that every Python can tell
    (finding,) = tracker.find_leaks()
    assert (finding.siblings.acquired, finding.siblings.released) == (4, 3)
    assert (finding.parted.how, finding.parted.detail) == (EXCEPTION, "ValueError")
    assert finding.parted.site.line == line_of("the way out")
    text = tracker.report().to_text(width=300)
    assert "this one left by ValueError at " in text
    assert "a secret" not in text


def factory(make):
    return make()


def careful(make):
    factory(make).close()


def careless(make):
    return factory(make)  # for nobody


def test_another_caller(tracker: Tracker, make) -> None:
    """One caller of a factory releases what it gets; the leak was made for another one."""
    for _ in range(6):
        careful(make)
    kept = careless(make)
    (finding,) = tracker.find_leaks()
    assert (finding.parted.how, finding.parted.detail) == (CALLER, "careless")
    assert finding.parted.site.line == line_of("for nobody")
    assert finding.parted.others.function == "careful"
    assert "was acquired for " in tracker.report().to_text()
    del kept


def test_the_same_caller_is_no_difference(tracker: Tracker, make) -> None:
    """A leak that came the same way as the others has not parted by its way."""
    kept = [factory(make) for _ in range(3)]
    for session in kept[:2]:
        session.close()
    (finding,) = tracker.find_leaks()
    assert finding.siblings.released == 2
    assert finding.parted is None


def test_handed_to_another_owner(tracker: Tracker, make) -> None:
    """Where none of the others was transferred, the transfer is where it parted."""
    owner = Owner("pool")
    for number in range(3):
        session = make()
        if number == 1:
            transfer(session, to=owner)  # handed
            kept = session
        else:
            session.close()
    (finding,) = tracker.find_leaks()
    assert (finding.parted.how, finding.parted.detail) == (TRANSFER, "Owner 'pool'")
    assert finding.parted.site.line == line_of("handed")
    owner.close()
    del kept


def test_a_block_is_named_where_it_stands(tracker: Tracker, make) -> None:
    """The end of a block is told by the line of the block, not by the class's own ``__exit__``."""
    kept = []
    for number in range(3):
        session = make()
        if number:
            with session:  # the block
                pass
        else:
            kept.append(session)
    (finding,) = tracker.find_leaks()
    assert places(finding) == [(line_of("the block"), 2)]


def test_several_places(tracker: Tracker, make) -> None:
    """The most frequent place comes first; those beyond the first three are counted in the text, all are in JSON."""
    kept = [make() for _ in range(15)]
    sessions = iter(kept)
    for session in islice(sessions, 5):
        session.close()
    for session in islice(sessions, 4):
        session.close()
    for session in islice(sessions, 3):
        session.close()
    for session in islice(sessions, 1):
        session.close()
    finding, _ = tracker.find_leaks()
    assert [count for _, count in places(finding)] == [5, 4, 3, 1]
    assert finding.siblings.acquired == 15
    text = tracker.report().to_text(width=500)
    assert "13 of 15 acquired here were released: 5 at " in text
    assert ", 1 elsewhere" in text


def test_none_released_is_nothing_to_tell(tracker: Tracker, make) -> None:
    """Where no sibling was released there is no difference to show."""
    kept = [make() for _ in range(3)]
    assert {finding.siblings for finding in tracker.find_leaks()} == {None}
    del kept


def test_what_a_finalizer_released_was_not_released(tracker: Tracker, make) -> None:
    """Siblings that were collected are leaks themselves, and are counted as such."""
    for number in range(4):
        session = make()
        if number:
            session.close()
        del session
    kept = None
    leaks = tracker.find_leaks()
    assert [(leak.siblings.acquired, leak.siblings.released) for leak in leaks] == [(4, 3)]
    assert kept is None


@pytest.mark.parametrize("level", ["sites", "stacks", "full"])
def test_levels_that_know_places(tracker: Tracker, level: str) -> None:
    """From level sites on the places of release are known; the callers are with the stacks."""
    made = tracker.tracked(type("Session", (Session,), {}))
    tracker.start(level, policy="record", report=False)
    keep: list = []
    one_of_128(made, keep)
    (finding,) = tracker.find_leaks()
    assert places(finding) == [(line_of("of 127"), 127)]


def test_level_counts_tells_nothing(tracker: Tracker) -> None:
    """Without places there are no siblings."""
    made = tracker.tracked(type("Session", (Session,), {}))
    tracker.start("counts", policy="record", report=False)
    keep: list = []
    one_of_128(made, keep)
    (finding,) = tracker.find_leaks()
    assert finding.siblings is None


def test_watched_files_and_sockets(tracker: Tracker) -> None:
    """What is watched is counted, too."""
    tracker.start("stacks", policy="record", report=False, watch="stdlib")
    with tracker.scope("files") as scope:
        files = [open(__file__, encoding="utf-8") for _ in range(4)]
        for file in files[1:]:
            file.close()  # a file
        sockets = [socket.socket() for _ in range(3)]
        for each in sockets[1:]:
            each.close()  # a socket
        found = {leak.resource.type: leak for leak in tracker.find_leaks(scope=scope)}
        files[0].close()
        sockets[0].close()
    assert places(found["_io.TextIOWrapper"]) == [(line_of("a file"), 3)]
    assert places(found["socket.socket"]) == [(line_of("a socket"), 2)]


def test_few_wait_to_be_counted(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others know of, too, waits until somebody asks, but so many only; none is lost by that, or counted twice."""
    monkeypatch.setattr(departures, "KEPT_WAITING", 3)
    tracker.start("stacks", policy="record", report=False, watch="os")
    with tracker.scope("descriptors") as scope:
        numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
        for each in numbers[1:]:
            os.close(each)  # one that waits
        assert len(tracker.ledger.departures._waiting) == 3
        for _ in range(2):
            (found,) = tracker.find_leaks(scope=scope)
            assert places(found) == [(line_of("one that waits"), 7)]
        os.close(numbers[0])


def test_only_the_first_of_a_type_are_counted(tracker: Tracker, make) -> None:
    """What is beyond the number that is counted is disclosed, and no number is invented."""
    kept = []
    for number in range(departures.COUNTED + 50):
        session = make()
        if number % 5000 == 4999:
            kept.append(session)
        else:
            session.close()  # many
    for session in kept:
        make()
    found = [leak for leak in tracker.find_leaks() if leak.siblings is not None]
    assert {leak.siblings.exact for leak in found} == {False}
    assert (found[0].siblings.acquired, found[0].siblings.released) == (departures.COUNTED, departures.COUNTED - 2)
    assert "of the first 10,000 of this type, 9,998 of 10,000 acquired here were" in tracker.report().to_text(width=300)


def test_sites_and_places_are_bounded(tracker: Tracker, make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that makes code for ever does not make the account grow for ever."""
    monkeypatch.setattr(departures, "KEPT_SITES", 5)
    monkeypatch.setattr(departures, "KEPT_PLACES", 2)
    for number in range(20):
        exec(compile("make().close()", f"made{number}.py", "exec"), {"make": make})
    ledger = tracker.ledger
    gc.collect()
    assert len(ledger.departures.settle().sites) <= 5
    assert ledger.departures.overflown
    kept = [make() for _ in range(6)]
    ledger.departures.forget()
    for number, session in enumerate(kept[1:]):
        exec(compile("session.close()", f"closed{number}.py", "exec"), {"session": session})
    (finding,) = tracker.find_leaks()
    assert finding.siblings.released == 5
    assert finding.siblings.places[-1].site is None
    assert finding.siblings.places[-1].count == 3


def test_threads_lose_no_count(tracker: Tracker, make) -> None:
    """Releases in several threads at once are all counted."""

    def work() -> None:
        for _ in range(300):
            make().close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    (ways,) = tracker.ledger.departures.settle().sites.values()
    assert sum(way.released for way in ways.all()) == 1200


def test_leaked_and_released_after_all_is_no_sibling_that_was_released(tracker: Tracker, make) -> None:
    """What was reported as a leak stays one, though it is released later."""
    kept = []
    for number in range(3):
        with tracker.scope("job"):
            session = make()
            if number:
                session.close()
            else:
                kept.append(session)
    kept[0].close()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.siblings.acquired, finding.siblings.released) == ("LT103", 3, 2)


def test_they_come_back_from_a_file(tracker: Tracker, make, tmp_path: Path) -> None:
    """A report that was written and read says the same of siblings."""
    keep: list = []
    one_of_128(make, keep)
    report = tracker.report()
    path = tmp_path / "report.json"
    report.write(path)
    assert load(path).to_text() == report.to_text()
    assert load(path).to_json() == report.to_json()


def test_limits_count_nobody_twice(tracker: Tracker, make) -> None:
    """What was held too long or beyond a cap (LT107, LT108) is counted by what became of it, once."""
    tracker.start("stacks", policy="record", report=False, held_limits={"*Session": 1e-6}, live_limits={"*Session": 5})
    kept = [make() for _ in range(8)]
    tracker.find_leaks()
    for session in kept[1:]:
        session.close()  # after all
    found = [leak for leak in tracker.find_leaks() if leak.siblings is not None]
    assert {"LT107", "LT108"} <= {leak.rule for leak in found}
    assert {(leak.siblings.released, leak.siblings.acquired) for leak in found} == {(7, 8)}
