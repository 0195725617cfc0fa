"""What the HTML page is made of: the report as small JSON in which each text, place and stack stands once.

All texts are made printable here, so that no control character or direction mark of a name changes how the page reads.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lifetrack.reports.lanes import Bar, Lanes, lanes_of
from lifetrack.reports.layout import Layout
from lifetrack.reports.paths import absolute, clean, code_of, is_library, is_third_party
from lifetrack.reports.text_finding import shortened_message
from lifetrack.values.events import Event
from lifetrack.values.findings import Finding
from lifetrack.values.rules import RULES
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from lifetrack.reports.model import ProcessInfo, Report


def page_data(report: Report) -> dict[str, Any]:
    """Give the report as JSON objects for the page."""
    return _Pool().page(report)


class _Table:
    """Values in the order of their first use, each once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, value: Any) -> int:
        """Give the place of a value; ``key`` tells it from others."""
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.values)
            self.values.append(value)
        return found

    def known(self, key: Hashable) -> int | None:
        """Give the place of a value that is there."""
        return self._numbers.get(key)


class _Pool:
    """Texts, places and stacks of one page. -1 stands for none."""

    def __init__(self) -> None:
        self._texts = _Table()
        self._sites = _Table()
        self._stacks = _Table()
        self._layout = Layout(None)
        self._files: dict[str, tuple[int, int, int]] = {}

    def page(self, report: Report) -> dict[str, Any]:
        """Give everything."""
        findings = [self.finding(finding) for finding in report.findings]
        lanes = self.lanes(lanes_of(report))
        told = self.told(report)
        rules = {finding.rule for finding in _all(report.findings)}
        return {
            "findings": findings,
            "lanes": lanes,
            **told,
            "rules": {
                each.id: {"name": each.name, "meaning": each.meaning, "mend": each.mend}
                for each in RULES.values()
                if each.id in rules
            },
            "texts": self._texts.values,
            "sites": self._sites.values,
            "stacks": self._stacks.values,
        }

    def text(self, text: str | None) -> int:
        """Give the number of a text."""
        if text is None:
            return -1
        known = self._texts.known(text)
        return self._texts.number(text, clean(text)) if known is None else known

    def site(self, site: Site | None) -> int:
        """Give the number of a place: short path, line, function, code, whole path, and whether it is a library's."""
        if site is None:
            return -1
        known = self._sites.known(site)
        if known is not None:
            return known
        short, whole, foreign = self.file(site.file)
        told = [short, site.line, self.text(site.function), self.text(code_of(site)), whole, foreign]
        return self._sites.number(site, told)

    def file(self, file: str) -> tuple[int, int, int]:
        """Give the short and the whole path of a file, and 1 for a library's; each file is looked at once."""
        known = self._files.get(file)
        if known is None:
            texts = self.text(self._layout.path(file)), self.text(absolute(file))
            known = self._files[file] = (*texts, int(is_library(file)))
        return known

    def stack(self, stack: Sequence[Site]) -> int:
        """Give the number of a stack."""
        sites = tuple(self.site(site) for site in stack)
        return self._stacks.number(sites, sites) if sites else -1

    def event(self, event: Event) -> list[Any]:
        """Give one event."""
        time = None if event.time is None else round(event.time, 6)
        texts = [self.text(event.thread), self.text(event.task)]
        return [self.text(event.event), time, *texts, event.pid, self.stack(event.stack), self.text(event.detail)]

    def finding(self, finding: Finding) -> dict[str, Any]:
        """Give one finding; what it does not have is left out."""
        resource, left = finding.resource, finding.left_by
        told: dict[str, Any] = {
            "rule": finding.rule,
            "certainty": finding.certainty.word,
            "message": self.text(shortened_message(finding, self._layout)),
            "type": self.text(resource.type),
            "serial": resource.serial,
            "fingerprint": finding.fingerprint,
            "owner": self.text(finding.owner.words),
            "site": self.site(finding.site),
            "events": [self.event(event) for event in finding.events],
        }
        texts = {
            "label": resource.label,
            "test": finding.test,
            "scope": finding.scope,
            "allowed": finding.allowed,
            "hint": finding.hint,
            "ended": finding.ended,
            "apart": "known" if finding.known else "third-party" if is_third_party(finding) else None,
        }
        told |= {name: self.text(text) for name, text in texts.items() if text is not None}
        more = {
            "count": finding.count if finding.count > 1 else None,
            "left": None if left is None else [self.text(left.error), self.site(left.site)],
            "held": [self.holder(holder) for holder in finding.held_by],
            "children": [self.finding(child) for child in finding.children],
            "processes": [self.text(process.words) for process in finding.processes],
            "notes": self.notes(finding),
        }
        return told | {name: value for name, value in more.items() if value}

    def holder(self, holder: object) -> list[Any]:
        """Give one path that holds a resource: the verdict, its steps, and what to do about it."""
        advice = getattr(holder, "advice", None)
        steps = [self.text(str(step)) for step in getattr(holder, "path", ())]
        return [self.text(str(getattr(holder, "verdict", ""))), steps, self.text(advice or None)]

    def notes(self, finding: Finding) -> list[list[int]]:
        """Give what else is known: a title, a sentence, and code."""
        found = []
        siblings = getattr(finding, "siblings", None)
        if siblings is not None:
            about = "" if siblings.exact else "about "
            words = f"{about}{siblings.released} of {siblings.acquired} that were acquired here were released"
            places = ", ".join(f"{each.count} at {each.site or 'other places'}" for each in siblings.places)
            found.append(["Siblings", f"{words}: {places}" if places else words, None])
        suggestion = getattr(finding, "suggestion", None)
        if suggestion is not None:
            found.append(["Suggestion", suggestion.text, suggestion.code])
        return [[self.text(title), self.text(words), self.lines(code)] for title, words, code in found]

    def lines(self, code: str | None) -> int:
        """Give the number of a text of several lines, each made printable."""
        if code is None:
            return -1
        return self._texts.number(("lines", code), "\n".join(clean(line) for line in code.splitlines()))

    def lanes(self, lanes: Lanes) -> dict[str, Any]:
        """Give the chart of lifetimes."""
        order = {lane: number for number, lane in enumerate(lanes.lanes())}
        resources = _Table()
        return {
            "lanes": [[lane.pid, self.text(lane.owner.words)] for lane in order],
            "bars": [self.bar(bar, order[bar.lane], resources) for bar in lanes.bars],
            "resources": resources.values,
            "leftOut": lanes.left_out,
            "withoutTime": lanes.without_time,
            "end": round(lanes.end, 6),
        }

    def bar(self, bar: Bar, lane: int, resources: _Table) -> list[Any]:
        """Give one bar: lane, resource, start, end, turn, handed on, open end, finding."""
        lifetime = bar.lifetime
        resource = lifetime.resource
        told = [self.text(resource.type), self.text(resource.label), self.site(lifetime.site)]
        told += [self.text(lifetime.state), self.text(lifetime.thread), resource.serial]
        number = resources.number(id(lifetime), told)
        ends = [round(bar.start, 6), round(bar.end, 6), bar.turn, int(bar.handed_on), int(bar.open_ended)]
        return [lane, number, *ends, -1 if bar.finding is None else bar.finding]

    def told(self, report: Report) -> dict[str, Any]:
        """Give what stands beside the findings."""
        tracker = report.tracker
        return {
            "level": report.level,
            "complete": tracker.complete,
            "dropped": tracker.dropped,
            "search": self.search(tracker),
            "watched": [self.text(name) for name in tracker.watched],
            "unseen": [
                [self.text(each.what), self.text(each.type), each.count, self.text(each.why)] for each in tracker.unseen
            ],
            "lasting": [[self.text(each.kind), self.text(each.name), self.text(each.why)] for each in report.lasting],
            "types": [[self.text(row.type), row.acquired, row.released, row.live] for row in report.types],
            "processes": [self.process(info) for info in (report.process, *report.processes)],
        }

    def search(self, tracker: object) -> str:
        """Say what it took to find out who holds what; empty where nobody asked."""
        search = getattr(tracker, "search", None)
        if search is None:
            return ""
        left_out = f"; {search.left_out} left out" if search.left_out else ""
        took = f"{search.seconds:.3f} s in all, {search.longest:.3f} s the longest"
        return f"{search.walks} walks over the heap, {took}{left_out}"

    def process(self, info: ProcessInfo) -> list[Any]:
        """Give one process: number, parent, name, Python, platform, began, ended, how."""
        texts = (info.title, info.python, info.platform, info.started, info.ended, info.ending)
        return [info.pid, info.parent_pid, *map(self.text, texts)]


def _all(findings: Iterable[Finding]) -> Iterable[Finding]:
    for finding in findings:
        yield finding
        yield from _all(finding.children)
