"""One finding as lines of text: what it is, what to do, where things happened, who has it, what depends on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lifetrack.reports.grouping import count_children
from lifetrack.reports.layout import Layout, Line
from lifetrack.reports.paths import clean
from lifetrack.reports.text_history import INDENT, history_lines, place
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.stacks import Site

__all__ = ["STYLES", "finding_lines", "place", "subject"]

MAX_HOLDERS, MAX_PROCESSES = 5, 4
#: How many kinds of children are listed below each finding, and how many generations.
MAX_CHILDREN, MAX_GENERATIONS = 5, 4

STYLES = {Certainty.PROVEN: "proven", Certainty.SUSPECTED: "suspected", Certainty.HINT: "hint"}
#: Owners that are told as what the resource belongs to.
_STRETCHES = frozenset({"process", "scope", "test", "fixture"})

#: The file in which a generator stands that holds what leaked.
_SUSPENDED = re.compile(r"(?<=, suspended at )\S.*?(?=:\d+[:;])")


def finding_lines(finding: Finding, number: int, pid: int, layout: Layout) -> list[Line]:
    """Give the lines of one finding; events of another process than ``pid`` say so."""
    lines = [_heading(finding, number)]
    lines += layout.wrapped(_message(finding, layout), INDENT)
    lines += history_lines(finding, pid, layout)
    for text in _circumstances(finding):
        lines += layout.wrapped(text, INDENT + "  ", "dim", first=INDENT)
    for depth, text in _children(finding, layout):
        indent = INDENT + "  " * depth
        lines += layout.wrapped(text, indent + "  ", "dim", first=indent)
    if finding.hint and finding.hint not in finding.message:
        lines += layout.wrapped(f"Hint: {finding.hint}", INDENT + "  ", "note", first=INDENT)
    return lines


def _sites(finding: Finding) -> set[Site]:
    """Give the places that the sentence of a finding may name."""
    known = {finding.site, None if finding.left_by is None else finding.left_by.site}
    known |= {site for event in finding.events for site in event.stack}
    return {site for site in known if site is not None}


def _message(finding: Finding, layout: Layout) -> str:
    message = finding.message
    for site in sorted(_sites(finding), key=lambda site: len(str(site)), reverse=True):
        message = message.replace(str(site), f"{layout.path(site.file)}:{site.line}")
    return _SUSPENDED.sub(lambda found: layout.path(found[0]), message)


def subject(finding: Finding) -> str:
    """Name what a finding is about: how many, of which type, with which label."""
    resource = finding.resource
    label = f" '{clean(resource.label)}'" if resource.label else ""
    count = f"{finding.count} x " if finding.count > 1 else ""
    return f"{count}{clean(resource.type)}{label}"


def _heading(finding: Finding, number: int) -> Line:
    style = STYLES[finding.certainty]
    return (
        (f"{number}. ", ""),
        (f"{finding.rule} {finding.name}", style),
        (f" ({finding.certainty.word}): ", ""),
        (subject(finding), "strong"),
    )


def _circumstances(finding: Finding) -> Iterator[str]:
    if finding.processes:
        yield _processes(finding)
    named = [f"test {finding.test}"] if finding.test else []
    if finding.scope and finding.scope != finding.test:
        named.append(f"scope '{finding.scope}'")
    if named:
        yield f"{'The first belongs to' if finding.count > 1 else 'Belongs to'} {', '.join(named)}"
    if finding.owner.kind not in _STRETCHES:
        yield f"Last owner{' of the first' if finding.count > 1 else ''}: {finding.owner.words}"
    for holder in finding.held_by[:MAX_HOLDERS]:
        verdict, path = getattr(holder, "verdict", ""), getattr(holder, "path", ())
        yield f"Held by {verdict}: {' > '.join(map(str, path))}"
    if len(finding.held_by) > MAX_HOLDERS:
        yield f"... and by {len(finding.held_by) - MAX_HOLDERS} more"


def _processes(finding: Finding) -> str:
    named = [clean(process.words) for process in finding.processes]
    if len(named) == 1:
        return f"In process {named[0]}"
    more = f" and {len(named) - MAX_PROCESSES} more" if len(named) > MAX_PROCESSES else ""
    return f"In {len(named)} processes: {', '.join(named[:MAX_PROCESSES])}{more}"


def _children(finding: Finding, layout: Layout, depth: int = 0) -> Iterator[tuple[int, str]]:
    """Give a line for each kind of child, with its own children below it; and how deep each line stands."""
    shown = finding.children[:MAX_CHILDREN] if depth < MAX_GENERATIONS else ()
    for child in shown:
        where = f" from {place(child.site, layout)}" if child.site is not None else ""
        rule = "" if child.rule == finding.rule else f" ({child.rule} {child.name})"
        yield depth, f"Child: {subject(child)}{where}{rule}"
        yield from _children(child, layout, depth + 1)
    rest = finding.children[len(shown) :]
    number = sum(child.count for child in rest) + count_children(rest)
    if number:
        yield depth, f"... and {number} more child{'' if number == 1 else 'ren'}"
