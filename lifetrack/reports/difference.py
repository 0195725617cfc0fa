"""What has changed between two reports: which findings are new, gone, grown or shrunk, and what more is live."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lifetrack.reports.json_form import finding_dict
from lifetrack.reports.layout import BLANK, Layout, Line, columns, counted, middle_cut, plain
from lifetrack.reports.paths import clean
from lifetrack.reports.text_finding import place, subject
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.making import dataclass

if TYPE_CHECKING:
    from lifetrack.reports.model import Report

FORMAT, VERSION = "lifetrack-diff", 1
#: Which of these a leak becomes depends on when the collector runs and the process ends.
_TIMING = {"LT101": "LT101", "LT102": "LT101", "LT103": "LT101", "LT104": "LT101"}
MAX_SHOWN = 50
#: The level at which no finding has a place.
PLACELESS = "counts"


@dataclass(frozen=True, slots=True)
class Change:
    """One finding with how many resources it stood for before and stands for now; ``finding`` is the newer one."""

    finding: Finding
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class TypeChange:
    """One type with how many resources of it were live before and are live now."""

    type: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What has changed from one report to another; allowed findings are left out and counted."""

    new: tuple[Change, ...]
    grown: tuple[Change, ...]
    shrunk: tuple[Change, ...]
    gone: tuple[Change, ...]
    same: int
    allowed: int
    types: tuple[TypeChange, ...]
    #: Whether one of the two has no places, so that rules and types are all that both know.
    by_type: bool = False

    def is_worse(self, least: Certainty | None) -> bool:
        """Whether a finding at or above ``least`` is new or has grown; never for None."""
        return least is not None and any(each.finding.certainty >= least for each in (*self.new, *self.grown))

    def to_text(self) -> str:
        """Give the difference for people to read."""
        return plain(_lines(self))

    def as_dict(self) -> dict[str, Any]:
        """Give the difference as JSON objects."""
        changes = {name: list(map(_change, getattr(self, name))) for name in ("new", "grown", "shrunk", "gone")}
        types = [{"type": each.type, "live_before": each.before, "live_now": each.now} for each in self.types]
        counts = {"same": self.same, "allowed": self.allowed}
        by = "type" if self.by_type else "fingerprint"
        return {"format": FORMAT, "version": VERSION, "compared_by": by, **changes, **counts, "types": types}


def difference(old: Report, new: Report) -> Difference:
    """Compare two reports, by fingerprints: lines may have moved, and the processes may be others.

    Where just one was recorded at level ``counts``, which has no places, rules and types are compared.
    """
    by_type = (old.level == PLACELESS) != (new.level == PLACELESS)
    key_of = _rule_and_type if by_type else _bug
    before, now = _by_bug(old.findings, key_of), _by_bug(new.findings, key_of)
    changes = [
        Change((now.get(key) or before[key])[0], _count(before.get(key, ())), _count(now.get(key, ())))
        for key in dict.fromkeys([*now, *before])
    ]
    return Difference(
        new=tuple(each for each in changes if not each.before),
        grown=tuple(each for each in changes if 0 < each.before < each.now),
        shrunk=tuple(each for each in changes if each.before > each.now > 0),
        gone=tuple(each for each in changes if not each.now),
        same=sum(each.before == each.now for each in changes),
        allowed=sum(finding.allowed is not None for finding in (*old.findings, *new.findings)),
        types=tuple(_types(old, new)),
        by_type=by_type,
    )


def _by_bug(findings: Iterable[Finding], key_of: Callable[[Finding], str]) -> dict[str, list[Finding]]:
    """Put together what is the same bug: at several places, in several certainties, noticed now so, now so."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.allowed is None:
            found.setdefault(key_of(finding), []).append(finding)
    return found


def _rule_and_type(finding: Finding) -> str:
    return f"{_TIMING.get(finding.rule, finding.rule)} {finding.resource.type}"


def _bug(finding: Finding) -> str:
    """Give the fingerprint, which for a leak is the same whenever it was noticed."""
    rule = _TIMING.get(finding.rule, finding.rule)
    stored = finding.fingerprint
    # A stored one was perhaps made by another version, in another way: then it cannot be made anew for another rule.
    if rule == finding.rule or _made(finding) != stored:
        return stored
    return _made(replace(finding, rule=rule))


def _made(finding: Finding) -> str:
    return str(Finding.fingerprint.__get__(finding))


def _count(findings: Iterable[Finding]) -> int:
    return sum(finding.count for finding in findings)


def _types(old: Report, new: Report) -> Iterable[TypeChange]:
    before, now = ({row.type: row.live for row in report.types} for report in (old, new))
    for name in sorted({*before, *now}):
        if before.get(name, 0) != now.get(name, 0):
            yield TypeChange(name, before.get(name, 0), now.get(name, 0))


def _change(change: Change) -> dict[str, Any]:
    return {"before": change.before, "now": change.now, "finding": finding_dict(change.finding)}


_BY_TYPE = (
    f"Compared by rule and type alone, because one of the two was recorded at level {PLACELESS}, which knows no places."
)
_SECTIONS = (("new", "New"), ("grown", "Grown"), ("shrunk", "Shrunk"), ("gone", "Gone"))


def _lines(found: Difference) -> list[Line]:
    layout = Layout(None)
    counts = ", ".join(f"{len(getattr(found, name))} {name}" for name, _ in _SECTIONS)
    lines: list[Line] = [((f"lifetrack: {counts}, {found.same} the same", ""),)]
    if found.by_type:
        lines += [BLANK, *layout.wrapped(_BY_TYPE, "")]
    for name, title in _SECTIONS:
        changes: tuple[Change, ...] = getattr(found, name)
        if changes:
            lines += [BLANK, ((f"{title}:", ""),)]
        for change in changes[:MAX_SHOWN]:
            lines += _change_lines(change, layout, told=name in {"new", "grown"})
        if len(changes) > MAX_SHOWN:
            lines.append(((f"   ... and {len(changes) - MAX_SHOWN} more; --format json has them all", ""),))
    if found.types:
        rows: list[tuple[str, ...]] = [("type", "live before", "live now")]
        rows += [
            (middle_cut(clean(each.type), 80), str(each.before), str(each.now)) for each in found.types[:MAX_SHOWN]
        ]
        lines += [BLANK, *(((row, ""),) for row in columns(rows))]
    if len(found.types) > MAX_SHOWN:
        lines.append(((f"... and {counted(len(found.types) - MAX_SHOWN, 'more type')}", ""),))
    if found.allowed:
        lines += [BLANK, ((f"Left out: {counted(found.allowed, 'allowed finding')}.", ""),)]
    return lines


def _change_lines(change: Change, layout: Layout, *, told: bool) -> list[Line]:
    finding = change.finding
    where = "" if finding.site is None else f" from {place(finding.site, layout)}"
    counts = f": {change.before} before, {change.now} now" if change.before and change.now else ""
    head = f"{finding.rule} {finding.name} ({finding.certainty.word}): {subject(finding)}{where}{counts}"
    lines = layout.wrapped(head, "     ", first="   ")
    return lines + layout.wrapped(finding.message, "     ") if told else lines
