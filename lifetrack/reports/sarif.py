"""The report in SARIF 2.1.0, the format that code scanners exchange: GitHub, GitLab, editors and others read it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lifetrack.reports.github import place_to_mend
from lifetrack.reports.paths import absolute, code_of, is_artificial
from lifetrack.reports.text_finding import subject
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.rules import RULES, Rule
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from lifetrack.reports.model import ProcessInfo, Report

VERSION = "2.1.0"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: The name under which the folder that paths are told from is known.
ROOT = "SRCROOT"
#: The name of our fingerprints, with the version of their making.
FINGERPRINT = "lifetrack/v1"
_LEVELS = {Certainty.PROVEN: "error", Certainty.SUSPECTED: "warning", Certainty.HINT: "note"}
_LINK = re.compile(r"\[(?=[^\]]*\]\()")


def render(report: Report) -> str:
    """Give the report as a SARIF log: JSON text in ASCII, in one line."""
    return json.dumps(as_dict(report), separators=(",", ":"), ensure_ascii=True, allow_nan=False) + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """Give the log as JSON objects; allowed findings are results that are suppressed in the source."""
    used = sorted({finding.rule for finding in report.findings})
    places = _Places()
    results = [_result(finding, used.index(finding.rule), places) for finding in report.findings]
    run = {
        "tool": {
            "driver": {"name": "lifetrack", "version": _version(), "rules": [_rule(RULES[each]) for each in used]}
        },
        "originalUriBaseIds": {ROOT: {"uri": places.base}},
        "columnKind": "utf16CodeUnits",
        "invocations": [_invocation(info) for info in (report.process, *report.processes)],
        "results": results,
        "properties": {"level": report.level, "complete": report.tracker.complete},
    }
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


class _Places:
    """Names files by URIs: from the folder of the repository, else whole."""

    def __init__(self) -> None:
        self._home = os.path.abspath(os.environ.get("GITHUB_WORKSPACE") or os.getcwd())
        self._known: dict[Site, dict[str, Any]] = {}
        self._artifacts: dict[str, dict[str, str]] = {}
        self.base = _uri(self._home).rstrip("/") + "/"

    def location(self, site: Site, message: str | None = None) -> dict[str, Any]:
        """Give a place as SARIF has it, with what there is to say of it."""
        told = self._known.get(site)
        if told is None:
            told = self._known[site] = self._location(site)
        return told if message is None else {**told, "message": _message(message)}

    def _location(self, site: Site) -> dict[str, Any]:
        region: dict[str, Any] = {"startLine": max(1, site.line)}
        code = code_of(site)
        if code:
            region["snippet"] = {"text": _sound(code)}
        artifact = self._artifacts.get(site.file)
        if artifact is None:
            artifact = self._artifacts[site.file] = self._artifact(site.file)
        return {
            "physicalLocation": {"artifactLocation": artifact, "region": region},
            "logicalLocations": [{"fullyQualifiedName": _sound(site.function), "kind": "function"}],
        }

    def _artifact(self, file: str) -> dict[str, str]:
        path = absolute(file)
        if is_artificial(path) or not os.path.isabs(path):
            return {"uri": _quoted(path)}
        home = self._home.rstrip(os.sep) + os.sep
        if path.startswith(home):
            return {"uri": _quoted(path[len(home) :].replace(os.sep, "/")), "uriBaseId": ROOT}
        return {"uri": _uri(path)}


def _uri(path: str) -> str:
    return "file://" + _quoted(path.replace(os.sep, "/"))


def _sound(text: str) -> str:
    """Replace lone surrogates, which many readers of JSON refuse."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _message(text: str) -> dict[str, str]:
    """Give a text as a message, in which nothing is a placeholder or a link."""
    plain = _LINK.sub(r"\\[", _sound(text).replace("{", "{{").replace("}", "}}"))
    return {"text": plain or "-"}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.name},
        "fullDescription": {"text": rule.meaning},
        "help": {"text": f"{rule.meaning}\n\nExample:\n\n{rule.example}\n\nThe usual mend: {rule.mend}"},
        "properties": {"tags": ["resource", "lifetime"]},
    }


def _invocation(info: ProcessInfo) -> dict[str, Any]:
    return {
        "executionSuccessful": info.ending in {"normal", "exit"},
        "startTimeUtc": _utc(info.started),
        "endTimeUtc": _utc(info.ended),
        "processId": info.pid,
        "properties": {"ending": info.ending, "python": info.python, "platform": info.platform},
    }


def _utc(stamp: str) -> str:
    return stamp.removesuffix("+00:00").removesuffix("Z") + "Z"


def _result(finding: Finding, index: int, places: _Places) -> dict[str, Any]:
    hint = f" ({finding.hint})" if finding.hint and finding.hint not in finding.message else ""
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.certainty],
        "message": _message(finding.message + hint),
        "locations": [places.location(site) for site in [place_to_mend(finding)] if site is not None],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "occurrenceCount": finding.count,
        "properties": _properties(finding),
    }
    flow = [places.location(event.stack[0], _words(event)) for event in finding.events if event.stack]
    if flow:
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": each} for each in flow]}]}]
    stacks: list[dict[str, Any]] = []
    for event in finding.events:
        if event.stack and (stack := _stack(event, places)) not in stacks:  # the format wants each of them once
            stacks.append(stack)
    if stacks:
        result["stacks"] = stacks
    related = list(_related(finding, places))
    if related:
        result["relatedLocations"] = related
    if finding.allowed is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": _sound(finding.allowed)}]
    elif finding.known:
        result["suppressions"] = [{"kind": "external", "justification": "accepted by the baseline"}]
    return result


def _related(finding: Finding, places: _Places) -> Iterator[dict[str, Any]]:
    """Give the places that are no events of the resource itself."""
    told = [] if finding.left_by is None else [(finding.left_by.site, f"left by {finding.left_by.error}")]
    told += [(child.site, f"child: {subject(child)}") for child in finding.children]
    for number, (site, words) in enumerate(((site, words) for site, words in told if site is not None), 1):
        yield {"id": number, **places.location(site, words)}


def _words(event: Event) -> str:
    return f"{event.event} {event.detail}" if event.detail else f"{event.event} here"


def _stack(event: Event, places: _Places) -> dict[str, Any]:
    return {"message": _message(_words(event)), "frames": [{"location": places.location(site)} for site in event.stack]}


def _properties(finding: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {
        "certainty": finding.certainty.word,
        "type": _sound(finding.resource.type),
        "owner": _sound(finding.owner.words),
    }
    for name, value in (("label", finding.resource.label), ("test", finding.test), ("scope", finding.scope)):
        if value is not None:
            told[name] = _sound(value)
    if finding.held_by:
        told["heldBy"] = [
            {"verdict": _sound(str(getattr(each, "verdict", ""))), "path": [_sound(str(step)) for step in _path(each)]}
            for each in finding.held_by
        ]
    return told


def _path(holder: object) -> tuple[object, ...]:
    return tuple(getattr(holder, "path", ()))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("lifetrack")
    except PackageNotFoundError:
        return "0"


def _quoted(path: str) -> str:
    """Quote the bytes of a path; a stored report may have one that no file of this system could have."""
    try:
        return quote(os.fsencode(path))
    except UnicodeEncodeError:
        return quote(path.encode("utf-8", "surrogatepass"))
