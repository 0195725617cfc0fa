"""Leaks: the one pure question."""

from __future__ import annotations

from collections.abc import Iterable

from lifetrack.ledger.entries import EXTRA, KIND, SCOPE, Entry
from lifetrack.ledger.ledger import Ledger, leak_rule
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.ledger.rendering import finding_of, finding_of_case
from lifetrack.values.findings import Finding


def is_reported(entry: Entry) -> bool:
    """Whether an entry was reported as a leak already."""
    return entry[EXTRA] is not None and entry[EXTRA].reported is not None


def belongs_to(entry: Entry, place: Place) -> bool:
    """Whether a resource was acquired inside a place, at whatever depth."""
    return place in (entry[SCOPE] or PROCESS).lineage()


def ends_with_process(entry: Entry) -> bool:
    """Whether the resource lives, by its own design, until the process ends."""
    ends = entry[KIND].declaration.ends_with_process
    if ends is None or entry[EXTRA] is None or entry[EXTRA].reference is None:
        return False
    obj = entry[EXTRA].reference()
    return obj is not None and bool(ends(obj))


def live_findings(ledger: Ledger, entries: Iterable[Entry], rule: str) -> list[Finding]:
    """Render open entries as leaks: under ``rule``, or under their own if their acquire or release failed."""
    return [finding_of(ledger, entry, *leak_rule(entry, rule)) for entry in entries if not is_reported(entry)]


def leaks(ledger: Ledger, place: Place | None = None) -> list[Finding]:
    """Find every leak so far: what was filed, and what is live now; with ``place``, only what was acquired in it."""
    filed = [case for case in ledger.cases() if case.rule.startswith("LT1")]
    open_now = ledger.open_entries()
    rule = "LT101"
    if place is None:
        open_now = [entry for entry in open_now if not ends_with_process(entry)]
    else:
        filed = [case for case in filed if belongs_to(case.entry, place)]
        open_now = [entry for entry in open_now if belongs_to(entry, place)]
        rule = "LT103"
    found = [finding_of_case(ledger, case) for case in filed]
    return found + live_findings(ledger, open_now, rule)
