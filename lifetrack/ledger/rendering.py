"""From raw to readable: entries and cases become findings, only when somebody wants to see them."""

from __future__ import annotations

from lifetrack.ledger.capture import Trace, render, site_in, unpack
from lifetrack.ledger.entries import (
    EXTRA,
    KIND,
    MOMENT,
    RELEASE_MOMENT,
    RELEASED,
    SCOPE,
    STATE,
    STATE_WORDS,
    UNOPENED,
    Entry,
    acquire_stack,
    release_stack,
)
from lifetrack.ledger.ledger import Case, Ledger
from lifetrack.ledger.messages import sentence
from lifetrack.ledger.moment import Moment
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.values import events as words
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.records import Record
from lifetrack.values.stacks import RawStack


def _event(ledger: Ledger, word: str, stack: RawStack, moment: Moment | None) -> Event:
    time, who, task = moment if moment is not None else (None, None, None)
    return Event(
        word,
        None if time is None else round(time - ledger.started, 6),
        None if who is None else who.name,
        task,
        ledger.pid,
        render(stack),
    )


def events_of(ledger: Ledger, entry: Entry, use: tuple[str, Trace | None, Moment | None] | None = None) -> list[Event]:
    """Give the events of a resource in order, the one that broke a rule last."""
    first = words.CREATED if entry[STATE] == UNOPENED else words.ACQUIRED
    found = [_event(ledger, first, acquire_stack(entry), entry[MOMENT])]
    if entry[STATE] == UNOPENED and not found[0].stack:
        found.clear()  # a stranger, of whom nothing is known
    if entry[EXTRA] is not None:
        uses = [*entry[EXTRA].first_uses, *entry[EXTRA].last_uses]
        found += [_event(ledger, words.USED, unpack(trace, None), moment) for trace, moment in uses]
        found += [_event(ledger, word, unpack(trace, None), moment) for word, trace, moment in entry[EXTRA].events]
    if entry[STATE] == RELEASED and (stack := release_stack(entry)):
        found.append(_event(ledger, words.RELEASED, stack, entry[RELEASE_MOMENT]))
    if all(event.time is not None for event in found):
        found.sort(key=lambda event: event.time or 0.0)
    if use is not None:
        found.append(_event(ledger, use[0], unpack(use[1], None), use[2]))
    return found


def _place_words(place: Place) -> tuple[OwnerName, str | None, str | None]:
    owner = place.owner()
    scope = None if owner is PROCESS else owner.name
    test = next((item.name for item in place.lineage() if item.kind == "test"), None)
    return OwnerName(owner.name, owner.kind), scope, test


def finding_of(ledger: Ledger, entry: Entry, rule: str, certainty: Certainty, case: Case | None = None) -> Finding:
    """Render an entry as a finding under ``rule``."""
    kind, extra = entry[KIND], entry[EXTRA]
    declaration = kind.declaration
    label = None if declaration.secret else (extra.label if extra is not None else None) or declaration.label
    place: Place = entry[SCOPE] or PROCESS
    owner, scope, test = _place_words(place)
    site = site_in(acquire_stack(entry))
    subject = kind.type_name if label is None else f"{kind.type_name} '{label}'"
    ended = f"{owner.kind} '{owner.name}'"
    error = (extra.error if extra is not None else None) or "an exception"
    events = events_of(ledger, entry, None if case is None else case.use)
    return Finding(
        rule=rule,
        certainty=certainty,
        message=sentence(rule, subject, declaration, site, ended, error),
        resource=Resource(ledger.serial_of(entry), kind.type_name, label),
        site=site,
        events=tuple(events),
        owner=owner,
        scope=scope,
        test=test,
        count=1 if case is None else case.count,
        allowed=place.allowed(),
        hint=declaration.hint,
    )


def record_of(ledger: Ledger, entry: Entry) -> Record:
    """Render what is known of one resource."""
    kind, extra = entry[KIND], entry[EXTRA]
    label = None if kind.declaration.secret else (extra.label if extra is not None else None) or kind.declaration.label
    return Record(
        Resource(ledger.serial_of(entry), kind.type_name, label),
        STATE_WORDS[entry[STATE]],
        site_in(acquire_stack(entry)),
        _place_words(entry[SCOPE] or PROCESS)[0],
        tuple(events_of(ledger, entry)),
    )


def finding_of_case(ledger: Ledger, case: Case) -> Finding:
    """Render a case once; later callers are given the same finding."""
    if case.finding is None:
        case.finding = finding_of(ledger, case.entry, case.rule, case.certainty, case)
    return case.finding
