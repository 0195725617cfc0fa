"""Findings that are the same bug become one, worst first, at a cost that grows no faster than their number."""

from __future__ import annotations

import linecache
from dataclasses import replace

import pytest

from lifetrack.reports.grouping import count_children, count_findings, group
from lifetrack.values.findings import Certainty, Resource
from lifetrack.values.stacks import Site


def test_same_bug_is_one_finding_with_its_count(build):
    """Findings from one place are summed, and the first one stands for them."""
    first = build.leak(count=2)
    (only,) = group([first, build.leak(resource=Resource(7, "app.Backend")), build.leak(count=4)])
    assert only == replace(first, count=7)


def test_what_differs_stays_apart(build):
    """Another line, type, rule, certainty, place of misuse or reason is another finding."""
    other_use = (*build.misuse().events[:-1], build.event("used", build.stack((8, "main"))))
    different = [
        build.leak(),
        build.leak(site=Site(build.file, 6, "load_all")),
        build.leak(site=None, events=()),
        build.leak(resource=Resource(1, "app.Other")),
        build.leak(rule="LT102"),
        build.leak(certainty=Certainty.HINT),
        build.misuse(),
        build.misuse(events=other_use),
        build.leak(allowed="a cache"),
        build.leak(allowed="a singleton"),
    ]
    grouped = group(different)
    assert len(grouped) == len(different)
    assert set(grouped) == set(different)


def test_same_file_name_in_two_folders_stays_apart(build, tmp_path):
    """A fingerprint knows no folders, but two files of one name are two places."""
    folder = tmp_path / "copy"
    folder.mkdir()
    copy = folder / "app.py"
    copy.write_bytes((tmp_path / "app.py").read_bytes())
    here, there = build.leak(), build.leak(site=Site(str(copy), 5, "load_all"))
    assert here.fingerprint == there.fingerprint
    assert len(group([here, there])) == 2


def test_worst_first(build):
    """Proven before suspected before hint, misuse before leaks, many before few, allowed last."""
    few = build.leak(rule="LT103")
    many = build.leak(count=5)
    misuse = build.misuse()
    suspected = build.misuse(rule="LT202", certainty=Certainty.SUSPECTED, count=9)
    hint = build.leak(certainty=Certainty.HINT, count=99)
    allowed = build.leak(count=1000, allowed="a cache")
    assert group([allowed, few, hint, suspected, many, misuse]) == (misuse, many, few, suspected, hint, allowed)


def test_order_does_not_depend_on_arrival(build):
    """Findings equal in weight are sorted by place."""
    findings = [build.leak(site=Site(build.file, line, "load_all")) for line in (5, 6, 4, 8)]
    assert group(findings) == group(reversed(findings))
    assert [finding.site.line for finding in group(findings)] == [4, 5, 6, 8]


def test_grouping_twice_changes_nothing(build):
    """What is grouped stays as it is, and nothing is counted twice."""
    once = group([build.leak(), build.leak(), build.misuse()])
    assert group(once) == once
    assert sum(finding.count for finding in once) == 3


def test_allowed_are_not_counted_as_findings(build):
    """The number of findings leaves out what was accepted with a reason."""
    assert count_findings([build.leak(count=2), build.leak(count=3, allowed="a cache"), build.misuse()]) == 3


@pytest.mark.parametrize("number", [100, 1000])
def test_source_is_read_once_for_each_place(build, monkeypatch, number):
    """However many findings there are, source lines are looked up as often as there are places."""
    calls = []
    getlines = linecache.getlines
    monkeypatch.setattr(linecache, "getlines", lambda *args: calls.append(args) or getlines(*args))
    sites = [Site(build.file, line, "load_all") for line in range(1, 11)]
    grouped = group(
        build.leak(site=sites[index % 10], resource=Resource(index, "app.Backend")) for index in range(number)
    )
    assert len(grouped) == 10
    assert len(calls) == 10


def child(build, number, **changes):
    return build.leak(resource=Resource(number, "app.Session"), **changes)


def test_children_of_the_same_bug_are_merged(build):
    """A group has the children of all its members, counted, at every depth."""
    below = (build.leak(resource=Resource(9, "app.Cursor"), count=2),)
    first = build.leak(children=(child(build, 2), child(build, 3, children=below)))
    second = build.leak(children=(child(build, 4, children=below),))
    (only,) = group([first, build.leak(), second])
    assert only.count == 3
    (session,) = only.children
    assert (session.resource.type, session.count) == ("app.Session", 3)
    (cursor,) = session.children
    assert (cursor.resource.type, cursor.count) == ("app.Cursor", 4)
    assert count_children([only]) == 7
    assert group([only]) == (only,)


def test_children_do_not_part_a_group(build):
    """The same leak with and without children is one bug; children of different kinds stay apart, worst first."""
    with_children = build.leak(children=(child(build, 2), child(build, 3, rule="LT105", count=5)))
    (only,) = group([build.leak(), with_children])
    assert [(found.rule, found.count) for found in only.children] == [("LT105", 5), ("LT101", 1)]


def test_children_are_not_counted_as_findings(build):
    """A leaked parent with its leaked children is one finding."""
    assert count_findings(group([build.leak(children=(child(build, 2, count=40),))])) == 1


def test_leaks_handed_over_at_different_places_stay_apart(build):
    """Who got the duty and let it go is part of a leak: two owners at two places are two bugs, a use is not."""

    def given(line, function):
        return (build.event(), build.event("transferred", build.stack((line, function))))

    here, there = build.leak(events=given(9, "main")), build.leak(events=given(8, "main"))
    assert here.fingerprint != there.fingerprint
    assert [finding.count for finding in group([here, there, here])] == [2, 1]
    used = build.event("used", build.used)
    misuses = [build.misuse(events=(*given(line, "main"), used)) for line in (8, 9)]
    assert [finding.count for finding in group(misuses)] == [2]
