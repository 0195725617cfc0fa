"""From raw to readable: entries and cases become findings, only when somebody wants to see them."""

from __future__ import annotations

import dataclasses

from lifetrack.ledger.capture import render, site_in, unpack
from lifetrack.ledger.cases import Case, notes_of
from lifetrack.ledger.cleanups import stands_in_cleanup
from lifetrack.ledger.ends import ending_of
from lifetrack.ledger.entries import (
    EXTRA,
    HALF_RELEASED,
    KIND,
    MOMENT,
    RELEASE_MOMENT,
    RELEASED,
    STATE,
    STATE_WORDS,
    UNOPENED,
    Entry,
    Note,
    acquire_stack,
    origin_of,
    place_of,
    release_stack,
)
from lifetrack.ledger.holds import end_of
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.messages import SUSPENDED, Story, sentence
from lifetrack.ledger.moment import Moment
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.values import endings
from lifetrack.values import events as words
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding, LeftBy, OwnerName, Resource
from lifetrack.values.holders import Holder, held_after
from lifetrack.values.records import Record
from lifetrack.values.stacks import RawStack, site_of


def _event(ledger: Ledger, word: str, stack: RawStack, moment: Moment | None, detail: str | None = None) -> Event:
    time, who, task = moment if moment is not None else (None, None, None)
    return Event(
        word,
        None if time is None else round(time - ledger.started, 6),
        None if who is None else who.name,
        task,
        ledger.pid,
        render(stack),
        detail,
    )


def owner_words(place: Place) -> str:
    """Name an owner in a sentence."""
    return OwnerName(place.name, place.kind).words


def _detail(word: str, about: object) -> str | None:
    if isinstance(about, Place):
        return f"to {owner_words(about)}"
    if isinstance(about, str):
        return f"by '{about}'" if word == words.SHARED else about
    return None


def _noted(ledger: Ledger, note: Note) -> Event:
    word, trace, moment, about = note
    return _event(ledger, word, unpack(trace, None), moment, _detail(word, about))


def events_of(ledger: Ledger, entry: Entry, case: Case | None = None) -> list[Event]:
    """Give the events of a resource in order; of a case, those up to it, and the one that broke a rule last."""
    first = words.CREATED if entry[STATE] == UNOPENED else words.ACQUIRED
    found = [_event(ledger, first, acquire_stack(entry), entry[MOMENT])]
    if entry[STATE] == UNOPENED and not found[0].stack:
        found.clear()  # a stranger, of whom nothing is known
    found += [_noted(ledger, note) for note in (notes_of(entry) if case is None else case.notes)]
    is_itself = case is not None and case.rule == "LT303"  # the release is what broke the rule
    if entry[STATE] == RELEASED and not is_itself and (stack := release_stack(entry)):
        ended = ending_of(entry)
        detail = None if ended == endings.EXPLICIT else _RELEASED[ended].format(owner=owner_words(place_of(entry)))
        found.append(_event(ledger, words.RELEASED, stack, entry[RELEASE_MOMENT], detail))
    found += [_noted(ledger, note) for note in (() if case is None else case.context)]
    if all(event.time is not None for event in found):
        found.sort(key=lambda event: event.time or 0.0)
    if case is not None and case.use is not None:
        found.append(_noted(ledger, case.use))
    return found


_RELEASED = {
    endings.WITH: "by the end of a with block",
    endings.OWNER: "by its owner, {owner}",
    endings.EXIT: "by an exit hook",
    endings.FINALIZER: "by a finalizer",
    endings.SHUTDOWN: "while the interpreter shut down",
}


def owner_name(place: Place) -> OwnerName:
    """Name the owner that a place stands for."""
    owner = place.owner()
    return OwnerName(owner.name, owner.kind)


def _scope_of(place: Place) -> Place | None:
    stretches = (item for item in place.lineage() if item.kind != "allow" and not item.is_owner)
    return next((item for item in stretches if item is not PROCESS), None)


def _scope_name(place: Place) -> str | None:
    scope = _scope_of(place)
    return None if scope is None else scope.name


def _test_name(entry: Entry) -> str | None:
    for start in (origin_of(entry), place_of(entry)):
        for item in start.lineage():
            if item.kind == "test":
                return item.name
    return None


def label_of(entry: Entry) -> str | None:
    """Give the label of a resource; None for a secret one, whose label may be made of what it holds."""
    declaration, extra = entry[KIND].declaration, entry[EXTRA]
    if declaration.secret:
        return None
    label: str | None = (extra.label if extra is not None else None) or declaration.label
    return label


