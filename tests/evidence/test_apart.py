"""What is not the reader's to mend is shown apart, never hidden; and what is left out is said to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lifetrack.reports import text, text_finding, text_history, text_story
from lifetrack.reports.grouping import group
from lifetrack.reports.json_form import as_dict
from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo
from lifetrack.reports.paths import is_third_party
from lifetrack.reports.reading import report_from
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding, OwnerName, ProcessName, Resource
from lifetrack.values.siblings import ReleasedAt, Siblings
from lifetrack.values.stacks import Site
from lifetrack.values.suggestions import Suggestion

MINE = Site("/srv/app/main.py", 3, "main")
THEIRS = Site("/srv/venv/lib/python3.12/site-packages/shop/pool.py", 40, "take")
STANDARD = Site("/usr/lib/python3.12/socket.py", 200, "create")


def finding(site: Site = MINE, *stack: Site, **changes: object) -> Finding:
    events = (Event("acquired", 0.0, "MainThread", None, 1, stack or (site,)),)
    fields = {
        "rule": "LT101", "certainty": Certainty.PROVEN, "message": "close it", "resource": Resource(1, "app.Session"),
        "site": site, "events": events, "owner": OwnerName("process", "process"),
    }  # fmt: skip
    return Finding(**{**fields, **changes})


def report(*findings: Finding) -> Report:
    process = ProcessInfo(1, 0, "3.12", "linux", ("app.py",), "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    return Report("stacks", process, Totals(1, 0, 1, len(findings)), (), findings, TrackerInfo())


def test_installed_packages_come_last_and_are_counted() -> None:
    """A worse finding of a package stands below a milder one of the reader's own, under a heading."""
    mine = finding(certainty=Certainty.HINT)
    lines = report(finding(THEIRS), mine).to_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("1. LT101 leak-at-exit (hint)"))
    heading = lines.index("In installed packages (1 place), without any code of yours:")
    assert lines[heading + 1].startswith("2. LT101 leak-at-exit (proven)")
    assert first < heading
    assert lines[0].startswith("lifetrack: 2 findings (1 proven, 1 hint)")


@pytest.mark.parametrize(
    ("stack", "theirs"),
    [((MINE,), False), ((THEIRS,), True), ((STANDARD,), False), ((STANDARD, THEIRS), True), ((STANDARD, MINE), False)],
)
def test_whose_it_is(stack: tuple[Site, ...], theirs: bool) -> None:
    """What the standard library acquires for a package is the package's; with code of one's own it is one's own."""
    site = MINE if MINE in stack else stack[0]
    assert is_third_party(finding(site, *stack)) is theirs


def test_processes_add_up_their_siblings() -> None:
    """The same leak in two processes has the siblings of both; within one process they are the same siblings."""
    known = Siblings(3, 2, (ReleasedAt(MINE, 2),))
    one = finding(siblings=known, processes=(ProcessName(1, "a"),))
    same = replace(one, resource=Resource(2, "app.Session"))
    assert group([one, same])[0].siblings == known
    other = Siblings(5, 4, (ReleasedAt(THEIRS, 3), ReleasedAt(None, 1)), exact=False)
    (both,) = group([one, replace(same, siblings=other, processes=(ProcessName(2, "b"),))])
    places = (ReleasedAt(THEIRS, 3), ReleasedAt(MINE, 2), ReleasedAt(None, 1))
    assert both.siblings == Siblings(8, 6, places, exact=False)


def test_every_limit_of_the_text_is_told() -> None:
    """Whatever is cut, the text says that, and how much."""
    many = text.MAX_GROUPS + 3
    sites = [Site(str(Path("/srv/app/m.py")), number, "main") for number in range(many)]
    assert "... and 3 more places with 3 findings, left out here: the JSON report has them all." in (
        report(*map(finding, sites)).to_text()
    )
    deep = finding(MINE, *(Site(MINE.file, number, "deep") for number in range(20)))
    assert f"... {21 - text_history.MAX_FRAMES} more frames" in report(deep).to_text()
    code = "\n".join(["pass"] * (text_story.MAX_LINES + 2))
    assert "... 2 more lines" in report(finding(suggestion=Suggestion(MINE, "write", code))).to_text()
    places = tuple(ReleasedAt(site, 1) for site in sites[: text_story.MAX_PLACES + 2])
    assert ", 2 elsewhere" in report(finding(siblings=Siblings(9, 5, places))).to_text(width=400)
    children = tuple(
        finding(site=site, resource=Resource(1, "app.Cursor")) for site in sites[: text_finding.MAX_CHILDREN + 2]
    )
    assert "... and 2 more children" in report(finding(children=children)).to_text()
    processes = tuple(ProcessName(number, "worker") for number in range(text_finding.MAX_PROCESSES + 2))
    assert "In 6 processes: " in report(finding(processes=processes)).to_text()
    assert " and 2 more" in report(finding(processes=processes)).to_text()


def test_what_a_baseline_accepts_comes_last() -> None:
    """Known findings stand below those of packages under a heading of their own; JSON says both, and they come back."""
    known = replace(finding(), known=True)
    lines = report(known, finding(THEIRS), finding(certainty=Certainty.HINT)).to_text().splitlines()
    heads = [line for line in lines if line[:1].isdigit() or line.startswith(("In installed", "Known"))]
    assert [head.partition(":")[0] for head in heads] == [
        "1. LT101 leak-at-exit (hint)",
        "In installed packages (1 place), without any code of yours",
        "2. LT101 leak-at-exit (proven)",
        "Known, accepted by the baseline (1 place)",
        "3. LT101 leak-at-exit (proven)",
    ]
    written = as_dict(report(known, finding(THEIRS)))
    assert {(each.get("known"), each.get("third_party")) for each in written["findings"]} == {
        (None, True),
        (True, None),
    }
    assert sorted(each.known for each in report_from(written, "here").findings) == [False, True]


def test_every_format_shows_them_apart() -> None:
    """They come last everywhere, are marked in the page, milder for GitHub, and suppressed in SARIF if known."""
    told = report(replace(finding(), known=True), finding(THEIRS), finding(certainty=Certainty.HINT))
    assert [(each.known, is_third_party(each)) for each in told.findings] == [
        (False, False),
        (False, True),
        (True, False),
    ]
    assert [line.split()[0] for line in told.to_github().splitlines()] == ["::notice", "::warning", "::notice"]
    results = json.loads(told.to_sarif())["runs"][0]["results"]
    assert [each.get("suppressions", [{}])[0].get("kind") for each in results] == [None, None, "external"]
    page = told.to_html()
    assert all(f'"{word}"' in page for word in ("known", "third-party"))
