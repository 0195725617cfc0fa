"""Reading a report back: checked field by field, with one error that names the file, the place and the mend."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from lifetrack.reports.json_form import FORMAT, VERSION
from lifetrack.reports.lifetimes_form import read_lifetimes
from lifetrack.reports.model import ENDINGS, ProcessInfo, Report, Totals, TrackerInfo
from lifetrack.reports.stored import StoredFinding, StoredSite
from lifetrack.values.endings import ENDINGS as KNOWN_ENDINGS
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding, LeftBy, OwnerName, ProcessName, Resource
from lifetrack.values.holders import Holder, Search, held_after
from lifetrack.values.records import NO_LIFETIMES, UNKNOWN, UNTRACKABLE, Lasting, TypeTotals, Unseen
from lifetrack.values.rules import RULES
from lifetrack.values.settings import Level, parse_level
from lifetrack.values.siblings import CALLER, EXCEPTION, TRANSFER, Parted, ReleasedAt, Siblings
from lifetrack.values.suggestions import Suggestion

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|\+00:00)"
_STAMP_WORDS = "a time in UTC, such as '2026-01-31T12:00:00Z'"

_T = TypeVar("_T")


def load(path: str | os.PathLike[str]) -> Report:
    """Read a JSON report. Fields that are not known are passed over.

    Source lines and fingerprints are kept as they were written. Raises ConfigurationError if the file is missing, is
    no JSON, is no lifetrack report of this version, or if a field is missing or of the wrong type.
    """
    name = os.fspath(path)
    try:
        return _report(_Node(_parse(name), name, ""))
    except RecursionError:
        raise _problem(name, "it is nested too deeply for a report") from None


def report_from(data: object, name: str) -> Report:
    """Read a report from the objects of its JSON form; ``name`` says in an error where they come from.

    Raises ConfigurationError as :func:`load` does.
    """
    return _report(_Node(data, name, ""))


def findings_from(data: object, name: str) -> tuple[Finding, ...]:
    """Read findings from a list of the objects of their JSON form. Raises ConfigurationError as :func:`load` does."""
    return _Node(data, name, "findings").each(_finding)


def _problem(name: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"report {name!r}: {what}: name a file that 'lifetrack run --report FILE.json' wrote")


def _parse(name: str) -> object:
    try:
        with open(name, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise _problem(name, "there is no such file") from None
    except (OSError, ValueError) as error:
        raise _problem(name, f"it cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not data.strip():
        raise _problem(name, "the file is empty")
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise _problem(name, f"line {error.lineno}, column {error.colno} is not JSON ({error.msg})") from None
    except ValueError as error:  # not text, or a number too long
        raise _problem(name, f"it is not JSON ({error})") from None


_WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "a string", int: "a whole number", bool: "a boolean"}


class _Node:
    """One value of the file, and where it stands."""

    __slots__ = ("file", "place", "value")

    def __init__(self, value: object, file: str, place: str) -> None:
        self.value = value
        self.file = file
        self.place = place

    def fail(self, what: str) -> NoReturn:
        """Raise the error for this place."""
        raise _problem(self.file, f"{self.place or 'its top level'} {what}")

    def a(self, kind: type[_T]) -> _T:
        """Give the value, which must be of exactly this kind: no boolean passes for a number."""
        if type(self.value) is not kind:
            self.fail(f"must be {_WORDS[kind]}, not {_word_of(self.value)}")
        return self.value

    def __getitem__(self, field: str) -> _Node:
        members = self.a(dict)
        place = f"{self.place}.{field}" if self.place else field
        if field not in members:
            raise _problem(self.file, f"the field {place!r} is missing")
        return _Node(members[field], self.file, place)

    def get(self, field: str) -> _Node:
        """Give a field that older reports do not have; null where it is missing."""
        return self[field] if field in self.a(dict) else _Node(None, self.file, self.place)

    def optional(self, kind: type[_T]) -> _T | None:
        """Give the value, or None where it is null."""
        return None if self.value is None else self.a(kind)

    def number(self, least: int = 0) -> int:
        """Give a whole number that is at least ``least``."""
        value = self.a(int)
        if value < least:
            self.fail(f"must be at least {least}, not {value}")
        return value

    def word(self, known: tuple[str, ...]) -> str:
        """Give one of the known words."""
        value = self.a(str)
        if value not in known:
            self.fail(f"must be one of {', '.join(known)}")
        return value

    def each(self, read: Callable[[_Node], _T]) -> tuple[_T, ...]:
        """Read every element of a list."""
        items = self.a(list)
        return tuple(read(_Node(item, self.file, f"{self.place}[{index}]")) for index, item in enumerate(items))

    def matching(self, pattern: str, what: str) -> str:
        """Give a string of this pattern."""
        value = self.a(str)
        if re.fullmatch(pattern, value) is None:
            self.fail(f"must be {what}")
        return value

    def strings(self) -> tuple[str, ...]:
        """Give a list of strings."""
        return self.each(lambda item: item.a(str))


def _word_of(value: object) -> str:
    if value is None:
        return "null"
    return "a fraction" if isinstance(value, float) else _WORDS[type(value)]


def _report(node: _Node) -> Report:
    if not isinstance(node.value, dict) or node.value.get("format") != FORMAT:
        raise _problem(node.file, f"it is not a lifetrack report (its 'format' is not {FORMAT!r})")
    version = node["version"].a(int)
    if version != VERSION:
        raise _problem(node.file, f"its 'version' is {version}, this lifetrack reads {VERSION}")
    level = node["level"].word(tuple(level.word for level in Level))
    return Report(
        level=parse_level(level).word,
        process=_process(node["process"]),
        totals=_totals(node["totals"]),
        types=node["types"].each(_type_totals),
        findings=node["findings"].each(_finding),
        tracker=_tracker(node["tracker"]),
        processes=node["processes"].each(_process) if "processes" in node.a(dict) else (),
        lasting=node["lasting"].each(_lasting) if "lasting" in node.a(dict) else (),
        lifetimes=read_lifetimes(node["lifetimes"], _site, _seconds) if "lifetimes" in node.a(dict) else NO_LIFETIMES,
    )


def _process(node: _Node) -> ProcessInfo:
    return ProcessInfo(
        pid=node["pid"].number(),
        parent_pid=node["parent_pid"].number(),
        python=node["python"].a(str),
        platform=node["platform"].a(str),
        command=node["command"].strings(),
        started=node["started"].matching(_STAMP, _STAMP_WORDS),
        ended=node["ended"].matching(_STAMP, _STAMP_WORDS),
        ending=node["ending"].word(ENDINGS),
        name=node.get("name").optional(str),
    )


def _totals(node: _Node) -> Totals:
    fields = ("acquired", "released", "live", "findings", "untrackable", "unknown")
    return Totals(**{field: node[field].number() for field in fields})


def _type_totals(node: _Node) -> TypeTotals:
    fields = ("acquired", "released", "live")
    return TypeTotals(type=node["type"].a(str), **{field: node[field].number() for field in fields})


def _tracker(node: _Node) -> TrackerInfo:
    return TrackerInfo(
        complete=node["complete"].a(bool),
        dropped=node["dropped"].number(),
        watched=node["watched"].strings(),
        unseen=node["unseen"].each(_unseen) if "unseen" in node.a(dict) else (),
        search=_search(node["search"]) if "search" in node.a(dict) else None,
    )


def _search(node: _Node) -> Search:
    seconds, longest = _seconds(node["seconds"]), _seconds(node["longest"])
    return Search(node["walks"].number(), seconds or 0.0, longest or 0.0, node["left_out"].number())


def _unseen(node: _Node) -> Unseen:
    what = node["what"].word((UNTRACKABLE, UNKNOWN))
    return Unseen(what, node["type"].a(str), node["count"].number(1), node["why"].a(str))


def _finding(node: _Node) -> Finding:
    rule = node["rule"]
    if rule.a(str) not in RULES:
        rule.fail("names a rule that this lifetrack does not know; a newer one may")
    node["name"].a(str)  # follows from the rule, so that only its presence matters
    certainty = node["certainty"].word(tuple(certainty.word for certainty in Certainty))
    resource, owner, site = node["resource"], node["owner"], node["site"]
    ended = None if (end := node.get("ended")).value is None else end.word(KNOWN_ENDINGS)
    holders = node["held_by"].each(lambda item: Holder(item["verdict"].a(str), item["path"].strings()))
    return StoredFinding(
        rule=rule.a(str),
        certainty=Certainty[certainty.upper()],
        message=node["message"].matching("(?s).+", "a sentence"),
        resource=Resource(resource["serial"].number(), resource["type"].a(str), resource["label"].optional(str)),
        site=None if site.value is None else _site(site),
        events=node["events"].each(_event),
        owner=OwnerName(owner["name"].a(str), owner["kind"].a(str)),
        scope=node["scope"].optional(str),
        test=node["test"].optional(str),
        count=node["count"].number(1),
        allowed=node.get("allowed").optional(str),
        hint=node["hint"].optional(str),
        held_by=held_after(holders, ended),
        children=node["children"].each(_finding),
        ended=ended,
        left_by=None if (left_by := node.get("left_by")).value is None else _left_by(left_by),
        processes=node["processes"].each(_process_name) if "processes" in node.a(dict) else (),
        siblings=_siblings(node.get("siblings")),
        parted=_parted(node.get("siblings")),
        suggestion=_suggestion(node.get("suggestion")),
        known="known" in node.a(dict) and node["known"].a(bool),
        stored_fingerprint=node["fingerprint"].matching("[0-9a-f]+", "hexadecimal digits"),
    )


def _lasting(node: _Node) -> Lasting:
    return Lasting(node["kind"].a(str), node["name"].a(str), node["why"].a(str))


def _process_name(node: _Node) -> ProcessName:
    return ProcessName(node["pid"].number(), node["name"].a(str))


def _left_by(node: _Node) -> LeftBy:
    site = node["site"]
    return LeftBy(node["error"].a(str), None if site.value is None else _site(site))


def _siblings(node: _Node) -> Siblings | None:
    if node.value is None:
        return None
    places = node["places"].each(lambda each: ReleasedAt(_site_or_none(each["site"]), each["count"].number(1)))
    return Siblings(node["acquired"].number(1), node["released"].number(1), places, node["exact"].a(bool))


def _parted(node: _Node) -> Parted | None:
    if node.value is None or (parted := node["parted"]).value is None:
        return None
    how = parted["how"].word((EXCEPTION, TRANSFER, CALLER))
    return Parted(how, parted["detail"].a(str), _site_or_none(parted["site"]), _site_or_none(parted["others"]))


def _suggestion(node: _Node) -> Suggestion | None:
    if node.value is None:
        return None
    return Suggestion(_site(node["site"]), node["text"].matching("(?s).+", "a sentence"), node["code"].a(str))


def _site_or_none(node: _Node) -> StoredSite | None:
    return None if node.value is None else _site(node)


def _site(node: _Node) -> StoredSite:
    return StoredSite(
        file=node["file"].a(str),
        line=node["line"].number(),
        function=node["function"].a(str),
        stored_code=node["code"].a(str),
    )


def _event(node: _Node) -> Event:
    return Event(
        event=node["event"].matching("[a-z][a-z-]*", "the kind of an event, such as 'acquired'"),
        time=_seconds(node["time"]),
        thread=node["thread"].optional(str),
        task=node["task"].optional(str),
        pid=node["pid"].number(),
        stack=node["stack"].each(_site),
        detail=node.get("detail").optional(str),
    )


def _seconds(node: _Node) -> float | None:
    value: Any = node.value
    if value is None:
        return None
    if type(value) not in (int, float):
        node.fail(f"must be a number of seconds or null, not {_word_of(value)}")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        node.fail("must be a finite number of seconds or null")
    return seconds
