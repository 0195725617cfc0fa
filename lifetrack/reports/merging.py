"""Merging: the reports of several processes become one, with the process named in each finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo
from lifetrack.values.findings import Finding, ProcessName
from lifetrack.values.records import TypeTotals, Unseen
from lifetrack.values.settings import parse_level


def merged(main: Report, others: Sequence[Report], lost: Iterable[ProcessInfo] = ()) -> Report:
    """Make one report of several: ``main`` is about the process that the whole is told of.

    ``lost`` are child processes that left no report, which makes the account incomplete. With nothing to merge the
    main report is given as it is.
    """
    missing = tuple(lost)
    if not others and not missing:
        return main
    reports = (main, *others)
    trackers = [report.tracker for report in reports]
    return replace(
        main,
        level=min((report.level for report in reports), key=parse_level),
        totals=_totals(reports),
        types=_types(reports),
        findings=tuple(finding for report in reports for finding in _named(report)),
        tracker=TrackerInfo(
            complete=not missing and all(tracker.complete for tracker in trackers),
            dropped=sum(tracker.dropped for tracker in trackers),
            watched=tuple(dict.fromkeys(name for tracker in trackers for name in tracker.watched)),
            unseen=_unseen(trackers),
        ),
        processes=(*main.processes, *(info for report in others for info in _infos(report)), *missing),
        lasting=tuple(dict.fromkeys(each for report in reports for each in report.lasting)),
    )


def _infos(report: Report) -> tuple[ProcessInfo, ...]:
    return (report.process, *report.processes)


def _named(report: Report) -> Iterable[Finding]:
    name = ProcessName(report.process.pid, report.process.title)
    for finding in report.findings:
        yield finding if finding.processes else replace(finding, processes=(name,))


def _totals(reports: Sequence[Report]) -> Totals:
    fields = ("acquired", "released", "live", "findings", "untrackable", "unknown")
    return Totals(**{field: sum(getattr(report.totals, field) for report in reports) for field in fields})


def _unseen(trackers: Sequence[TrackerInfo]) -> tuple[Unseen, ...]:
    sums: dict[tuple[str, str, str], int] = {}
    for each in (unseen for tracker in trackers for unseen in tracker.unseen):
        key = each.what, each.type, each.why
        sums[key] = sums.get(key, 0) + each.count
    return tuple(Unseen(what, name, count, why) for (what, name, why), count in sorted(sums.items()))


def _types(reports: Sequence[Report]) -> tuple[TypeTotals, ...]:
    sums: dict[str, list[int]] = {}
    for report in reports:
        for row in report.types:
            counts = sums.setdefault(row.type, [0, 0, 0])
            for index, number in enumerate((row.acquired, row.released, row.live)):
                counts[index] += number
    return tuple(TypeTotals(name, *counts) for name, counts in sorted(sums.items()))
