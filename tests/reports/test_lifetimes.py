"""Lifetimes: what a report tells of resources in time, and the lanes that charts and traces make of it."""

from __future__ import annotations

import json
import time

import jsonschema
import pytest

from lifetrack.ledger.lifetimes import SHOWN
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.transfers import transfer
from lifetrack.reports.json_report import load, render, schema
from lifetrack.reports.lanes import lanes_of
from lifetrack.reports.merging import merged
from lifetrack.reports.model import ProcessInfo
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import OwnerName, Resource
from tests.reports.hostile import hostile_report

VALIDATOR = jsonschema.Draft202012Validator(schema())


class Thing:
    def close(self):
        pass


@pytest.fixture
def started(tracker):
    tracker.tracked(Thing)
    tracker.start("stacks", policy="record", report=False)
    return tracker


def by_serial(report):
    return {each.resource.serial: each for each in report.lifetimes.shown}


def test_a_lifetime_has_its_owners_in_order(started):
    """What was acquired in the process and went through two hands tells all three, with rising times."""
    thing = Thing()
    with Owner("one") as one, Owner("two") as two:
        transfer(thing, to=one)
        transfer(thing, to=two)
        (lifetime,) = started.report().lifetimes.shown
        assert [tenure.owner for tenure in lifetime.owners] == [
            OwnerName("process", "process"),
            OwnerName("one", "Owner"),
            OwnerName("two", "Owner"),
        ]
        times = [tenure.since for tenure in lifetime.owners]
        assert times == sorted(times)
        assert times[0] == lifetime.since
        assert (lifetime.state, lifetime.until, lifetime.thread) == ("live", None, "MainThread")


def test_released_resources_end(started):
    """A resource that was released and is still referenced has an end; one that is live has none."""
    released, live = Thing(), Thing()
    time.sleep(0.002)
    released.close()
    first, second = started.report().lifetimes.shown
    assert first.until > first.since
    assert (first.state, second.state, second.until) == ("released", "live", None)
    live.close()


def test_what_was_collected_is_told_once(started):
    """A leak whose object is gone is told from its case, and what is open and reported only from its entry."""
    Thing()
    kept = Thing()
    report = started.final_report()
    assert sorted((each.state, each.rule) for each in report.lifetimes.shown) == [
        ("collected", "LT102"),
        ("live", "LT101"),
    ]
    assert {each.resource.serial for each in report.lifetimes.shown} == {
        finding.resource.serial for finding in report.findings
    }
    kept.close()


def test_without_times_there_are_no_lifetimes(tracker):
    """At level sites no times are recorded, so the section is left out of the report."""
    tracker.tracked(Thing)
    tracker.start("sites", policy="record", report=False)
    kept = Thing()
    report = tracker.report()
    assert not report.lifetimes
    assert "lifetimes" not in json.loads(report.to_json())
    lanes = lanes_of(report)
    assert (lanes.bars, lanes.without_time) == ((), 1)
    kept.close()


def test_of_many_every_place_has_its_turn(started):
    """With more than a report tells, none of the places is crowded out, and the rest is counted."""
    many = [Thing() for _ in range(2 * SHOWN)]
    few = [Thing() for _ in range(2)]
    lifetimes = started.report().lifetimes
    assert len(lifetimes.shown) == SHOWN
    assert lifetimes.left_out == SHOWN + 2
    lines = [each.site.line for each in lifetimes.shown]
    assert sum(line == max(lines) for line in lines) == 2
    for thing in (*many, *few):
        thing.close()


def test_the_section_comes_back(tmp_path):
    """Lifetimes are valid against the schema and are read as they were written, hostile names and all."""
    report = hostile_report()
    text = render(report)
    VALIDATOR.validate(json.loads(text))
    (tmp_path / "r.json").write_text(text, encoding="ascii")
    assert render(load(tmp_path / "r.json")) == text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("since", None, "lifetimes.resources[0].since must be a number of seconds"),
        ("owners", [], "lifetimes.resources[0].owners must not be empty"),
        ("rule", "LT999", "lifetimes.resources[0].rule names a rule"),
        ("until", "soon", "lifetimes.resources[0].until must be a number of seconds or null"),
    ],
)
def test_what_is_wrong_in_it_is_named(tmp_path, field, value, says):
    """A wrong value in a lifetime is one line that names its place."""
    told = json.loads(render(hostile_report()))
    told["lifetimes"]["resources"][0][field] = value
    path = tmp_path / "r.json"
    path.write_text(json.dumps(told), encoding="ascii")
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert says in str(caught.value)


