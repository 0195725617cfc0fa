"""Leaks: the one pure question."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lifetrack.detect.families import Leak, fold, upper
from lifetrack.ledger.cases import leak_rule
from lifetrack.ledger.entries import EXTRA, KIND, OPEN_STATES, STATE, Entry, is_orphan, origin_of, place_of
from lifetrack.ledger.holds import ASKED, SCOPE_ENDS, is_in_use
from lifetrack.ledger.ledger import Ledger, is_reported
from lifetrack.ledger.places import Place
from lifetrack.ledger.rendering import finding_of, finding_of_case
from lifetrack.ledger.suspended import note_suspended
from lifetrack.values.findings import Finding, is_leak


def belongs_to(entry: Entry, place: Place) -> bool:
    """Whether a resource is owned inside a place, at whatever depth; one whose owner is gone, by where it came from."""
    if place in place_of(entry).lineage():
        return True
    return is_orphan(entry) and place in origin_of(entry).lineage()


def ends_with_process(entry: Entry) -> bool:
    """Whether the resource lives, by its own design or that of what it is a part of, until the process ends."""
    seen: set[int] = set()
    each: Entry | None = entry
    while each is not None and id(each) not in seen and (each is entry or each[STATE] in OPEN_STATES or _is_lent(each)):
        if each[STATE] in OPEN_STATES and (_is_lent(each) or _ends_with_process(each)):
            return not _is_lent(each)  # that a pool lasts as long as the process excuses no check-out
        seen.add(id(each))
        each = upper(each)
    return False


def _is_lent(entry: Entry) -> bool:
    return bool(entry[KIND].declaration.lent)


def _ends_with_process(entry: Entry) -> bool:
    ends = entry[KIND].declaration.ends_with_process
    if ends is None or entry[EXTRA] is None or entry[EXTRA].reference is None:
        return False
    obj = entry[EXTRA].reference()
    return obj is not None and bool(ends(obj))


def live_findings(ledger: Ledger, entries: Iterable[Entry], rule: str) -> list[Leak]:
    """Render open entries as leaks: under ``rule``, or under their own if their acquire or release failed."""
    return [(entry, finding_of(ledger, entry, *leak_rule(entry, rule))) for entry in entries if not is_reported(entry)]


def filed_findings(ledger: Ledger) -> list[Finding]:
    """Render everything that was filed: the leaks in families, then the misuses."""
    cases = ledger.cases.all()
    leaked = [(case.entry, finding_of_case(ledger, case)) for case in cases if is_leak(case.rule)]
    return fold(leaked) + misuses(ledger)


def misuses(ledger: Ledger) -> list[Finding]:
    """Render the misuses that were filed."""
    return [finding_of_case(ledger, case) for case in ledger.cases.all() if not is_leak(case.rule)]


def leaks(ledger: Ledger, place: Place | None, lasts: Callable[[Entry], bool]) -> list[Finding]:
    """Find every leak so far: what was filed, and what is live now; with ``place``, only what was acquired in it.

    What ``lasts`` as long as the process by design is none.
    """
    filed = [case for case in ledger.cases.all() if is_leak(case.rule)]
    open_now = [entry for entry in ledger.open_entries() if not lasts(entry)]
    rule = "LT101"
    if place is None:
        open_now = [entry for entry in open_now if not ends_with_process(entry) and not is_in_use(entry, ASKED)]
    else:
        filed = [case for case in filed if belongs_to(case.entry, place)]
        open_now = [entry for entry in open_now if belongs_to(entry, place) and not is_in_use(entry, SCOPE_ENDS)]
        rule = "LT103"
    note_suspended(ledger.entries, open_now)
    found = [(case.entry, finding_of_case(ledger, case)) for case in filed]
    return fold(found + live_findings(ledger, open_now, rule))
