"""Grouping: findings that are the same bug become one with a count, worst first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from lifetrack.reports.paths import is_third_party
from lifetrack.reports.stored import StoredFinding
from lifetrack.values import portable as _portable  # noqa: F401 - for fingerprints, loaded with the reporting
from lifetrack.values.findings import Finding, is_leak
from lifetrack.values.holders import Holder
from lifetrack.values.rules import RULES
from lifetrack.values.siblings import Siblings, summed
from lifetrack.values.stacks import Site

#: How many ways to the resources of one group are told.
MOST_HOLDERS = 8


def group(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Merge findings of the same fingerprint, places, rule and certainty, and sort them worst first.

    The first of each group stands for it, with the summed count and the children of all of them, grouped in the same
    way. Allowed ones are kept apart, by reason, and come last. Grouping what is grouped already changes nothing.
    """
    # A fingerprint reads source lines, so it is made once for each cheap key, not once for each finding.
    members: dict[Hashable, list[Finding]] = {}
    same: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        cheap = _cheap_key(finding)
        found = members.get(cheap)
        if found is None:
            found = members[cheap] = same.setdefault(_key(finding), [])
        found.append(finding)
    return tuple(sorted(map(_merged, same.values()), key=_badness))


#: The rules of leaks.
_LEAKS = frozenset(rule for rule in RULES if is_leak(rule))


def _merged(same: Sequence[Finding]) -> Finding:
    first = same[0]
    if len(same) == 1 and not first.children:
        return first
    count, processes = 0, dict.fromkeys(first.processes)
    below: list[Finding] = []
    siblings: dict[int, Siblings] = {}
    for finding in same:
        count += finding.count
        if finding.children:
            below += finding.children
        if finding.processes:
            processes |= dict.fromkeys(finding.processes)
        if finding.siblings is not None:
            siblings[id(finding.siblings)] = finding.siblings
    changes = {
        "count": count,
        "children": group(below) if below else (),
        "processes": tuple(processes),
        "held_by": _holders(same),
        # Those of one process share what they know of their siblings; each process has siblings of its own.
        "siblings": summed(siblings.values()) if len(siblings) > 1 else first.siblings,
    }
    if all(getattr(first, name) == value for name, value in changes.items()):
        return first
    return replace(first, **changes)  # type: ignore[arg-type]


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
    """Give what makes two findings surely the same. A million may be asked, so it makes no more than a tuple."""
    events, site, duty, misuse = finding.events, finding.site, None, None
    if finding.rule not in _LEAKS:
        misuse = _misuse_site(finding)
    elif len(events) > 1:  # the first is the acquisition
        duty = finding.duty_site
    stored = finding.stored_fingerprint if isinstance(finding, StoredFinding) else None
    return (
        finding.rule,
        finding.resource.type,
        finding.certainty.value,
        finding.allowed,
        None if site is None else (site.file, site.line, site.function),
        None if duty is None else (duty.file, duty.line, duty.function),
        None if misuse is None else (misuse.file, misuse.line, misuse.function),
        stored,
        None if site is not None else _name_by_system(finding),
    )


def _key(finding: Finding) -> Hashable:
    places = tuple(None if site is None else (site.file, site.line) for site in (finding.site, finding.duty_site))
    return (finding.fingerprint, places, finding.rule, finding.certainty, finding.allowed, _name_by_system(finding))


def _name_by_system(finding: Finding) -> str | None:
    """Give the name of what has no site: it is all that tells two of these apart."""
    return finding.resource.label if finding.site is None and finding.rule.startswith("LT5") else None


def _badness(finding: Finding) -> tuple[bool, bool, bool, int, bool, int, str, int, str, str, str]:
    """Sort key, worst first: certainty, misuse before leaks, count, then place and names for a stable order.

    What is not the reader's to mend now comes last: what a package acquired, what a baseline accepts, what was allowed.
    """
    site = finding.site
    return (
        finding.allowed is not None,
        finding.known,
        is_third_party(finding),
        -finding.certainty.rank,
        finding.is_leak,
        -finding.count,
        site.file if site is not None else "",
        site.line if site is not None else 0,
        finding.rule,
        finding.resource.type,
        finding.allowed or "",
    )
