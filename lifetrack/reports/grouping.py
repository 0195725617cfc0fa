"""Grouping: findings that are the same bug become one with a count, worst first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from lifetrack.reports.stored import StoredFinding
from lifetrack.values.findings import Finding
from lifetrack.values.holders import Holder
from lifetrack.values.stacks import Site

#: How many ways to the resources of one group are told.
MOST_HOLDERS = 8


def group(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge findings of the same fingerprint, places, rule and certainty, and sort them worst first.

    The first of each group stands for it, with the summed count and the children of all of them, grouped in the same
    way. Allowed ones are kept apart, by reason, and come last. Grouping what is grouped already changes nothing.
    """
    # A fingerprint reads source lines, so it is made once for each cheap key, not once for each finding.
    keys: dict[Hashable, Hashable] = {}
    same: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        cheap = _cheap_key(finding)
        key = keys.get(cheap)
        if key is None:
            key = keys[cheap] = _key(finding)
        same.setdefault(key, []).append(finding)
    return tuple(sorted(map(_merged, same.values()), key=_badness))


def _merged(same: Sequence[Finding]) -> Finding:
    first, count = same[0], sum(finding.count for finding in same)
    children = tuple(child for finding in same for child in finding.children)
    if children:
        children = group(children)
    processes = tuple(dict.fromkeys(process for finding in same for process in finding.processes))
    held_by = _holders(same)
    if (first.count, first.children, first.processes, first.held_by) == (count, children, processes, held_by):
        return first
    return replace(first, count=count, children=children, processes=processes, held_by=held_by)


def _holders(same: Sequence[Finding]) -> tuple[Holder, ...]:
    """Give the holders of all of them: each way once, wherever in a container."""
    if len(same) == 1:
        return same[0].held_by
    found: dict[Hashable, Holder] = {}
    for holder in (holder for finding in same for holder in finding.held_by):
        if len(found) == MOST_HOLDERS:
            break
        kind = tuple("[]" if part.startswith("[") else part for part in holder.path)
        found.setdefault((holder.verdict, kind), holder)
    return tuple(found.values())


def count_findings(findings: Iterable[Finding]) -> int:
    """How many resources these findings stand for, without the allowed ones."""
    return sum(finding.count for finding in findings if finding.allowed is None)


def count_children(findings: Iterable[Finding]) -> int:
    """How many resources stand below these findings, at any depth."""
    return sum(child.count + count_children((child,)) for finding in findings for child in finding.children)


def _misuse_site(finding: Finding) -> Site | None:
    misuse = finding.misuse
    return misuse.stack[0] if misuse is not None and misuse.stack else None


def _cheap_key(finding: Finding) -> Hashable:
    stored = finding.stored_fingerprint if isinstance(finding, StoredFinding) else None
    return (
        finding.rule,
        finding.resource.type,
        finding.site,
        finding.duty_site,
        _misuse_site(finding),
        finding.certainty,
        finding.allowed,
        _name_by_system(finding),
        stored,
    )


def _key(finding: Finding) -> Hashable:
    places = tuple(None if site is None else (site.file, site.line) for site in (finding.site, finding.duty_site))
    return (finding.fingerprint, places, finding.rule, finding.certainty, finding.allowed, _name_by_system(finding))


def _name_by_system(finding: Finding) -> str | None:
    """Give the name of what has no site: it is all that tells two of these apart."""
    return finding.resource.label if finding.site is None and finding.rule.startswith("LT5") else None


def _badness(finding: Finding) -> tuple[bool, int, bool, int, str, int, str, str, str]:
    """Sort key, worst first: certainty, misuse before leaks, count, then place and names for a stable order."""
    site = finding.site
    return (
        finding.allowed is not None,
        -finding.certainty.rank,
        finding.is_leak,
        -finding.count,
        site.file if site is not None else "",
        site.line if site is not None else 0,
        finding.rule,
        finding.resource.type,
        finding.allowed or "",
    )
