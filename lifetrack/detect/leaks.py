"""Leaks: the one pure question."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from lifetrack.detect.alike import alike
from lifetrack.detect.families import Leak, fold, upper
from lifetrack.ledger.capture import users_frames
from lifetrack.ledger.cases import leak_rule
from lifetrack.ledger.entries import (
    EXTRA,
    KIND,
    MOMENT,
    OFFSET,
    OPEN_STATES,
    SCOPE,
    STATE,
    TRACE,
    Entry,
    is_orphan,
    origin_of,
    place_of,
)
from lifetrack.ledger.holds import ASKED, SCOPE_ENDS, is_in_use
from lifetrack.ledger.ledger import Ledger, is_reported
from lifetrack.ledger.places import Place
from lifetrack.ledger.rendering import finding_of, finding_of_case
from lifetrack.ledger.suspended import note_suspended
from lifetrack.values.each_thread import name_of
from lifetrack.values.findings import Certainty, Finding, is_leak


def belongs_to(entry: Entry, place: Place) -> bool:
    """Whether a resource is owned inside a place, at whatever depth; one whose owner is gone, by where it came from."""
    if place in place_of(entry).lineage():
        return True
    return is_orphan(entry) and place in origin_of(entry).lineage()


def ends_with_process(entry: Entry) -> bool:
    """Whether the resource lives, by its own design or that of what it is a part of, until the process ends."""
    if entry[EXTRA] is None and entry[SCOPE] is None:  # it is a part of nothing, and nothing is known of its object
        return False
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


def is_in_daemon(entry: Entry) -> bool:
    """Whether a library is at work on it in a daemon thread, which the end of the process stops wherever it is."""
    who = entry[MOMENT][1] if entry[MOMENT] is not None else None
    if who is None or next(users_frames(entry[TRACE], entry[OFFSET]), None) is not None:
        return False
    active: dict[int, threading.Thread] = getattr(threading, "_active", {})
    thread = active.get(who.ident)
    return thread is not None and thread.daemon and name_of(thread) == who.name


def live_findings(
    ledger: Ledger, entries: Iterable[Entry], rule: str, told: dict[str, str] | None = None
) -> list[Leak]:
    """Render open entries as leaks: under ``rule``, or under their own if their acquire or release failed.

    With ``told``, which says that they are only live by now, those under ``rule`` are mere hints.
    """
    return [(entry, _live_finding(ledger, entry, rule, told)) for entry in entries if not is_reported(entry)]


def _live_finding(ledger: Ledger, entry: Entry, rule: str, told: dict[str, str] | None) -> Finding:
    own, certainty = leak_rule(entry, rule)
    return finding_of(ledger, entry, own, Certainty.HINT if told and own == rule else certainty, told=told)


def filed_findings(ledger: Ledger) -> list[Finding]:
    """Render everything that was filed: the leaks in families, then the misuses."""
    cases = ledger.cases.all()
    leaked = [(case.entry, finding_of_case(ledger, case)) for case in cases if is_leak(case.rule)]
    return fold(leaked) + misuses(ledger)


def misuses(ledger: Ledger) -> list[Finding]:
    """Render the misuses that were filed."""
    return [finding_of_case(ledger, case) for case in ledger.cases.all() if not is_leak(case.rule)]


def leaks(
    ledger: Ledger,
    place: Place | None,
    lasts: Callable[[Entry], bool],
    told: dict[str, str] | None = None,
    *,
    counting: bool = False,
) -> list[Finding]:
    """Find every leak so far: what was filed, and what is live now; with ``place``, only what was acquired in it.

    What ``lasts`` as long as the process by design is none. ``told`` is what the sentences of what is live name; with
    it they are mere hints. If ``counting``, those that nothing tells apart are one finding with a count.
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
    if counting:
        return fold(found + _counted(ledger, open_now, rule, told))
    return fold(found + live_findings(ledger, open_now, rule, told))


def _counted(ledger: Ledger, entries: Iterable[Entry], rule: str, told: dict[str, str] | None) -> list[Leak]:
    """Render open entries as leaks, one for all that are alike."""
    unfiled = [entry for entry in entries if not is_reported(entry)]
    found = []
    for entry, count in alike(ledger, unfiled):
        finding = _live_finding(ledger, entry, rule, told)
        found.append((entry, finding if count == 1 else replace(finding, count=count)))
    return found
