"""The ratchet: what has grown, expired or is stale, whoever has counted."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lifetrack.pytest_plugin.coverage import Coverage
from lifetrack.pytest_plugin.ratchet import Ratchet
from lifetrack.reports.baseline import Baseline, known_of, read_baseline
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.stacks import Site

FOLDER = Path(__file__).parent
ONE, TWO = "test_a.py::test_one", "test_a.py::test_two"


def finding(line: int = 1, count: int = 1) -> Finding:
    site = Site(__file__, line, "f")
    owner = OwnerName("process", "process")
    return Finding("LT103", Certainty.PROVEN, "m", Resource(1, "app.B"), site, (), owner, count=count)


def ratchet(*entries: tuple[int, int, str]) -> Ratchet:
    """Make one whose baseline accepts, for each line, so many of a test."""
    known = [known_of(finding(line), "/", test, count) for line, count, test in entries]
    return Ratchet(Baseline("b.toml", {each.fingerprint: each for each in known}), "/")


def test_growth_counts_over_all_tests() -> None:
    """As many as were accepted is no growth, in whichever tests; one more is, with the tests named."""
    subject = ratchet((1, 2, ONE))
    subject.note(ONE, [finding()])
    subject.note(TWO, [finding()])
    assert subject.grown() == []
    subject.note("test_b.py::test", [finding()])
    ((entry, found, owners),) = subject.grown()
    assert (entry.count, found.count, len(owners)) == (2, 3, 3)


def test_reruns_and_fixtures_of_several_workers_count_once() -> None:
    """The worst run of one test counts, and a fixture that each worker sets up is one fixture."""
    subject = ratchet((1, 1, ONE))
    subject.note(ONE, [finding()])
    subject.note(ONE, [finding()])
    assert subject.grown() == []
    subject = ratchet((1, 1, "fixture shared (session)"))
    for _ in range(2):
        worker = ratchet((1, 1, ONE))
        worker.note("fixture shared (session)", [finding()])
        subject.merge(worker.packed())
    assert subject.grown() == []


def test_workers_are_added_up() -> None:
    """The controller sees the growth that no worker sees."""
    subject = ratchet((1, 1, ONE))
    for test in (ONE, TWO):
        worker = ratchet((1, 1, ONE))
        worker.note(test, [finding()])
        assert worker.grown() == []
        subject.merge(worker.packed())
    assert len(subject.grown()) == 1


def test_what_has_expired_is_told_and_not_as_growth() -> None:
    """It is told while it is still found."""
    subject = ratchet((1, 1, ONE))
    assert subject.baseline is not None
    (name,) = subject.baseline.entries
    subject.baseline.entries[name] = replace(subject.baseline.entries[name], expires=dt.date(2020, 1, 1))
    assert subject.expired() == []
    subject.note(ONE, [finding(count=5)])
    assert [known.fingerprint for known in subject.expired()] == [name]
    assert subject.grown() == []


@pytest.mark.parametrize(
    ("coverage", "told"),
    [
        (Coverage(frozenset({ONE}), frozenset({ONE, TWO})), True),  # its test has passed
        (Coverage(frozenset({TWO}), frozenset({ONE, TWO})), False),  # its test did not run
        (Coverage(frozenset({TWO}), frozenset({TWO})), True),  # it is gone from a file that ran
        (Coverage(frozenset({TWO}), frozenset({TWO}), narrowed=True), False),  # or was not looked for
        (Coverage(frozenset(), frozenset({TWO})), False),
        (Coverage(frozenset({"other.py::t"}), frozenset({"other.py::t"}), complete=True), True),
        (Coverage(frozenset(), frozenset({ONE}), complete=True), False),  # skipped
    ],
)
def test_stale_is_told_for_what_was_run_only(coverage: Coverage, told: bool) -> None:
    """An entry without a finding is stale where the finding would have been seen."""
    assert bool(ratchet((1, 1, ONE)).stale(coverage)) == told


@pytest.mark.parametrize(
    ("count", "coverage", "told"),
    [
        (2, Coverage(frozenset({ONE}), frozenset({ONE, TWO})), False),  # the other may be of a test that did not run
        (2, Coverage(frozenset({ONE, TWO}), frozenset({ONE, TWO}), complete=True), True),
        (2, Coverage(frozenset({ONE}), frozenset({ONE}), complete=True, unseen=frozenset({"test_b.py"})), False),
        (1, Coverage(frozenset({ONE}), frozenset({ONE, TWO}), located=False), False),  # found without lines
        (1, Coverage(frozenset(), frozenset(), files=frozenset({"test_a.py"})), True),  # it has no tests any more
        (1, Coverage(frozenset(), frozenset({"other.py::t"}), complete=True, root=os.fspath(FOLDER)), True),
    ],
)
def test_stale_is_told_where_all_was_seen(count: int, coverage: Coverage, told: bool) -> None:
    """An entry of several resources may be of several tests, and one of a file that is there was not looked at."""
    assert bool(ratchet((1, count, ONE)).stale(coverage)) == told


def test_an_entry_of_a_file_that_was_left_out_is_not_stale() -> None:
    """The file is there, and nobody has collected it."""
    here = f"{Path(__file__).name}::test_it"
    other = Coverage(frozenset({"o.py::t"}), frozenset({"o.py::t"}), complete=True, root=os.fspath(FOLDER))
    assert ratchet((1, 1, here)).stale(other) == []


def test_what_fails_nothing_is_not_stale() -> None:
    """It was found, whatever the leniency; the worker's word counts, too."""
    passed = Coverage(frozenset({ONE}), frozenset({ONE}), complete=True)
    subject, worker = ratchet((1, 1, ONE)), ratchet((1, 1, ONE))
    worker.spare([finding()])
    subject.merge(worker.packed())
    assert subject.stale(passed) == worker.stale(passed) == []


def test_findings_of_fixtures_are_stale_after_a_complete_run_only() -> None:
    """Nobody knows which tests would have set them up."""
    subject = ratchet((1, 1, "fixture shared (session)"))
    assert subject.stale(Coverage(frozenset({ONE}), frozenset({ONE}))) == []
    assert len(subject.stale(Coverage(frozenset({ONE}), frozenset({ONE}), complete=True))) == 1


def test_an_update_of_a_part_takes_nothing_away(tmp_path: Path) -> None:
    """After a partial run counts only rise and entries of other tests stay; after a complete one they sink and go."""
    path = tmp_path / "b.toml"
    everything = Coverage(frozenset({ONE, TWO}), frozenset({ONE, TWO}), complete=True)
    subject = Ratchet(read_baseline(path, may_be_new=True), "/")
    subject.note(ONE, [finding(1, 3)])
    subject.note(TWO, [finding(2)])
    assert subject.update(everything) == "2 entries: 2 added, 0 changed, 0 removed"
    part = Coverage(frozenset({ONE}), frozenset({ONE, TWO}), narrowed=True)
    subject = Ratchet(read_baseline(path), "/")
    subject.note(ONE, [finding(1, 2)])
    assert subject.update(part) == "2 entries: 0 added, 0 changed, 0 removed"
    subject = Ratchet(read_baseline(path), "/")
    subject.note(ONE, [finding(1, 2)])
    assert subject.update(everything) == "1 entry: 0 added, 1 changed, 1 removed"
    assert [known.count for known in read_baseline(path).entries.values()] == [2]
