"""One finding as lines of text: what it is, what to do, where things happened, who has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lifetrack.reports.layout import Layout, Line, Piece
from lifetrack.reports.paths import clean, code_of, is_library, is_standard
from lifetrack.values.events import ACQUIRED, COLLECTED, Event
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.stacks import Site

MAX_FRAMES = 6
#: Of a long history the first and the last events are shown.
FIRST_EVENTS, LAST_EVENTS = 2, 4
MAX_HOLDERS = 5
MAX_CHILDREN = 5
#: Locations longer than this do not push the source lines of the others to the right.
MAX_COLUMN = 56

_INDENT = "   "
STYLES = {Certainty.PROVEN: "proven", Certainty.SUSPECTED: "suspected", Certainty.HINT: "hint"}


class _Row(NamedTuple):
    """One line of the history: its label, a place with its source line, or a note in place of both."""

    label: str
    place: str = ""
    code: str = ""
    note: str = ""


def finding_lines(finding: Finding, number: int, pid: int, layout: Layout) -> list[Line]:
    """Give the lines of one finding; events of another process than ``pid`` say so."""
    lines = [_heading(finding, number)]
    lines += layout.wrapped(_message(finding, layout), _INDENT)
    lines += _history(finding, pid, layout)
    for text in _circumstances(finding, layout):
        lines += layout.wrapped(text, _INDENT + "  ", "dim", first=_INDENT)
    if finding.hint and finding.hint not in finding.message:
        lines += layout.wrapped(f"Hint: {finding.hint}", _INDENT + "  ", "note", first=_INDENT)
    return lines


def _message(finding: Finding, layout: Layout) -> str:
    message = finding.message
    for site in (finding.site, None if finding.left_by is None else finding.left_by.site):
        if site is not None:
            message = message.replace(str(site), f"{layout.path(site.file)}:{site.line}")
    return message


def subject(finding: Finding) -> str:
    """Name what a finding is about: how many, of which type, with which label."""
    resource = finding.resource
    label = f" '{clean(resource.label)}'" if resource.label else ""
    count = f"{finding.count} x " if finding.count > 1 else ""
    return f"{count}{clean(resource.type)}{label}"


def place(site: Site, layout: Layout) -> str:
    """Name a place: ``file:line in function``."""
    return f"{layout.path(site.file)}:{site.line} in {clean(site.function)}"


def _heading(finding: Finding, number: int) -> Line:
    style = STYLES[finding.certainty]
    return (
        (f"{number}. ", ""),
        (f"{finding.rule} {finding.name}", style),
        (f" ({finding.certainty.word}): ", ""),
        (subject(finding), "strong"),
    )


def _history(finding: Finding, pid: int, layout: Layout) -> list[Line]:
    rows: list[_Row] = []
    events: Sequence[Event] = finding.events
    if finding.site is not None and not any(event.event == ACQUIRED for event in events):
        rows.append(_row(ACQUIRED, finding.site, layout))
    left_out = len(events) - FIRST_EVENTS - LAST_EVENTS
    for index, event in enumerate(events):
        if left_out > 1 and FIRST_EVENTS <= index < FIRST_EVENTS + left_out:
            if index == FIRST_EVENTS:
                rows.append(_Row("", note=f"... {left_out} more events ..."))
            continue
        rows += _event_rows(event, finding, pid, layout)
    if finding.site is None and not any(row.place for row in rows):
        rows.append(_Row("", note="not located: at level sites or above the places are recorded"))
    return _aligned(rows, layout)


def _row(label: str, site: Site, layout: Layout) -> _Row:
    return _Row(label, place(site, layout), clean(code_of(site)))


def _event_rows(event: Event, finding: Finding, pid: int, layout: Layout) -> list[_Row]:
    frames = _frames(event, finding)
    if not frames:
        nobody = event.event == COLLECTED
        rows = [_Row(clean(event.event), note="(by the garbage collector)" if nobody else "(no place was recorded)")]
    else:
        rows = _frame_rows(clean(event.event), frames, layout)
    note = _where_it_ran(event, pid)
    return [*rows, _Row("", note=note)] if note else rows


def _frame_rows(label: str, frames: Sequence[Site], layout: Layout) -> list[_Row]:
    """Give a row for each frame, but one for a run of foreign frames before or between the others."""
    rows: list[_Row] = []
    between: list[Site] = []
    foreign = _foreign(frames)
    for index, site in enumerate(frames):
        if len(rows) >= MAX_FRAMES:
            rows.append(_more(len(frames) - index + len(between), "more"))
            return rows
        if index and foreign(site.file) and any(not foreign(later.file) for later in frames[index:]):
            between.append(site)
            continue
        rows += _folded(between, layout)
        between = []
        rows.append(_row("" if rows else label, site, layout))
    return rows


def _foreign(frames: Sequence[Site]) -> Callable[[str], bool]:
    """Tell which frames matter less: a library's; in an installed program, the standard library's."""
    return is_standard if all(is_library(site.file) for site in frames) else is_library


def _folded(between: list[Site], layout: Layout) -> list[_Row]:
    if len(between) < 2:
        return [_row("", site, layout) for site in between]
    return [_more(len(between), "library")]


def _more(count: int, kind: str) -> _Row:
    return _Row("", note=f"... {count} {kind} frame{'' if count == 1 else 's'}")


def _frames(event: Event, finding: Finding) -> Sequence[Site]:
    """Give the frames from the user's innermost one to the user's outermost; the rest is how libraries work."""
    stack = event.stack
    foreign = _foreign(stack)
    own = [index for index, site in enumerate(stack) if not foreign(site.file)]
    end = own[-1] + 1 if own else len(stack)
    if event.event == ACQUIRED and finding.site is not None:
        if finding.site not in stack:
            return (finding.site, *stack[:end])
        inner = stack.index(finding.site)
        return stack[inner : max(end, inner + 1)]
    return stack[own[0] if own else 0 : end]


def _where_it_ran(event: Event, pid: int) -> str:
    parts = []
    if event.thread is not None and event.thread != "MainThread":
        parts.append(f"thread {clean(event.thread)}")
    if event.task is not None:
        parts.append(f"task {clean(event.task)}")
    if event.pid != pid:
        parts.append(f"process {event.pid}")
    return f"in {', '.join(parts)}" if parts else ""


def _aligned(rows: list[_Row], layout: Layout) -> list[Line]:
    label = max((len(row.label) for row in rows), default=0)
    column = max((len(row.place) for row in rows if len(row.place) <= MAX_COLUMN), default=0)
    lines: list[Line] = []
    for row in rows:
        lead: tuple[Piece, ...] = ((f"{_INDENT}  ", ""), (row.label.ljust(label) + "  ", "event"))
        if row.note:
            lines.append((*lead, (row.note, "dim")))
            continue
        before = len(_INDENT) + 2 + label + 2
        room = layout.width - before - max(column, len(row.place)) - 2
        if not row.code or room >= min(24, len(row.code)):
            code = layout.cut(row.code, room)
            lines.append((*lead, (row.place, "place"), (" " * (column - len(row.place)) + "  ", ""), (code, "code")))
        else:  # too narrow beside the place: the source line goes below it
            lines.append((*lead, (row.place, "place")))
            lines.append(((" " * (before + 2), ""), (layout.cut(row.code, max(24, layout.width - before - 2)), "code")))
    return lines


def _circumstances(finding: Finding, layout: Layout) -> list[str]:
    texts = []
    named = [f"test {finding.test}"] if finding.test else []
    if finding.scope and finding.scope != finding.test:
        named.append(f"scope '{finding.scope}'")
    if finding.owner.kind not in {"process", "scope", "test"}:
        named.append(f"owner '{finding.owner.name}' ({finding.owner.kind})")
    if named:
        lead = "The first belongs to" if finding.count > 1 else "Belongs to"
        texts.append(f"{lead} {', '.join(named)}")
    for holder in finding.held_by[:MAX_HOLDERS]:
        verdict, path = getattr(holder, "verdict", ""), getattr(holder, "path", ())
        texts.append(f"Held by {verdict}: {' > '.join(map(str, path))}")
    if len(finding.held_by) > MAX_HOLDERS:
        texts.append(f"... and by {len(finding.held_by) - MAX_HOLDERS} more")
    for child in finding.children[:MAX_CHILDREN]:
        where = f" from {place(child.site, layout)}" if child.site is not None else ""
        texts.append(f"Child: {child.rule} {child.name}: {subject(child)}{where}")
    if len(finding.children) > MAX_CHILDREN:
        texts.append(f"... and {len(finding.children) - MAX_CHILDREN} more children")
    return texts
