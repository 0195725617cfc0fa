"""The report as a graph in the DOT language of Graphviz: who owns what, who handed it on, and who holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from lifetrack.reports.layout import counted
from lifetrack.reports.paths import clean, shortest
from lifetrack.reports.text_finding import subject
from lifetrack.values.endings import NEVER
from lifetrack.values.findings import Certainty, Finding, OwnerName
from lifetrack.values.records import Lifetime
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

#: More than this nobody can read, and Graphviz takes long to draw.
MAX_FINDINGS, MAX_OTHERS, MAX_CHILDREN, MAX_HOLDERS = 150, 50, 10, 8
_LINE = 80
_NOTE = 600

_COLORS = {Certainty.PROVEN: "#c62828", Certainty.SUSPECTED: "#b26a00", Certainty.HINT: "#1565c0"}
_OWNER = 'shape=box, style="rounded,filled", fillcolor="#e3f2fd", color="#1565c0"'
_HOLDER = 'shape=box, style=filled, fillcolor="#f3e5f5", color="#6a1b9a"'
_STEP = 'shape=plaintext, fontcolor="#4a148c"'
_OTHER = 'shape=box, color="#757575", fontcolor="#424242"'
_HELD = 'style=dashed, color="#6a1b9a"'


def render(report: Report) -> str:
    """Give the graph as text. What is too much to be read is left out, and the graph's title says how much."""
    return _Graph(report).text()


def quoted(text: str, room: int = _LINE) -> str:
    """Give one line of a label: printable, cut to ``room`` characters, with nothing in it that Graphviz would read."""
    line = clean(text)
    if len(line) > room:
        line = line[: room - 3] + "..."
    return line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def _label(*lines: str) -> str:
    # Each line of a label ends with what sets it to the left.
    return '"' + "".join(f"{quoted(line)}\\l" for line in lines if line) + '"'