def test_lanes_follow_a_transfer(started):
    """Each owner is a lane; the bar in the one ends where the bar in the other begins, and the last one is open."""
    thing = Thing()
    with Owner("pool") as pool:
        transfer(thing, to=pool)
        lanes = lanes_of(started.report())
        assert [lane.owner.words for lane in lanes.lanes()] == ["the process", "Owner 'pool'"]
        ((before, after),) = lanes.transfers()
        assert before.end == after.start
        assert (before.handed_on, before.open_ended, after.handed_on, after.open_ended) == (True, False, False, True)
        assert after.end >= after.start
        assert after.finding == 0


def test_findings_of_earlier_reports_have_lanes_too(build):
    """Without the section, the events of a finding tell its owners, as far as they do."""
    moves = [
        build.event("transferred", build.released, time=1.0, detail="to Owner 'it's a pool'"),
        build.event("transferred", build.released, time=2.0, detail="to the app.Plugin object"),
    ]
    finding = build.leak(events=(build.event(), *moves), owner=OwnerName("app.Plugin", "object"))
    lanes = lanes_of(build.report(finding))
    assert [bar.lane.owner.words for bar in lanes.bars] == [
        "owner 'not recorded'",
        "Owner 'it's a pool'",
        "the app.Plugin object",
    ]
    assert [(bar.start, bar.end) for bar in lanes.bars] == [(0.5, 1.0), (1.0, 2.0), (2.0, 2.0)]


def test_processes_share_one_axis(build):
    """Times of a process that began later are moved by as much, and its lanes are its own."""
    first, second = build.report(build.leak()), build.report(build.leak(events=(build.event(pid=9),), rule="LT104"))
    began = ProcessInfo(9, 1, "3.11", "linux", ("b.py",), "2026-01-31T12:00:03Z", "2026-01-31T12:00:04Z")
    object.__setattr__(second, "process", began)
    lanes = lanes_of(merged(first, [second]))
    assert [(bar.lane.pid, bar.start) for bar in lanes.bars] == [(1, 0.5), (9, 3.5)]
    assert [bar.end for bar in lanes.bars] == [1.5, 4.0]


def test_times_that_no_calendar_has_do_no_harm(build):
    """A stamp that looks like a time and is none counts as the beginning."""
    report = build.report(build.leak())
    object.__setattr__(
        report, "process", ProcessInfo(1, 0, "3", "x", (), "2026-02-31T12:00:00Z", "2026-02-31T12:00:00Z")
    )
    (bar,) = lanes_of(report).bars
    assert (bar.start, bar.end) == (0.5, 0.5)


def test_merged_reports_stay_within_bounds(build):
    """Of each report the same number of lifetimes is taken, and the rest is counted."""
    reports = [hostile_report() for _ in range(400)]
    lifetimes = merged(reports[0], reports[1:]).lifetimes
    assert len(lifetimes.shown) == 800
    assert len(lifetimes.shown) + lifetimes.left_out == 400 * (len(reports[0].lifetimes.shown) + 7)


def test_processes_of_the_same_number_are_told_apart(build):
    """In containers every process has the same number: merged, each resource keeps its bars and its finding."""
    first = build.report(build.leak())
    second = build.report(build.leak(resource=Resource(1, "app.Other"), rule="LT104"))
    report = merged(first, [second])
    lanes = lanes_of(report)
    assert [(bar.lifetime.resource.type, report.findings[bar.finding].rule) for bar in lanes.bars] == [
        ("app.Backend", "LT101"),
        ("app.Other", "LT104"),
    ]
