"""The report as a trace: JSON in the Trace Event Format, which Perfetto and the trace viewer of Chromium open.

Each owner is a lane, each lifetime a bar, each transfer an arrow. Bars of one row must not overlap, so an owner that
has several resources at a time has several rows.
"""

from __future__ import annotations

import json
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING, Any

from lifetrack.reports.lanes import Bar, Lane, Lanes, lanes_of, within
from lifetrack.reports.paths import absolute, clean
from lifetrack.values.events import ACQUIRED, TRANSFERRED, Event
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

_MICROSECONDS = 1_000_000
#: The shortest bar, in microseconds: a bar without length cannot be seen, and no arrow could begin in it.
_LEAST = 1.0
#: How far inside a bar an arrow begins or ends.
_INSIDE = 0.25
_CATEGORY = "lifetime"


def render(report: Report) -> str:
    """Give the report as a trace: JSON text in ASCII, in one line."""
    return json.dumps(as_dict(report), separators=(",", ":"), ensure_ascii=True, allow_nan=False) + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """Give the trace as JSON objects; times are in microseconds since the first process of the report began."""
    lanes = lanes_of(report)
    rows = _Rows(lanes)
    events = [_bar(report, bar, rows) for bar in lanes.bars]
    events += _arrows(lanes, rows)
    events += _marks(report, lanes, rows)
    events.sort(key=lambda event: float(event["ts"]))  # not every reader of the format does it by itself
    return {
        "traceEvents": [*_names(report, rows), *events],
        "displayTimeUnit": "ms",
        "otherData": {
            "tool": "lifetrack",
            "started": report.process.started,
            "level": report.level,
            "left out": str(lanes.left_out),
            "without time": str(lanes.without_time),
        },
    }


class _Rows:
    """Gives every bar a row of its lane in which nothing else stands at that time."""

    def __init__(self, lanes: Lanes) -> None:
        taken: dict[Lane, list[tuple[float, int]]] = {lane: [] for lane in lanes.lanes()}
        places = {id(bar): self._place(bar, taken[bar.lane]) for bar in lanes.bars}
        self._bars = lanes.bars  # kept alive, so that the addresses stay theirs
        # Viewers sort by these numbers, so they follow the order of the lanes.
        self.of_lane: dict[Lane, list[int]] = {}
        first = 1
        for lane, rows in taken.items():
            self.of_lane[lane] = list(range(first, first + len(rows)))
            first += len(rows)
        self._of_bar = {id(bar): self.of_lane[bar.lane][places[id(bar)]] for bar in lanes.bars}

    @staticmethod
    def _place(bar: Bar, taken: list[tuple[float, int]]) -> int:
        """Give the row that has been free for longest, else a new one; ``taken`` is a heap of ends and rows."""
        start, end = span(bar)
        if taken and taken[0][0] <= start:
            row = taken[0][1]
            heapreplace(taken, (end, row))
        else:
            row = len(taken)
            heappush(taken, (end, row))
        return row

    def row(self, bar: Bar) -> int:
        """Give the number of the row of a bar, from 1, unique in the trace."""
        return self._of_bar[id(bar)]


def span(bar: Bar) -> tuple[float, float]:
    """Give the beginning and the end of a bar in microseconds."""
    start = round(bar.start * _MICROSECONDS, 3)
    return start, max(start + _LEAST, round(bar.end * _MICROSECONDS, 3))


def _names(report: Report, rows: _Rows) -> list[dict[str, Any]]:
    titles = {info.pid: info.title for info in reversed((report.process, *report.processes))}
    pids = dict.fromkeys([report.process.pid, *(lane.pid for lane in rows.of_lane)])
    events = [_meta("process_name", pid, 0, name=clean(titles.get(pid) or f"process {pid}")) for pid in pids]
    for lane, numbers in rows.of_lane.items():
        for place, row in enumerate(numbers, 1):
            more = f" ({place})" if place > 1 else ""
            events.append(_meta("thread_name", lane.pid, row, name=clean(lane.owner.words) + more))
            events.append(_meta("thread_sort_index", lane.pid, row, sort_index=row))
    return events


def _meta(what: str, pid: int, tid: int, **args: object) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args}


def _bar(report: Report, bar: Bar, rows: _Rows) -> dict[str, Any]:
    start, end = span(bar)
    lifetime = bar.lifetime
    label = f" '{clean(lifetime.resource.label)}'" if lifetime.resource.label else ""
    args: dict[str, Any] = {
        "serial": lifetime.resource.serial,
        "state": "handed on" if bar.handed_on else lifetime.state,
        "owner": clean(bar.lane.owner.words),
        "acquired at": "not recorded" if lifetime.site is None else _place(lifetime.site),
        "acquired in thread": clean(lifetime.thread or "not recorded"),
    }
    if bar.finding is not None:
        finding = report.findings[bar.finding]
        args["finding"] = f"{finding.rule} {finding.name} ({finding.certainty.word})"
        args["message"] = clean(finding.message)
        args["fingerprint"] = finding.fingerprint
    return {
        "ph": "X",
        "name": clean(lifetime.resource.type) + label,
        "cat": _CATEGORY if bar.finding is None else f"{_CATEGORY},finding",
        "pid": bar.lane.pid,
        "tid": rows.row(bar),
        "ts": start,
        "dur": round(end - start, 3),
        "args": args,
    }


def _arrows(lanes: Lanes, rows: _Rows) -> list[dict[str, Any]]:
    events = []
    for number, (before, after) in enumerate(lanes.transfers(), 1):
        common = {"name": "transfer", "cat": "transfer", "id": number}
        begins, ends = span(before)[1] - _INSIDE, span(after)[0] + 2 * _INSIDE
        place = {"pid": before.lane.pid, "tid": rows.row(before)}
        events.append({"ph": "s", **common, **place, "ts": round(begins, 3)})
        place = {"pid": after.lane.pid, "tid": rows.row(after)}
        events.append({"ph": "f", "bp": "e", **common, **place, "ts": round(max(begins, ends), 3)})
    return events


def _marks(report: Report, lanes: Lanes, rows: _Rows) -> list[dict[str, Any]]:
    """Give what else happened to the resources of findings, such as a misuse, as a mark on the lane of its owner."""
    bars: dict[int, Bar] = {bar.finding: bar for bar in lanes.bars if bar.finding is not None}  # the last of each
    events = []
    for number, bar in bars.items():
        finding = report.findings[number]
        origin = lanes.starts.get(bar.lane.pid, 0.0)
        for event in finding.events:
            if event.time is None or event.event in {ACQUIRED, TRANSFERRED}:
                continue
            broke = f" ({finding.rule} {finding.name})" if event is finding.misuse else ""
            events.append(
                {
                    "ph": "i",
                    "s": "t",
                    "name": clean(event.event) + broke,
                    "cat": "event",
                    "pid": bar.lane.pid,
                    "tid": rows.row(bar),
                    "ts": round(within(origin + event.time) * _MICROSECONDS, 3),
                    "args": _told(event),
                }
            )
    return events


def _told(event: Event) -> dict[str, str]:
    told = {"at": _place(event.stack[0])} if event.stack else {}
    return {**told, **({"thread": clean(event.thread)} if event.thread else {})}


def _place(site: Site) -> str:
    return clean(f"{absolute(site.file)}:{site.line} in {site.function}")
