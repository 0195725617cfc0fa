"""From a journal to a report, in every form that reports have: also of a process that was killed, or is at work."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from lifetrack.journal import format as form
from lifetrack.journal.files import siblings_of, target_of
from lifetrack.journal.nouns import Owner, site_in
from lifetrack.journal.processes import is_running
from lifetrack.journal.scanning import Book, Happened, Held, Kind, read_book
from lifetrack.ledger.journaling import AGAIN, LET_GO
from lifetrack.ledger.messages import Story, sentence
from lifetrack.reports.merging import merged
from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo
from lifetrack.values import endings
from lifetrack.values.declarations import Declaration
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.events import ACQUIRED, COLLECTED, RELEASED, SHARED, Event
from lifetrack.values.findings import Certainty, Finding, LeftBy, OwnerName, Resource, is_leak
from lifetrack.values.records import UNTRACKABLE, TypeTotals, Unseen
from lifetrack.values.rules import RULES
from lifetrack.values.settings import Level
from lifetrack.values.stacks import Stack

_PROCESS = OwnerName("process", "process")
_UNKNOWN = Owner("unknown", "owner")


def load(path: str) -> Report:
    """Make the report of a journal, with those that other processes of the run have written beside it.

    Raises ConfigurationError for a file that is missing, foreign, of another version, or damaged in its description.
    """
    main = read_book(path)
    others = []
    for each in siblings_of(target_of(path)):
        try:
            other = read_book(each)
        except ConfigurationError:
            continue  # it was taken away in this moment
        if other.description.told["run"] == main.description.told["run"]:
            others.append(report_of(other))
    return merged(report_of(main), sorted(others, key=lambda report: report.process.started))


def load_child(path: str, pid: int, run: str) -> Report | None:
    """Make the report of one process that wrote beside ``path``; None if there is no journal of it."""
    for each in siblings_of(path):
        try:
            book = read_book(each)
        except ConfigurationError:
            continue
        if book.description.told["pid"] == pid and book.description.told["run"] == run:
            return report_of(book)
    return None


def ending_of(book: Book) -> str:
    """Tell how the process of a journal ended; ``normal`` while it is at work."""
    known = form.ENDINGS[min(book.word(form.ENDING), len(form.ENDINGS) - 1)]
    return known or ("normal" if is_running(book.description.told) else "lost")


def report_of(book: Book) -> Report:
    """Make the report of one process."""
    findings = tuple(_findings(book))
    types = tuple(_types(book))
    told, word = book.description.told, book.word
    totals = Totals(
        acquired=sum(each.acquired for each in types),
        released=sum(each.released for each in types),
        live=sum(each.live for each in types),
        findings=sum(finding.count for finding in findings if finding.allowed is None),
        untrackable=word(form.UNTRACKABLE),
        unknown=word(form.UNKNOWN),
    )
    dropped = book.unkept + book.overwritten
    lacking = list(_lacking(book))
    return Report(
        level=Level(word(form.LEVEL)).word,
        process=ProcessInfo(
            pid=told["pid"],
            parent_pid=told["parent_pid"],
            python=told["python"],
            platform=told["platform"],
            command=tuple(map(str, told["command"])),
            started=told["started"],
            ended=_ended(book),
            ending=ending_of(book),
        ),
        totals=totals,
        types=types,
        findings=findings,
        tracker=TrackerInfo(
            complete=not (dropped or book.torn or lacking), dropped=dropped + book.torn, unseen=tuple(lacking)
        ),
    )


def _lacking(book: Book) -> Iterable[Unseen]:
    """Tell of a journal that was cut off, whatever may have stood there."""
    if book.size < book.bound:
        why = f"it is cut off after {book.size} of {book.bound} bytes: what stood behind that is not told"
        yield Unseen(UNTRACKABLE, "journal", 1, why)


def _ended(book: Book) -> str:
    ended = book.word(form.ENDED)
    seconds = ended / 1e9 if ended else book.read_at
    if not ended and not is_running(book.description.told):
        started = datetime.fromisoformat(book.description.told["started"]).timestamp()
        last = [started + each.time - book.description.told["clock"] for each in book.resources]
        seconds = min(max(last, default=started), book.read_at)
    return datetime.fromtimestamp(max(0.0, seconds), UTC).isoformat(timespec="milliseconds")


def _types(book: Book) -> Iterable[TypeTotals]:
    live: Counter[str] = Counter(held.kind.name for held in book.resources if held.is_open)
    acquired: Counter[str] = Counter()
    collected: Counter[str] = Counter()
    for kind in book.kinds:
        acquired[kind.name] += kind.acquired
        collected[kind.name] += kind.collected
        live[kind.name] += kind.unkept
    for name, count in sorted(acquired.items()):
        if count:
            yield TypeTotals(name, count, max(0, count - live[name] - collected[name]), live[name])


# -- findings ------------------------------------------------------------------------------------------------------


def _findings(book: Book) -> Iterable[Finding]:
    known = {(held.kind.name, held.number % AGAIN): held for held in book.resources}
    filed = set()
    more: Counter[tuple[str, Stack]] = Counter()
    for number, kind, happened in book.findings:
        if happened.about.get("rule") in RULES:
            held = None if kind is None else known.get((kind.name, number))
            if kind is not None and is_leak(happened.about["rule"]):
                filed.add(id(held))
                more[kind.name, happened.site] += happened.about["more"]
            yield _filed(book, happened, 0 if held is None else held.number)
    if book.word(form.ENDING):
        return  # the process itself has judged what it left open
    for serial, held in enumerate(sorted(book.resources, key=lambda held: held.time), 1):
        if id(held) in filed or not (held.is_open or held.state == form.COLLECTED):
            continue
        if more[held.kind.name, held.stack]:  # it is one of those that were only counted
            more[held.kind.name, held.stack] -= 1
        else:
            yield _found(book, held, serial)


def _filed(book: Book, happened: Happened, serial: int) -> Finding:
    told, pid = happened.about, book.description.told["pid"]
    left = told["left_by"]
    return Finding(
        rule=told["rule"], certainty=Certainty(told["certainty"]), message=told["message"],
        resource=Resource(serial, told["type"], told["label"]), site=site_in(told["site"]),
        events=tuple(
            Event(word, time, thread, task, pid, stack, detail)
            for word, time, thread, task, stack, detail in told["events"]
        ),
        owner=OwnerName(*told["owner"]), scope=told["scope"], test=told["test"], allowed=told["allowed"],
        hint=told["hint"], ended=told["ended"], count=1 + told["more"],
        left_by=None if left is None else LeftBy(left[0], site_in(left[1])),
    )  # fmt: skip


def _rule(held: Held) -> tuple[str, Certainty]:
    if held.state == form.COLLECTED:
        return held.kind.told.get("leak_rule") or "LT102", Certainty.PROVEN
    if held.state == form.HALF_RELEASED:
        return "LT105", Certainty.PROVEN
    if held.state == form.FAILED:
        return "LT106", Certainty.SUSPECTED
    # A process that was killed may have been about to release it.
    certainty = Certainty.HINT if held.kind.usual else Certainty.SUSPECTED
    return held.kind.told.get("leak_rule") or "LT101", certainty


def _found(book: Book, held: Held, serial: int) -> Finding:
    rule, certainty = _rule(held)
    whose = held.owner or _UNKNOWN
    owner = OwnerName(whose.name, whose.kind)
    events = _events(book, held)
    given = next((event for event in reversed(events) if event.event == "transferred"), None)
    story = Story(
        subject=held.kind.name if held.label is None else f"{held.kind.name} '{held.label}'",
        site=site_in(held.stack),
        scope=_PROCESS.words,
        owner=owner.words,
        owner_kind=owner.kind,
        error=held.error or "an exception",
        given=None if given is None else site_in(given.stack),
        transferred=given is not None,
        left_by=None,
        sharers=sum(event.event == SHARED for event in events),
        words={},
        end="the process ended",
    )
    return Finding(
        rule=rule, certainty=certainty, message=sentence(rule, story, _declaration(held.kind)),
        resource=Resource(serial, held.kind.name, held.label), site=story.site, events=tuple(events), owner=owner,
        hint=held.kind.told.get("hint"), scope=whose.scope, test=whose.test, allowed=whose.allowed,
        ended=endings.FINALIZER if held.state == form.COLLECTED else endings.NEVER,
    )  # fmt: skip


def _declaration(kind: Kind) -> Declaration:
    told = kind.told
    return Declaration(
        release=tuple(told.get("release", ())), acquire=told.get("acquire", "__init__"),
        idempotent=bool(told.get("idempotent")), hint=told.get("hint"), leak_rule=told.get("leak_rule"),
        fate=told.get("fate"),
    )  # fmt: skip


def _events(book: Book, held: Held) -> list[Event]:
    clock, pid = book.description.told["tracking"], book.description.told["pid"]
    first = Event(ACQUIRED, _seconds(held.time, clock), held.thread, held.task, pid, held.stack)
    events = [first, *(_event(book, each, each.word) for each in _lasting(held.events))]
    ended, by, stack = held.end
    if held.state == form.RELEASED:
        events.append(Event(RELEASED, _seconds(ended, clock), by, None, pid, stack))
    elif held.state == form.COLLECTED:
        events.append(Event(COLLECTED, None, None, None, pid, ()))
    return events


def _lasting(events: list[Happened]) -> list[Happened]:
    """Leave out who shared a resource and has let go of it."""
    gone = Counter((each.about, each.stack) for each in events if each.word == LET_GO)
    kept = []
    for each in events:
        if each.word == SHARED and gone[each.about, each.stack]:
            gone[each.about, each.stack] -= 1
        elif each.word != LET_GO:
            kept.append(each)
    return kept


def _event(book: Book, happened: Happened, word: str) -> Event:
    about = happened.about
    detail = about if isinstance(about, str) else None
    if isinstance(about, Owner):
        detail = f"to {OwnerName(about.name, about.kind).words}"
    elif word == SHARED and detail is not None:
        detail = f"by '{detail}'"
    told = book.description.told
    time = _seconds(happened.time, told["tracking"])
    return Event(word, time, happened.thread, happened.task, told["pid"], happened.stack, detail)


def _seconds(time: float | None, clock: float) -> float | None:
    return None if time is None else round(max(0.0, time - clock), 6)


def is_there(path: str) -> bool:
    """Whether there is anything under a name."""
    return os.path.lexists(path)
