"""The report as text: worst first, each finding with what to do and where, then totals; in colour where asked.

What tells findings is loaded with the first of them: most runs end with one line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lifetrack.reports.layout import BLANK, Layout, Line, Piece, columns, counted, middle_cut, plain
from lifetrack.reports.paths import clean, is_third_party
from lifetrack.reports.terminal import colored, print_report
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.holders import Search

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

__all__ = ["nothing_to_say", "one_line", "print_report", "render", "render_findings"]

MAX_GROUPS = 50
MAX_ALLOWED = 20
MAX_TYPES = 30
#: How long a name may be in the table of types.
MAX_TYPE = 72
MAX_LOST = 10
MAX_UNSEEN = 10
#: Seconds of looking for holders from which on a report in text tells of them; the JSON report always does.
NOTICED = 0.1
_LOST = "it was killed, left by os._exit, or had not ended when this report was made"
_ENDINGS = {
    "exception": "The program ended by an exception that nobody caught.",
    "signal": "The program was ended by a signal.",
    "lost": "The program was lost without a word: this is what was recorded until then.",
}


def nothing_to_say(report: Report) -> bool:
    """Whether one line is enough: no findings but allowed ones, and nothing that was dropped or missed."""
    tracker = report.tracker
    return tracker.complete and not tracker.dropped and all(finding.allowed is not None for finding in report.findings)


def one_line(report: Report) -> str:
    """Give the counts in one line, without a line break."""
    return "".join(text for text, _ in _heading(report))


def render(report: Report, *, color: bool = False, width: int | None = None) -> str:
    """Give the whole report; one line where there is nothing to say.

    ``width`` is in characters, 100 if None. ``color`` takes effect where the extra ``rich`` is installed.
    """
    lines = [_heading(report)]
    layout = Layout(width)
    if nothing_to_say(report):
        lines += _lasting(report, layout)
    else:
        if report.process.ending in _ENDINGS:
            lines += layout.wrapped(_ENDINGS[report.process.ending], "")
        for section in (
            *_findings(report, layout),
            _allowed(report, layout),
            _types(report),
            _processes(report, layout),
            _lasting(report, layout),
            _disclosed(report, layout),
        ):
            if section:
                lines += [BLANK, *section]
    return colored(lines) if color else plain(lines)


def render_findings(report: Report, *, color: bool = False, width: int | None = None) -> str:
    """Give the findings alone, without heading and totals; an empty text where there are none."""
    lines: list[Line] = []
    for section in _findings(report, Layout(width)):
        lines += [BLANK, *section] if lines else section
    if not lines:
        return ""
    return colored(lines) if color else plain(lines)


def _heading(report: Report) -> Line:
    found = [finding for finding in report.findings if finding.allowed is None]
    allowed = sum(finding.count for finding in report.findings if finding.allowed is not None)
    words, style = _found(found) if found else ("no findings", "good")
    if allowed:
        words += f", {allowed} allowed"
    totals = report.totals
    rest = f"; {totals.acquired} acquired, {totals.released} released"
    rest += f", {totals.live} live" if totals.live else ""
    if nothing_to_say(report):
        rest += f", {totals.untrackable} untrackable" if totals.untrackable else ""
        rest += f", {totals.unknown} from before" if totals.unknown else ""
    return (("lifetrack: ", "strong"), (words, style), (rest, ""))


def _found(found: Sequence[Finding]) -> Piece:
    """Say how many findings there are, in the style of the worst."""
    from lifetrack.reports.grouping import count_children, count_findings
    from lifetrack.reports.text_finding import STYLES

    total, children = count_findings(found), count_children(found)
    worst = Counter(dict.fromkeys(reversed(Certainty), 0))
    for finding in found:
        worst[finding.certainty] += finding.count
    kinds = ", ".join(f"{number} {certainty.word}" for certainty, number in worst.items() if number)
    places = f" at {counted(len(found), 'place')}" if len(found) != total else ""
    words = f"{counted(total, 'finding')}{places} ({kinds})"
    words += f" with {children} child{'' if children == 1 else 'ren'}" if children else ""
    return words, STYLES[max(finding.certainty for finding in found)]


#: What stands above the findings that nobody here has to mend now; your own come first, with nothing above them.
_PARTS = {1: "In installed packages ({}), without any code of yours:", 2: "Known, accepted by the baseline ({}):"}


def _part(finding: Finding) -> int:
    return 2 if finding.known else int(is_third_party(finding))


def _findings(report: Report, layout: Layout) -> list[list[Line]]:
    found = [finding for finding in report.findings if finding.allowed is None]
    if not found:
        return []
    from lifetrack.reports.grouping import count_findings
    from lifetrack.reports.text_finding import finding_lines

    found.sort(key=_part)  # which keeps the order within each part
    sections = [
        finding_lines(finding, number, report.process.pid, layout)
        for number, finding in enumerate(found[:MAX_GROUPS], 1)
    ]
    parts = Counter(map(_part, found))
    for part, words in _PARTS.items():
        first = sum(number for other, number in parts.items() if other < part)
        if parts[part] and first < MAX_GROUPS:
            sections[first].insert(0, ((words.format(counted(parts[part], "place")), "strong"),))
    rest = found[MAX_GROUPS:]
    if rest:
        more = f"... and {counted(len(rest), 'more place')} with {counted(count_findings(rest), 'finding')}"
        sections.append(layout.wrapped(f"{more}, left out here: the JSON report has them all.", "", "dim"))
    return sections


def _allowed(report: Report, layout: Layout) -> list[Line]:
    allowed = [finding for finding in report.findings if finding.allowed is not None]
    if not allowed:
        return []
    lines: list[Line] = [((f"Allowed ({sum(finding.count for finding in allowed)}):", "strong"),)]
    for finding in allowed[:MAX_ALLOWED]:
        lines += layout.wrapped(_allowed_text(finding, layout), "     ", "dim", first="   ")
    if len(allowed) > MAX_ALLOWED:
        lines.append(((f"   ... and {counted(len(allowed) - MAX_ALLOWED, 'more place')}", "dim"),))
    return lines


def _allowed_text(finding: Finding, layout: Layout) -> str:
    from lifetrack.reports.text_finding import place, subject

    where = f" from {place(finding.site, layout)}" if finding.site is not None else ""
    return f"{finding.rule} {finding.name}: {subject(finding)}{where}: {finding.allowed}"


def _types(report: Report) -> list[Line]:
    leaked = {finding.resource.type for finding in report.findings if finding.is_leak}
    rows = [row for row in report.types if row.live or row.type in leaked]
    if not rows:
        return []
    rows.sort(key=lambda row: (-row.live, row.type))
    names = {row.type: middle_cut(clean(row.type), MAX_TYPE) for row in rows[:MAX_TYPES]}
    table = columns(
        [
            ("type", "acquired", "released", "live"),
            *((names[row.type], str(row.acquired), str(row.released), str(row.live)) for row in rows[:MAX_TYPES]),
        ]
    )
    lines: list[Line] = [((text, "" if index else "strong"),) for index, text in enumerate(table)]
    if len(rows) > MAX_TYPES:
        lines.append(((f"... and {counted(len(rows) - MAX_TYPES, 'more type')}", "dim"),))
    if any(name != clean(type_name) for type_name, name in names.items()):
        lines.append((("Long names are cut in the middle here: the JSON report has them whole.", "dim"),))
    return lines


def _processes(report: Report, layout: Layout) -> list[Line]:
    """Tell how many processes it is about, and which of them left no report."""
    lost = [process for process in report.processes if process.ending == "lost"]
    if not report.processes:
        return []
    count = f"With {len(report.processes)} child process{'' if len(report.processes) == 1 else 'es'}"
    if lost:
        count += ", which was lost" if len(report.processes) == 1 else f", {len(lost)} of them lost"
    lines = layout.wrapped(f"{count}.", "")
    told = "; its journal has told what it did" if report.tracker.complete else ""
    for process in lost[:MAX_LOST]:
        text = f"Lost: process {process.pid} ({clean(process.title)}), child of {process.parent_pid}: {_LOST}{told}"
        lines += layout.wrapped(text, "  ", "dim", first="")
    if len(lost) > MAX_LOST:
        lines.append(((f"... and {len(lost) - MAX_LOST} more that were lost", "dim"),))
    return lines


def _lasting(report: Report, layout: Layout) -> list[Line]:
    """Tell what lives as long as the process by design: one line for each reason."""
    if not report.lasting:
        return []
    named: dict[tuple[str, str], list[str]] = {}
    for each in report.lasting:
        named.setdefault((each.kind, each.why), []).append(each.name)
    lines: list[Line] = [((f"Lives as long as the process ({len(report.lasting)}):", "strong"),)]
    for (kind, why), names in named.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        lines += layout.wrapped(f"{kind} {clean(names[0])}{more}: {clean(why)}", "     ", "dim", first="   ")
    return lines


def _search(search: Search | None, layout: Layout) -> list[Line]:
    """Tell what it took to find out who holds what, where anybody may have noticed, and what that left out."""
    parts = []
    if search is not None and search.seconds >= NOTICED:
        longest = f", {search.longest:.2g} s at the longest" if search.walks > 1 else ""
        parts.append(f"the program stood still for {search.seconds:.2g} s in all to find out who holds what{longest}")
    if search is not None and search.left_out:
        parts.append(f"of {counted(search.left_out, 'resource')} that was not asked")
    return layout.wrapped(f"Holders: {'; '.join(parts)}.", "", "dim") if parts else []


def _disclosed(report: Report, layout: Layout) -> list[Line]:
    totals, tracker = report.totals, report.tracker
    parts = []
    if tracker.dropped:
        parts.append(f"{counted(tracker.dropped, 'event')} dropped")
    if totals.untrackable:
        parts.append(f"{counted(totals.untrackable, 'object')} that could not be tracked")
    if totals.unknown:
        parts.append(f"{counted(totals.unknown, 'object')} from before tracking began")
    if not tracker.complete and any(process.ending == "lost" for process in report.processes):
        parts.append("what lost processes did")
    if not tracker.complete and not parts:
        parts.append("the record is incomplete")
    lines = layout.wrapped(f"Not seen: {', '.join(parts)}.", "", "dim") if parts else []
    lines += _search(tracker.search, layout)
    for each in tracker.unseen[:MAX_UNSEEN]:
        lines += layout.wrapped(f"{each.count} x {clean(each.type)}: {clean(each.why)}", "     ", "dim", first="   ")
    if len(tracker.unseen) > MAX_UNSEEN:
        lines.append(((f"   ... and {counted(len(tracker.unseen) - MAX_UNSEEN, 'more type')}", "dim"),))
    return lines
