"""Findings that are the same bug become one, worst first, at a cost that grows no faster than their number."""

from __future__ import annotations

import linecache
from dataclasses import replace

import pytest

from lifetrack.reports.grouping import count_findings, group
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
    getline = linecache.getline
    monkeypatch.setattr(linecache, "getline", lambda *args: calls.append(args) or getline(*args))
    sites = [Site(build.file, line, "load_all") for line in range(1, 11)]
    grouped = group(
        build.leak(site=sites[index % 10], resource=Resource(index, "app.Backend")) for index in range(number)
    )
    assert len(grouped) == 10
    assert len(calls) == 10
