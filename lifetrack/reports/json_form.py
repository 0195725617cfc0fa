"""The JSON form of a report: the fields of version 1, and the schema that every report is valid against."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, cast

from lifetrack.reports.lifetimes_form import lifetimes_dict
from lifetrack.reports.paths import absolute, code_of, is_third_party
from lifetrack.values.events import Event
from lifetrack.values.findings import Finding, LeftBy
from lifetrack.values.holders import Holder, Search
from lifetrack.values.records import Unseen
from lifetrack.values.siblings import Parted, Siblings
from lifetrack.values.stacks import Site
from lifetrack.values.suggestions import Suggestion

if TYPE_CHECKING:
    from lifetrack.reports.model import ProcessInfo, Report, TrackerInfo

FORMAT = "lifetrack-report"
VERSION = 1


def render(report: Report) -> str:
    """Give the report as JSON text in ASCII, with a line break at its end."""
    # ASCII keeps file names that are no valid Unicode: their surrogates are escaped and come back as they were.
    return json.dumps(as_dict(report), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of the report, as it ships with the package."""
    from importlib.resources import files

    text = files("lifetrack.reports").joinpath("schema", "report-v1.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def as_dict(report: Report) -> dict[str, Any]:
    """Give the report as JSON objects: dicts, lists, strings, numbers and None."""
    process, totals, tracker = report.process, report.totals, report.tracker
    more: dict[str, Any] = {}
    if report.processes:
        more["processes"] = [_process(child) for child in report.processes]
    if report.lasting:
        more["lasting"] = [{"kind": each.kind, "name": each.name, "why": each.why} for each in report.lasting]
    if report.lifetimes:
        more["lifetimes"] = lifetimes_dict(report.lifetimes, _site)
    return {
        "format": FORMAT,
        "version": VERSION,
        "level": report.level,
        "process": _process(process),
        "totals": {
            "acquired": totals.acquired,
            "released": totals.released,
            "live": totals.live,
            "findings": totals.findings,
            "untrackable": totals.untrackable,
            "unknown": totals.unknown,
        },
        "types": [
            {"type": row.type, "acquired": row.acquired, "released": row.released, "live": row.live}
            for row in report.types
        ],
        "findings": [finding_dict(finding) for finding in report.findings],
        "tracker": _tracker(tracker),
        **more,
    }


def _tracker(tracker: TrackerInfo) -> dict[str, Any]:
    known = {"complete": tracker.complete, "dropped": tracker.dropped, "watched": list(tracker.watched)}
    more: dict[str, Any] = {}
    if tracker.unseen:
        more["unseen"] = [_unseen(each) for each in tracker.unseen]
    if tracker.search is not None:
        more["search"] = _search(tracker.search)
    return {**known, **more}


def _search(search: Search) -> dict[str, Any]:
    return {
        "walks": search.walks,
        "seconds": round(search.seconds, 6),
        "longest": round(search.longest, 6),
        "left_out": search.left_out,
    }


def _unseen(unseen: Unseen) -> dict[str, Any]:
    return {"what": unseen.what, "type": unseen.type, "count": unseen.count, "why": unseen.why}


def _process(process: ProcessInfo) -> dict[str, Any]:
    known = {
        "pid": process.pid,
        "parent_pid": process.parent_pid,
        "python": process.python,
        "platform": process.platform,
        "command": list(process.command),
        "started": process.started,
        "ended": process.ended,
        "ending": process.ending,
    }
    return known if process.name is None else {**known, "name": process.name}


def finding_dict(finding: Finding) -> dict[str, Any]:
    """Give one finding as JSON objects."""
    resource, owner = finding.resource, finding.owner
    more: dict[str, Any] = {}
    if finding.processes:
        more["processes"] = [{"pid": each.pid, "name": each.name} for each in finding.processes]
    if finding.known:
        more["known"] = True
    if is_third_party(finding):
        more["third_party"] = True
    return {
        "rule": finding.rule,
        "name": finding.name,
        "certainty": finding.certainty.word,
        "count": finding.count,
        "fingerprint": finding.fingerprint,
        "message": finding.message,
        "resource": {"serial": resource.serial, "type": resource.type, "label": resource.label},
        "site": None if finding.site is None else _site(finding.site),
        "test": finding.test,
        "scope": finding.scope,
        "owner": {"name": owner.name, "kind": owner.kind},
        "allowed": finding.allowed,
        "events": [_event(event) for event in finding.events],
        "held_by": list(map(_holder, finding.held_by)),
        "children": [finding_dict(child) for child in finding.children],
        "hint": finding.hint,
        "ended": finding.ended,
        "left_by": None if finding.left_by is None else _left_by(finding.left_by),
        "siblings": None if finding.siblings is None else _siblings(finding.siblings, finding.parted),
        "suggestion": None if finding.suggestion is None else _suggestion(finding.suggestion),
        **more,
    }


def _holder(holder: Holder) -> dict[str, Any]:
    advice = {"advice": holder.advice} if holder.advice else {}
    return {"verdict": holder.verdict, "path": list(holder.path), **advice}


def _left_by(left_by: LeftBy) -> dict[str, Any]:
    return {"error": left_by.error, "site": None if left_by.site is None else _site(left_by.site)}


def _siblings(siblings: Siblings, parted: Parted | None) -> dict[str, Any]:
    return {
        "acquired": siblings.acquired,
        "released": siblings.released,
        "exact": siblings.exact,
        "places": [{"site": _site_or_none(each.site), "count": each.count} for each in siblings.places],
        "parted": None
        if parted is None
        else {
            "how": parted.how,
            "detail": parted.detail,
            "site": _site_or_none(parted.site),
            "others": _site_or_none(parted.others),
        },
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {"text": suggestion.text, "code": suggestion.code, "site": _site(suggestion.site)}


def _event(event: Event) -> dict[str, Any]:
    time = event.time
    return {
        "event": event.event,
        "time": time if time is not None and math.isfinite(time) else None,
        "thread": event.thread,
        "task": event.task,
        "pid": event.pid,
        "stack": [_site(site) for site in event.stack],
        "detail": event.detail,
    }


def _site_or_none(site: Site | None) -> dict[str, Any] | None:
    return None if site is None else _site(site)


def _site(site: Site) -> dict[str, Any]:
    return {"file": absolute(site.file), "line": site.line, "function": site.function, "code": code_of(site)}
