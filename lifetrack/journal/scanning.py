"""Reading the tables of a journal, also while it is being written: what is torn is counted, and never believed."""

from __future__ import annotations

import json
import math
import os
import struct
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

from lifetrack.journal import format as form
from lifetrack.journal.description import Description, description_of
from lifetrack.journal.files import problem
from lifetrack.journal.nouns import Nouns, Owner
from lifetrack.ledger.journaling import AGAIN
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.stacks import Stack

#: How often a record that changes while it is read is read again.
_TRIES = 5
_STATES = frozenset({
    form.OPEN, form.ENDED_QUIETLY, form.RELEASED, form.HALF_RELEASED, form.FAILED, form.COLLECTED,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A type, and how many of it there were."""

    name: str
    told: dict[str, Any]
    usual: bool
    acquired: int
    collected: int
    unkept: int


@dataclass(slots=True)
class Held:
    """A resource; times are on the clock of its process. ``end`` tells its release."""

    number: int
    kind: Kind
    state: int
    time: float
    stack: Stack
    owner: Owner | None
    thread: str | None
    task: str | None
    label: str | None
    error: str | None
    end: tuple[float | None, str | None, Stack]
    events: list[Happened] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether its duty is open."""
        return self.state in form.OPEN_STATES


@dataclass(frozen=True, slots=True)
class Happened:
    """One more event. ``about`` is a text or an owner; of a finding it is what is told of it, and ``site`` its site."""

    word: str
    time: float
    stack: Stack
    thread: str | None
    task: str | None
    about: Any
    site: Stack = ()


@dataclass(frozen=True, slots=True)
class Book:
    """What a journal says. ``torn`` records were being written, or are damaged; ``unkept`` ones found no room."""

    description: Description
    kinds: tuple[Kind, ...]
    resources: tuple[Held, ...]
    findings: tuple[tuple[int, Kind | None, Happened], ...]
    torn: int
    overwritten: int
    unkept: int
    read_at: float
    #: How many bytes there are, of how many; fewer where the file was cut off, as by a copy that was not finished.
    size: int
    bound: int

    def word(self, number: int) -> int:
        """Give one of the changing words."""
        return self.description.word(number)


class _Reader:
    def __init__(self, path: str) -> None:
        self.path = path
        self.torn = 0
        self.about = description_of(path)
        self.order = self.about.order
        with open(path, "rb", buffering=0) as self.file:
            self.book = self._read()

    def _struct(self, name: struct.Struct) -> struct.Struct:
        return struct.Struct(self.order + name.format[1:])

    def _bytes(self, at: int, length: int) -> bytes:
        self.file.seek(at)
        data = b""
        while len(data) < length and (more := self.file.read(length - len(data))):
            data += more
        return data + bytes(length - len(data))  # what was cut off is as if it had never been written

    def _read(self) -> Book:
        # What refers comes before what it refers to, which had been written before it.
        for _ in range(_TRIES):
            marks = self._kinds_raw()
            slots = self._slots_raw()
            if marks == self._kinds_raw():
                break
        events, findings = self._events_raw("events"), self._events_raw("findings")
        nouns = self._nouns()
        self.about = description_of(self.path)
        kinds = self._kinds(marks, slots, nouns)
        resources = {}
        for number, raw in slots:
            held = self._held(raw, kinds, nouns)
            if held is None:
                self.torn += 1
            else:
                resources[raw[1], number] = held
        for raw in events:
            owner = resources.get((raw[2], raw[1]))
            if owner is not None:
                owner.events.append(self._happened(raw, nouns))
        found = tuple((raw[1], kinds.get(raw[2]), self._happened(raw, nouns)) for raw in findings)
        last = max((raw[0] for raw in events), default=0)
        word = self.about.word
        return Book(
            self.about, tuple(kinds.values()), tuple(resources.values()), found, self.torn,
            max(0, last - self.about.tables["events"].count),
            word(form.UNNAMED) + word(form.UNKEPT_FINDINGS) + sum(kind.unkept for kind in kinds.values()),
            time.time(), os.fstat(self.file.fileno()).st_size, self.about.told["bound"],
        )  # fmt: skip

    # -- raw records -----------------------------------------------------------------------------------------------

    def _kinds_raw(self) -> list[tuple[int, ...]]:
        table = self.about.tables["kinds"]
        data = self._bytes(table.at, table.count * table.size)
        return list(self._struct(form.KIND).iter_unpack(data))

    def _slots_raw(self) -> list[tuple[int, tuple[Any, ...]]]:
        table, reader = self.about.tables["slots"], self._struct(form.SLOT)
        begun = min(table.count, description_of(self.path).begun(form.SLOTS_BEGUN))
        data = self._bytes(table.at, begun * table.size)
        found = []
        for index, first in enumerate(reader.iter_unpack(data)):
            record = first
            for _ in range(_TRIES):
                if record[0] == record[-1]:
                    break
                record = reader.unpack(self._bytes(table.place(index), table.size))
            if record[0] != record[-1]:
                self.torn += 1
            elif record[3] != 0.0:
                found.append((record[0], record))
        return found

    def _events_raw(self, name: str) -> list[tuple[Any, ...]]:
        table = self.about.tables[name]
        found = []
        for record in self._struct(form.EVENT).iter_unpack(self._bytes(table.at, table.count * table.size)):
            if record[0] != record[-1] or record[3] >= len(form.WORDS):
                self.torn += 1
            elif record[0]:
                found.append(record)
        return sorted(found)

    def _nouns(self) -> Nouns:
        table = self.about.tables["cells"]
        begun = min(table.count, description_of(self.path).begun(form.CELLS_BEGUN))
        nouns = Nouns(self.order)
        for record in self._struct(form.CELL).iter_unpack(self._bytes(table.at, begun * table.size)):
            number, part, length, kind, check, text = record
            if not number:
                continue
            body = text[:length]
            if zlib.crc32(body, number ^ part << 16 ^ kind << 24) != check:
                self.torn += 1
            else:
                nouns.add(number, part, kind, body)
        return nouns

    # -- what they mean --------------------------------------------------------------------------------------------

    def _kinds(
        self, marks: list[tuple[int, ...]], slots: list[tuple[int, tuple[Any, ...]]], nouns: Nouns
    ) -> dict[int, Kind]:
        later: dict[int, int] = {}
        for number, raw in slots:
            if number < AGAIN and raw[1] < len(marks) and number >= marks[raw[1]][5]:
                later[raw[1]] = later.get(raw[1], 0) + 1
        kinds = {0: Kind("(other types)", {}, False, later.get(0, 0), 0, 0)}
        for index, (name, told, flags, _, base, mark, collected, unkept, gone) in enumerate(marks):
            text = nouns.text(name)
            if text is not None:
                kinds[index] = Kind(
                    text, _told(nouns.text(told)), bool(flags & form.USUAL), mark - base + later.get(index, 0),
                    collected, unkept - gone,
                )  # fmt: skip
        return kinds

    def _held(self, raw: tuple[Any, ...], kinds: dict[int, Kind], nouns: Nouns) -> Held | None:
        number, kind, trace, when, owner, thread, task, label, error, _, ended, __, by, word, ___ = raw
        if kind not in kinds or word & 0xFF not in _STATES or not math.isfinite(when) or when < 0:
            return None
        names = [nouns.text(each) for each in (thread, task, label, error, by)]
        end = (ended or None, names[4], nouns.stack(word >> 8))
        if (trace and not nouns.stack(trace)) or nouns.owner(owner) is None:
            self.torn += 1  # what found no room is 0: this is damage, of this record or of the name
        return Held(
            number, kinds[kind], word & 0xFF, when, nouns.stack(trace), nouns.owner(owner), names[0], names[1],
            names[2], names[3], end,
        )  # fmt: skip

    def _happened(self, raw: tuple[Any, ...], nouns: Nouns) -> Happened:
        _, _, _, word, trace, other, when, thread, about, __ = raw
        name = form.WORDS[word]
        if name == "finding":
            told = _told(nouns.text(about))
            for event in told.get("events", ()):
                event[4] = nouns.stack(event[4])
            told = {**told, "site": nouns.stack(told.get("site", 0)), "more": trace}
            if told.get("left_by"):
                told["left_by"][1] = nouns.stack(told["left_by"][1])
            return Happened(name, when, (), nouns.text(thread), None, told, nouns.stack(other))
        subject = nouns.owner(about) if name in ("transferred", "owner-ended") else nouns.text(about)
        return Happened(name, when, nouns.stack(trace), nouns.text(thread), nouns.text(other), subject)


def _told(text: str | None) -> dict[str, Any]:
    """Read what was written down as JSON; empty where it was too long, or found no room."""
    try:
        return dict(json.loads(text or "{}"))
    except ValueError:
        return {}


def read_book(path: str) -> Book:
    """Read a journal; raise ConfigurationError for one that cannot be read."""
    try:
        return _Reader(path).book
    except ConfigurationError:
        raise
    except OSError as error:
        raise problem(path, f"it cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise problem(path, f"it is damaged ({type(error).__name__}): what it says cannot be believed") from None
