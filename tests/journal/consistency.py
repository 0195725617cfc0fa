"""The ledger of a tracker against what its journal says of it, resource by resource."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lifetrack.account import type_totals
from lifetrack.journal import format as form
from lifetrack.journal.reading import _events, report_of
from lifetrack.journal.scanning import Book, Held, read_book
from lifetrack.ledger.entries import EXTRA, FAILED, HALF_RELEASED, KIND, NUMBER, STATE, Entry, place_of
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.rendering import _scope_name, events_of, label_of, owner_name
from lifetrack.ownership.custody import ObjectPlace
from lifetrack.values.events import RETURNED, Event
from lifetrack.values.settings import Level

_STATES = {HALF_RELEASED: form.HALF_RELEASED, FAILED: form.FAILED}


def differences(ledger: Ledger) -> list[str]:
    """Say what the journal of a ledger tells otherwise than the ledger; empty where they agree."""
    journal: Any = ledger.journal
    data = bytes(journal._map)
    # All is asked before anything is read: reading opens files, which may be watched.
    wrong = [f"{entry[KIND].type_name} has no place in the journal" for entry in _unplaced(ledger)]
    known = dict(_known(ledger, entry) for entry in ledger.open_entries() if _slot(entry) is not None)
    totals = type_totals(ledger)
    with open(f"{journal._path}-copy", "wb") as file:
        file.write(data)
    book = read_book(f"{journal._path}-copy")
    told = {key: told for held in book.resources if held.is_open for key, told in [_told(book, held)]}
    wrong += [f"invented: {key} {_short(told[key])}" for key in told if key not in known]
    wrong += [f"lost: {key} {_short(known[key])}" for key in known if key not in told]
    for key in known.keys() & told.keys():
        for mine, its in zip(known[key], told[key], strict=True):
            if mine != its and mine is not None:
                wrong.append(f"{key}: {_less(mine, its)} in the ledger, {_less(its, mine)} in the journal")
    if Counter(_row(row) for row in totals) != Counter(_row(row) for row in report_of(book).types):
        wrong.append(f"{totals} in the ledger, {report_of(book).types} in the journal")
    if book.torn:
        wrong.append(f"{book.torn} torn")
    return wrong


def _short(told: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*told[:-1], [line[0] for line in told[-1] or ()])


def _less(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return [(line[0], line[1][:2], len(line[1]), *line[2:]) for line in one if line not in other]
    return one


def _row(row: Any) -> tuple[Any, ...]:
    return row.type, row.acquired, row.released, row.live


def _slot(entry: Entry) -> Any:
    return entry[NUMBER] if isinstance(entry[NUMBER], memoryview) else None


def _unplaced(ledger: Ledger) -> list[Entry]:
    return [entry for entry in ledger.open_entries() if _slot(entry) is None]


def _known(ledger: Ledger, entry: Entry) -> tuple[Any, tuple[Any, ...]]:
    extra = entry[EXTRA]
    owner, place = owner_name(place_of(entry)), place_of(entry)
    state = _STATES.get(entry[STATE], form.OPEN)
    events, threads = events_of(ledger, entry), ledger.journal._level >= Level.STACKS  # type: ignore[union-attr]
    scope = None if isinstance(place.owner(), ObjectPlace) else _scope_name(place)
    return (entry[KIND].noted, _slot(entry)[0]), (
        entry[KIND].type_name,
        state,
        (
            owner.name,
            owner.kind,
            scope,
            place.allowed(),
        ),
        label_of(entry),
        None if extra is None else extra.error,
        None if extra is not None and extra.dropped else sorted(_line(event, with_threads=threads) for event in events),
    )


def _told(book: Book, held: Held) -> tuple[Any, tuple[Any, ...]]:
    threads = book.word(form.LEVEL) >= Level.STACKS
    index = next(number for number, kind in enumerate(book.kinds) if kind is held.kind)
    owner = held.owner or ("?", "?", None, None, None)
    return (index, held.number), (
        held.kind.name,
        held.state,
        # In what an object stands may be known later than that it owns something.
        (owner[0], owner[1], None if owner[1] in ("object", "backend", "task", "thread") else owner[2], owner[4]),
        held.label,
        held.error,
        sorted(_line(event, with_threads=threads) for event in _events(book, held)),
    )


def _line(event: Event, *, with_threads: bool) -> tuple[Any, ...]:
    return (
        event.event,
        () if event.event == RETURNED else tuple((site.file, site.line, site.function) for site in event.stack),
        event.detail or "",
        # Below that level the ledger asks no thread; the journal tells it where it is at hand.
        (event.thread, event.task) if with_threads else (),
    )
