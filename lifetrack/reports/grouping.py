"""Grouping: findings that are the same bug become one with a count, worst first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from lifetrack.reports.stored import StoredFinding
from lifetrack.values.findings import Finding
from lifetrack.values.stacks import Site


def group(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge findings of the same fingerprint, site, rule and certainty, and sort them worst first.

    The first of each group stands for it, with the summed count. Allowed ones are kept apart, by reason, and come
    last. Grouping what is grouped already changes nothing.
    """
    # A fingerprint reads source lines, so it is made once for each cheap key, not once for each finding.
    keys: dict[Hashable, Hashable] = {}
    firsts: dict[Hashable, Finding] = {}
    counts: dict[Hashable, int] = {}
    for finding in findings:
        cheap = _cheap_key(finding)
        key = keys.get(cheap)
        if key is None:
            key = keys[cheap] = _key(finding)
        firsts.setdefault(key, finding)
        counts[key] = counts.get(key, 0) + finding.count
    merged = (
        first if first.count == counts[key] else replace(first, count=counts[key]) for key, first in firsts.items()
    )
    return tuple(sorted(merged, key=_badness))


def count_findings(findings: Iterable[Finding]) -> int:
    """How many resources these findings stand for, without the allowed ones."""
    return sum(finding.count for finding in findings if finding.allowed is None)


def _misuse_site(finding: Finding) -> Site | None:
    misuse = finding.misuse
    return misuse.stack[0] if misuse is not None and misuse.stack else None


def _cheap_key(finding: Finding) -> Hashable:
    stored = finding.stored_fingerprint if isinstance(finding, StoredFinding) else None
    return (
        finding.rule,
        finding.resource.type,
        finding.site,
        _misuse_site(finding),
        finding.certainty,
        finding.allowed,
        stored,
    )


def _key(finding: Finding) -> Hashable:
    site = finding.site
    place = None if site is None else (site.file, site.line)
    return (finding.fingerprint, place, finding.rule, finding.certainty, finding.allowed)


def _badness(finding: Finding) -> tuple[bool, int, bool, int, str, int, str, str, str]:
    """Sort key, worst first: certainty, misuse before leaks, count, then place and names for a stable order."""
    site = finding.site
    leaked = finding.is_leak or finding.rule.startswith("LT5")
    return (
        finding.allowed is not None,
        -finding.certainty.rank,
        leaked,
        -finding.count,
        site.file if site is not None else "",
        site.line if site is not None else 0,
        finding.rule,
        finding.resource.type,
        finding.allowed or "",
    )
