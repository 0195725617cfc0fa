"""What became of the siblings of a leak: the other resources that the same site acquired, and where it parted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from lifetrack.ledger.departures import COUNTED, Departures, Key, Ways, counts, key_of, origin_of
from lifetrack.ledger.entries import KIND, OPEN_STATES, RELEASED, STATE, Entry
from lifetrack.ledger.ledger import Ledger, is_reported
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values.events import ACQUIRED, TRANSFERRED
from lifetrack.values.findings import Finding, is_leak
from lifetrack.values.siblings import CALLER, EXCEPTION, TRANSFER, Parted, ReleasedAt, Siblings
from lifetrack.values.stacks import RawFrame, Site, site_of

_Named = tuple[str, Site]
#: What is told of a resource before it has ended: it is counted by what becomes of it.
_MEANWHILE = frozenset({"LT107", "LT108", "LT109"})


def with_siblings(ledger: Ledger, findings: Iterable[Finding]) -> list[Finding]:
    """Add to leaks what became of their siblings, wherever any of those was released."""
    findings = list(findings)
    if not any(_counts(finding) for finding in findings):
        return findings
    family = _Family(ledger)
    return [family.told(finding) for finding in findings]


def _counts(finding: Finding) -> bool:
    return finding.is_leak and finding.site is not None


class _Family:
    """What is known of the siblings of all sites, by type and site as findings name them."""

    def __init__(self, ledger: Ledger) -> None:
        account, left = _counted(ledger)
        self._ways: dict[_Named, list[Ways]] = {}
        self._left: Counter[_Named] = Counter()
        for key, ways in account.sites.copy().items():
            name = key[0], site_of(ways.site)
            self._ways.setdefault(name, []).append(ways)
            self._left[name] += left[key]
        #: How many of each type were acquired.
        self._acquired = Counter[str]()
        for kind in ledger.kinds:
            self._acquired[kind.type_name] = max(self._acquired[kind.type_name], kind.acquired)
        self._known: dict[_Named, Siblings] = {}

    def told(self, finding: Finding) -> Finding:
        """Give a finding with what became of its siblings, and so its children."""
        children = tuple(self.told(child) for child in finding.children)
        if children != finding.children:
            finding = replace(finding, children=children)
        if not _counts(finding) or finding.site is None:
            return finding
        name = finding.resource.type, finding.site
        if name not in self._ways:
            return finding
        siblings = self._known.get(name)
        if siblings is None:
            exact = self._acquired[name[0]] <= COUNTED
            siblings = self._known[name] = _siblings(self._ways[name], self._left[name], exact=exact)
        return replace(finding, siblings=siblings, parted=_parted(finding, self._ways[name]))


def _counted(ledger: Ledger) -> tuple[Departures, Counter[Key]]:
    """Count what was released, also of objects that are still there, and what was not: live or leaked."""
    left = Counter[Key]()
    entries = ledger.snapshot()
    # What is watched was counted when it was released.
    present = [entry for entry in entries if entry[STATE] == RELEASED and not entry[KIND].declaration.watched]
    departures = ledger.departures.settle()
    account = _with(departures, present) if present else departures
    if account.sites:
        for entry in entries:
            if entry[STATE] in OPEN_STATES and not is_reported(entry):
                _count(left, entry)
        for case in ledger.cases.all():
            if is_leak(case.rule) and case.rule not in _MEANWHILE:
                _count(left, case.entry, case.count)
    return account, left


def _with(departures: Departures, present: Iterable[Entry]) -> Departures:
    """Give an account with those, too, whose objects are still there; they are counted for good when they go."""
    account = departures.copy()
    for entry in present:
        account.tally(entry)
    return account


def _count(left: Counter[Key], entry: Entry, number: int = 1) -> None:
    site, _ = origin_of(entry)
    if site is not None and counts(entry):
        left[key_of(entry, site)] += number


def _siblings(ways: Iterable[Ways], left: int, *, exact: bool) -> Siblings:
    counts: Counter[Site | None] = Counter()
    for way in (way for each in ways for way in each.all()):
        counts[None if way.place is None else site_of(way.place)] += way.released
    places = sorted(counts.items(), key=lambda item: (item[0] is None, -item[1], str(item[0])))
    released = sum(counts.values())
    return Siblings(released + left, released, tuple(ReleasedAt(*each) for each in places), exact)


def _parted(finding: Finding, ways: Iterable[Ways]) -> Parted | None:
    if finding.left_by is not None:
        return Parted(EXCEPTION, finding.left_by.error, finding.left_by.site)
    gone = [way for each in ways for way in each.all()]
    if finding.duty_site is not None and not any(way.moved for way in gone):
        to = next(event.detail for event in reversed(finding.events) if event.event == TRANSFERRED)
        return Parted(TRANSFER, (to or "").removeprefix("to "), finding.duty_site)
    caller = _caller_of(finding)
    if caller is None or any(way.callers is None for way in gone):
        return None
    others = Counter[RawFrame]()
    for way in gone:
        others.update(dict.fromkeys((way.callers or {}).values(), way.released))
    known = {site_of(frame): number for frame, number in others.items()}
    if not known or caller in known:
        return None
    return Parted(CALLER, caller.function, caller, max(known, key=lambda site: (known[site], str(site))))


def _caller_of(finding: Finding) -> Site | None:
    """Give the user's next frame above the site of a finding."""
    acquired = next((event for event in finding.events if event.event == ACQUIRED), None)
    own = [] if acquired is None else [site for site in acquired.stack if FILES[site.file] == USER]
    return own[1] if len(own) > 1 and own[0] == finding.site else None