def subject_of(entry: Entry) -> str:
    """Name a resource in a sentence."""
    label, name = label_of(entry), entry[KIND].type_name
    return str(name) if label is None else f"{name} '{label}'"


def _left_by(entry: Entry) -> LeftBy | None:
    left = None if entry[EXTRA] is None else entry[EXTRA].left
    if left is None or entry[STATE] == HALF_RELEASED:  # somebody did release it
        return None
    error, code, offset = left
    return LeftBy(error, None if code is None else site_of((code, offset)))


def _part_of(entry: Entry) -> str:
    """Name the backend of a collection that owns a resource, or that it depends on, at whatever depth."""
    above: Entry | None = entry
    while above is not None:
        if above is not entry and place_of(above).owner().kind == "collection" and (label := label_of(above)):
            return OwnerName(label, "backend").words
        for place in place_of(above).lineage():
            if place.kind == "backend":
                return owner_words(place)
        above = None if above[EXTRA] is None else above[EXTRA].parent
    return ""


def _story(entry: Entry, case: Case | None, told: dict[str, str] | None = None) -> Story:
    place, extra = place_of(entry), entry[EXTRA]
    noted = notes_of(entry) if case is None else case.notes
    suspended = None if extra is None else extra.suspended
    transfer = next((note for note in reversed(noted) if note[0] == words.TRANSFERRED), None)
    return Story(
        subject=subject_of(entry),
        site=site_in(acquire_stack(entry)),
        scope=owner_words(_scope_of(place) or PROCESS),
        owner=owner_words(place.owner()),
        owner_kind=place.owner().kind,
        error=(extra.error if extra is not None else None) or "an exception",
        given=None if transfer is None else site_in(unpack(transfer[1], None)),
        transferred=transfer is not None,
        left_by=_left_by(entry),
        sharers=0 if extra is None else len(extra.sharers or ()),
        words=(told or {}) if case is None else case.words,
        end=end_of(entry, owner_words(place.owner())),
        part_of=_part_of(entry),
        suspended=None if suspended is None else site_of(suspended),
        cleans_up=suspended is not None and stands_in_cleanup(*suspended),
    )


def finding_of(
    ledger: Ledger,
    entry: Entry,
    rule: str,
    certainty: Certainty,
    case: Case | None = None,
    told: dict[str, str] | None = None,
) -> Finding:
    """Render an entry as a finding under ``rule``; without a case, ``told`` is what its sentence names."""
    kind, place = entry[KIND], place_of(entry)
    story = _story(entry, case, told)
    if rule == "LT106":  # that is what its construction raised
        story = story._replace(left_by=None)
    return Finding(
        rule=rule,
        certainty=certainty,
        message=sentence(rule, story, kind.declaration),
        resource=Resource(ledger.serial_of(entry), kind.type_name, label_of(entry)),
        site=story.site,
        events=tuple(events_of(ledger, entry, case)),
        owner=owner_name(place),
        scope=_scope_name(place),
        test=_test_name(entry),
        count=1 if case is None else case.count,
        allowed=place.allowed() or origin_of(entry).allowed(),
        hint=kind.declaration.hint if not story.cleans_up else SUSPENDED,
        ended=ending_of(entry),
        left_by=story.left_by,
        held_by=_held_by(entry),
    )


def _held_by(entry: Entry) -> tuple[Holder, ...]:
    found: tuple[Holder, ...] = () if entry[EXTRA] is None else entry[EXTRA].held_by
    return held_after(found, ending_of(entry)) if found else ()


def record_of(ledger: Ledger, entry: Entry) -> Record:
    """Render what is known of one resource."""
    return Record(
        Resource(ledger.serial_of(entry), entry[KIND].type_name, label_of(entry)),
        STATE_WORDS[entry[STATE]],
        site_in(acquire_stack(entry)),
        owner_name(place_of(entry)),
        tuple(events_of(ledger, entry)),
        ending_of(entry),
    )


def finding_of_case(ledger: Ledger, case: Case) -> Finding:
    """Render a case once; later callers are given the same finding."""
    if case.finding is None:
        case.finding = finding_of(ledger, case.entry, case.rule, case.certainty, case)
    elif case.finding.held_by != (held_by := _held_by(case.entry)):
        case.finding = dataclasses.replace(case.finding, held_by=held_by)  # that is another one when it is asked again
    return case.finding
