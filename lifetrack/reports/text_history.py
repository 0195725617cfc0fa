"""The history of a finding as lines of text: what happened, in order, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lifetrack.reports.layout import Layout, Line, Piece
from lifetrack.reports.paths import clean, code_of, is_library, is_standard
from lifetrack.values.events import (
    ACQUIRED,
    CHILD_ACQUIRED,
    COLLECTED,
    LEFT,
    PARENT_ACQUIRED,
    PARENT_RELEASED,
    Event,
)
from lifetrack.values.findings import Finding
from lifetrack.values.stacks import Site

MAX_FRAMES = 6
#: Of a long history the first and the last events are shown.
FIRST_EVENTS, LAST_EVENTS = 2, 4
#: A chain of parents, and what each of them went through, is shown whole up to this number of events.
MAX_CHAIN = 12
#: Locations longer than this do not push the source lines of the others to the right.
MAX_COLUMN = 56

INDENT = "   "
#: What the operating system told of.
_BY_SYSTEM = frozenset({"LT501", "LT502", "LT503"})
_NO_LEVEL = "at level sites or above the places are recorded"
_OF_OTHERS = frozenset({CHILD_ACQUIRED, PARENT_ACQUIRED, PARENT_RELEASED})


class _Row(NamedTuple):
    """One line of the history: its label, a place with its source line or what there is to say, or a note alone."""

    label: str
    place: str = ""
    code: str = ""
    detail: str = ""
    note: str = ""


def place(site: Site, layout: Layout) -> str:
    """Name a place: ``file:line in function``."""
    return f"{layout.path(site.file)}:{site.line} in {clean(site.function)}"


def history_lines(finding: Finding, pid: int, layout: Layout) -> list[Line]:
    """Give the lines of all events of a finding; those of another process than ``pid`` say so."""
    rows: list[_Row] = []
    events = _told(finding)
    if finding.site is not None and not any(event.event == ACQUIRED for event in events):
        rows.append(_row(ACQUIRED, finding.site, layout))
    first, last = FIRST_EVENTS, LAST_EVENTS
    if len(events) <= MAX_CHAIN and any(event.event in _OF_OTHERS for event in events):
        last = MAX_CHAIN
    left_out = len(events) - first - last
    for index, event in enumerate(events):
        if left_out > 1 and first <= index < first + left_out:
            if index == first:
                rows.append(_Row("", note=f"... {left_out} more events ..."))
            continue
        rows += _event_rows(event, finding, pid, layout)
    if finding.site is None and not any(row.place for row in rows):
        seen = (
            "no audit event told where"
            if finding.rule in _BY_SYSTEM
            else "at level sites or above the places are recorded"
        )
        rows.append(_Row("", note=f"not located: {seen}"))
    return _aligned(rows, layout)


def _told(finding: Finding) -> Sequence[Event]:
    """Give the events, with the exception that left the acquiring function where no event tells of it."""
    events, left_by = finding.events, finding.left_by
    if left_by is None or left_by.site is None or not finding.is_leak or any(event.event == LEFT for event in events):
        return events
    ended = len(events) - 1 if events and events[-1].event == COLLECTED else len(events)
    pid = events[0].pid if events else 0
    left = Event(LEFT, None, None, None, pid, (left_by.site,), f"by {left_by.error}")
    return (*events[:ended], left, *events[ended:])


def _label(event: Event) -> str:
    return clean(event.event.replace("-", " ") if event.event in _OF_OTHERS else event.event)


def _row(label: str, site: Site, layout: Layout) -> _Row:
    return _Row(label, place(site, layout), clean(code_of(site)))


def _event_rows(event: Event, finding: Finding, pid: int, layout: Layout) -> list[_Row]:
    frames, detail = _frames(event, finding), clean(event.detail or "")
    if frames:
        rows = _frame_rows(_label(event), frames, layout)
        rows[0] = rows[0]._replace(detail=detail)
    elif event.event == COLLECTED:
        rows = [_Row(_label(event), note="(by the garbage collector)")]
    else:
        rows = [_Row(_label(event), note=f"{detail} (no place was recorded)".lstrip())]
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
    before = len(INDENT) + 2 + label + 2
    lines: list[Line] = []
    for row in rows:
        lead: tuple[Piece, ...] = ((f"{INDENT}  ", ""), (row.label.ljust(label) + "  ", "event"))
        if row.note:
            lines.append((*lead, (row.note, "dim")))
            continue
        room = layout.width - before - max(column, len(row.place)) - 2
        # What there is to say stands in place of the source line, and is never cut.
        text, style, least = (row.detail, "strong", len(row.detail)) if row.detail else (row.code, "code", 24)
        if not text or room >= min(least, len(text)):
            gap = " " * (column - len(row.place)) + "  "
            lines.append((*lead, (row.place, "place"), (gap, ""), (layout.cut(text, room), style)))
        else:  # too narrow beside the place: it goes below
            lines.append((*lead, (row.place, "place")))
            below = text if row.detail else layout.cut(text, max(24, layout.width - before - 2))
            lines.append(((" " * (before + 2), ""), (below, style)))
    return lines
