"""Lifetimes: resources in time, with their owners, as charts show them; a fair choice where there are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest

from lifetrack.ledger.capture import site_in
from lifetrack.ledger.cases import notes_of, origin_of_trace
from lifetrack.ledger.entries import (
    COLLECTED,
    EXTRA,
    KIND,
    MOMENT,
    OFFSET,
    OPEN_STATES,
    RELEASE_MOMENT,
    RELEASED,
    SCOPE,
    STATE,
    STATE_WORDS,
    TRACE,
    Entry,
    acquire_stack,
    origin_of,
)
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import Place
from lifetrack.ledger.rendering import label_of, owner_name
from lifetrack.values.events import TRANSFERRED
from lifetrack.values.findings import Resource, is_leak
from lifetrack.values.records import NO_LIFETIMES, Lifetime, Lifetimes, Tenure

#: How many a report tells, and how many of the oldest and of the newest records are looked at for them.
SHOWN, LOOKED_AT = 250, 20_000
_TOLD = OPEN_STATES | {RELEASED, COLLECTED}


def lifetimes_of(ledger: Ledger) -> Lifetimes:
    """Give lifetimes of what was reported, is open, or is released and still referenced; none without times.

    Where there are too many, each kind at each place has its turn before any has a second one.
    """
    entries = ledger.snapshot()
    left_out = max(0, len(entries) - 2 * LOOKED_AT)
    if left_out:
        entries = entries[:LOOKED_AT] + entries[-LOOKED_AT:]
    groups: dict[tuple[object, ...], list[Entry]] = {}
    seen: set[int] = set()
    cases = ledger.cases.all()
    rules = {_itself(case.entry): case.rule for case in cases if is_leak(case.rule)}
    # What was filed may be gone since; of what is there the entry tells more than the copy that was filed.
    for entry in (*entries, *(case.entry for case in cases)):
        if entry[MOMENT] is not None and entry[STATE] in _TOLD and _itself(entry) not in seen:
            seen.add(_itself(entry))
            groups.setdefault(_group(entry), []).append(entry)
    if not groups:
        return NO_LIFETIMES
    chosen = list(islice(_in_turn(groups.values()), SHOWN))
    shown = [_lifetime(ledger, entry, rules.get(_itself(entry))) for entry in chosen]
    left_out += sum(map(len, groups.values())) - len(shown)
    return Lifetimes(tuple(sorted(shown, key=lambda each: each.since)), left_out)


def _itself(entry: Entry) -> int:
    """Tell resources apart: the copy of an entry in a case has the same extra part."""
    return id(entry if entry[EXTRA] is None else entry[EXTRA])


def _group(entry: Entry) -> tuple[object, ...]:
    """Tell kinds, places and owners apart, without rendering; what changed hands comes in groups of its own."""
    moved = entry[EXTRA] is not None and entry[EXTRA].transfer is not None
    return id(entry[KIND]), *origin_of_trace(entry[TRACE], entry[OFFSET]), id(entry[SCOPE]), moved


def _in_turn(groups: Iterable[list[Entry]]) -> Iterator[Entry]:
    for row in zip_longest(*groups):
        yield from (entry for entry in row if entry is not None)


def _lifetime(ledger: Ledger, entry: Entry, rule: str | None) -> Lifetime:
    since, who, _ = entry[MOMENT]
    released = entry[RELEASE_MOMENT]
    return Lifetime(
        resource=Resource(ledger.serial_of(entry), entry[KIND].type_name, label_of(entry)),
        state=STATE_WORDS[entry[STATE]],
        site=site_in(acquire_stack(entry)),
        pid=ledger.pid,
        thread=None if who is None else who.name,
        since=round(since - ledger.started, 6),
        until=round(released[0] - ledger.started, 6) if entry[STATE] == RELEASED and released is not None else None,
        owners=tuple(_tenures(ledger, entry)),
        rule=rule,
    )


def _tenures(ledger: Ledger, entry: Entry) -> Iterator[Tenure]:
    yield Tenure(owner_name(origin_of(entry)), round(entry[MOMENT][0] - ledger.started, 6))
    for word, _, moment, about in notes_of(entry):
        if word == TRANSFERRED and isinstance(about, Place):
            yield Tenure(owner_name(about), None if moment is None else round(moment[0] - ledger.started, 6))