class _Graph:
    """The nodes and edges of one report; a node has a number, and the same thing is always the same node."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._nodes: dict[object, str] = {}
        self._lines: list[str] = []
        self._edges: dict[str, None] = {}
        self._left_out: list[str] = []
        self._draw()

    def text(self) -> str:
        """Give the whole graph."""
        process = self._report.process
        found = counted(self._report.totals.findings, "finding")
        notes = f"left out: {', '.join(self._left_out)}" if self._left_out else ""
        title = _label(f"lifetrack: {process.title} (process {process.pid}): {found}", notes)
        head = [
            "digraph lifetrack {",
            f"  graph [rankdir=LR, labelloc=t, labeljust=l, fontname=Helvetica, nodesep=0.25, label={title}];",
            "  node [fontname=Helvetica, fontsize=11];",
            "  edge [fontname=Helvetica, fontsize=10];",
        ]
        return "\n".join([*head, *self._lines, *self._edges, "}"]) + "\n"

    def _draw(self) -> None:
        findings = self._report.findings
        for finding in findings[:MAX_FINDINGS]:
            self._finding(finding)
        if len(findings) > MAX_FINDINGS:
            self._left_out.append(counted(len(findings) - MAX_FINDINGS, "finding"))
        self._others()
        self._transfers()

    # -- nodes -----------------------------------------------------------------------------------------------------

    def _node(self, key: object, label: str, style: str, tip: str = "") -> str:
        name = self._nodes.get(key)
        if name is None:
            name = self._nodes[key] = f"n{len(self._nodes) + 1}"
            # Without a tip of its own a node would show its label again, escapes and all.
            self._lines.append(f'  {name} [label={label}, {style}, tooltip="{quoted(tip, _NOTE) or " "}"];')
        return name

    def _edge(self, start: str, end: str, style: str) -> None:
        self._edges[f"  {start} -> {end} [{style}];"] = None

    def _owner(self, pid: int, owner: OwnerName) -> str:
        several = len(self._report.processes) > 0
        where = f"in process {pid}" if several else ""
        return self._node(("owner", pid if several else 0, owner), _label(owner.words, where), _OWNER)

    # -- findings --------------------------------------------------------------------------------------------------

    def _finding(self, finding: Finding) -> None:
        node = self._resource(finding)
        duty = "owned" if finding.ended not in {None, NEVER} or not finding.is_leak else "owns"
        self._edge(self._owner(_pid(finding), finding.owner), node, f'label="{duty}"')
        self._holders(finding, node)

    def _resource(self, finding: Finding, parent: str | None = None) -> str:
        color = "#757575" if finding.allowed is not None else _COLORS[finding.certainty]
        allowed = f"allowed: {finding.allowed}" if finding.allowed is not None else ""
        rule = f"{finding.rule} {finding.name} ({finding.certainty.word})"
        label = _label(subject(finding), _where(finding.site), rule, allowed)
        style = f'shape=box, color="{color}", penwidth=2'
        node = self._node(("finding", id(finding)), label, style, finding.message)
        if parent is not None:
            self._edge(parent, node, 'label="child", style=dotted')
        for child in finding.children[:MAX_CHILDREN]:
            self._resource(child, node)
        if len(finding.children) > MAX_CHILDREN:
            self._left_out.append(f"{counted(len(finding.children) - MAX_CHILDREN, 'kind')} of children")
        return node

    def _holders(self, finding: Finding, node: str) -> None:
        for holder in finding.held_by[:MAX_HOLDERS]:
            verdict = str(getattr(holder, "verdict", ""))
            steps = tuple(map(str, getattr(holder, "path", ()))) or ("unknown",)
            before = ""
            for depth, step in enumerate(steps):
                # Paths that begin alike share their beginning.
                key = ("held", _pid(finding), verdict, steps[: depth + 1])
                last = f"held by: {verdict}" if depth == 0 else ""
                here = self._node(key, _label(step, last), _HOLDER if depth == 0 else _STEP)
                if before:
                    self._edge(before, here, _HELD)
                before = here
            self._edge(before, node, _HELD)
        if len(finding.held_by) > MAX_HOLDERS:
            self._left_out.append(f"{counted(len(finding.held_by) - MAX_HOLDERS, 'path')} that hold it")

    # -- what is no finding ------------------------------------------------------------------------------------------

    def _others(self) -> None:
        """Draw what is live and well, those of one type, place and owner as one node."""
        found = {
            (_pid(finding), finding.resource.serial, finding.resource.type) for finding in _all(self._report.findings)
        }
        # A finding that stands for several resources names the first one only.
        many = {(each.resource.type, each.site, each.owner) for each in _all(self._report.findings) if each.count > 1}
        live = [each for each in self._report.lifetimes.shown if each.state == "live" and each.rule is None]
        groups = Counter(
            _group(each)
            for each in live
            if (each.pid, each.resource.serial, each.resource.type) not in found and _group(each)[1:] not in many
        )
        for (pid, type_name, site, owner), count in groups.most_common(MAX_OTHERS):
            name = f"{count} x {type_name}" if count > 1 else type_name
            node = self._node(("other", pid, type_name, site, owner), _label(name, _where(site)), _OTHER)
            self._edge(self._owner(pid, owner), node, 'label="owns", color="#757575"')
        if len(groups) > MAX_OTHERS:
            self._left_out.append(f"{counted(len(groups) - MAX_OTHERS, 'place')} of live resources")
        if self._report.lifetimes.left_out:
            self._left_out.append(
                f"{counted(self._report.lifetimes.left_out, 'resource')} that the report does not tell"
            )

    def _transfers(self) -> None:
        moves: Counter[tuple[int, OwnerName, OwnerName]] = Counter()
        for lifetime in self._report.lifetimes.shown:
            owners = [tenure.owner for tenure in lifetime.owners]
            moves.update((lifetime.pid, *pair) for pair in pairwise(owners))
        for (pid, giver, receiver), count in moves.items():
            words = counted(count, "transfer")
            self._edge(
                self._owner(pid, giver), self._owner(pid, receiver), f'label="{words}", style=bold, color="#1565c0"'
            )


def _group(lifetime: Lifetime) -> tuple[int, str, Site | None, OwnerName]:
    return lifetime.pid, lifetime.resource.type, lifetime.site, lifetime.owners[-1].owner


def _all(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from _all(finding.children)


def _pid(finding: Finding) -> int:
    return finding.events[0].pid if finding.events else finding.processes[0].pid if finding.processes else 0


def _where(site: Site | None) -> str:
    return "not located" if site is None else f"{shortest(site.file)}:{site.line} in {site.function}"
