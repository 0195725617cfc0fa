"""What a finding says beyond its history, as lines of text: what became of its siblings, and how to write it."""

from __future__ import annotations

from collections.abc import Iterator

from lifetrack.reports.layout import Layout, Line
from lifetrack.reports.paths import clean
from lifetrack.reports.text_history import INDENT, place
from lifetrack.values.findings import Finding
from lifetrack.values.siblings import CALLER, EXCEPTION, Parted, Siblings
from lifetrack.values.stacks import Site

#: How many places of release are named, and how many lines of a suggestion are shown.
MAX_PLACES, MAX_LINES = 3, 8


def sibling_lines(finding: Finding, layout: Layout) -> list[Line]:
    """Give the lines that tell how the others of the same site were released, and where this one parted."""
    if finding.siblings is None:
        return []
    text = f"Others: {_released(finding.siblings, layout)}"
    parted = finding.parted
    if parted is not None:
        which = "the first of these" if finding.count > 1 else "this one"
        text += f"; {which} {_way(parted, layout)}"
    return layout.wrapped(text, INDENT + "  ", "note", first=INDENT)


def _released(siblings: Siblings, layout: Layout) -> str:
    among = "" if siblings.exact else "of the first 10,000 of this type, "
    verb = "was" if siblings.released == 1 else "were"
    head = f"{among}{siblings.released:,} of {siblings.acquired:,} acquired here {verb} released"
    places = [each for each in siblings.places if each.site is not None]
    shown = places[:MAX_PLACES]
    if len(shown) == 1 and len(siblings.places) == 1:
        return f"{head} at {place(shown[0].site, layout)}" if shown[0].site is not None else head
    named = [f"{each.count:,} at {place(each.site, layout)}" for each in shown if each.site is not None]
    rest = siblings.released - sum(each.count for each in shown)
    return f"{head}: {', '.join([*named, *([f'{rest:,} elsewhere'] if rest else [])])}"


def _way(parted: Parted, layout: Layout) -> str:
    where = "" if parted.site is None else f" at {layout.path(parted.site.file)}:{parted.site.line}"
    if parted.how == EXCEPTION:
        return f"left by {clean(parted.detail)}{where}"
    if parted.how == CALLER:
        return f"was acquired for {_named(parted.site, layout)}, the others for {_named(parted.others, layout)}"
    return f"was handed to {clean(parted.detail)}{where}"


def _named(site: Site | None, layout: Layout) -> str:
    return "another caller" if site is None else place(site, layout)


def suggestion_lines(finding: Finding, layout: Layout) -> list[Line]:
    """Give the lines of the suggestion: where, what, and the code."""
    suggestion = finding.suggestion
    if suggestion is None:
        return []
    where = place(suggestion.site, layout)
    lines = layout.wrapped(f"Suggestion, {where}: {suggestion.text}", INDENT + "  ", "note", first=INDENT)
    for text in _code(suggestion.code):
        lines.append(((INDENT + "    ", ""), (layout.cut(clean(text), max(24, layout.width - 8)), "code")))
    return lines


def _code(code: str) -> Iterator[str]:
    lines = code.splitlines()
    yield from lines[:MAX_LINES]
    if len(lines) > MAX_LINES:
        yield f"... {len(lines) - MAX_LINES} more lines"
