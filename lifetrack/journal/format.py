"""The form of a journal file, version 1; ``docs/journal.md`` has it as a table.

Everything is a table of records of fixed size, written in place. A record that is complete says so in what is written
last, so that one which was cut off is recognised; what other records refer to is written before them.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from typing import Any

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass

MAGIC = b"\x89LIFETRACK-J\r\n\x1a\n"
VERSION = 1
FORMAT = "lifetrack-journal"
#: The fixed beginning: magic, version, byte order (1 little, 2 big), length and checksum of the description after it.
LEAD = struct.Struct("<16sBBxxII")
LITTLE, BIG = 1, 2
#: Where the changing words stand, and where the tables begin.
WORDS_AT, TABLES_AT = 4096, 8192
#: The changing words, 8 bytes each.
ENDING, ENDED, UNNAMED, UNKEPT_FINDINGS, OTHER_KINDS, UNTRACKABLE, UNKNOWN, LEVEL = range(8)
#: Where the words stand that say how much of a table has been begun, and how many these are. Each step of a table is
#: noted in the next of them, and the highest counts: so a thread that was held up while it noted an earlier step takes
#: nothing back.
SLOTS_BEGUN, CELLS_BEGUN, BEGUN_WORDS = 64, 128, 64
#: How a process can end, as the word ENDING has it; 0 while it runs, and for ever where it was lost.
ENDINGS = (None, "normal", "exit", "exception", "signal")

#: A type: its name, its declaration, flags; its first number, the number up to which all are counted, and how many were
#: collected, acquired without a slot, and ended without one.
KIND = struct.Struct("=IIIIQQQQQ")
#: The words of a type, as indexes: those that change.
KIND_BASE, KIND_MARK, KIND_COLLECTED, KIND_UNKEPT, KIND_UNKEPT_ENDED = 2, 3, 4, 5, 6
#: What may well be open while a process runs, such as a lock or a daemon thread.
USUAL = 1
#: A resource: number, type, trace, time, owner, thread, task, label, error, nothing; its end: time, trace, thread,
#: state; the number again.
SLOT = struct.Struct("=QIIdIIIIIIdIIQQ")
SLOT_TRACE, SLOT_OWNER, SLOT_THREAD, SLOT_TASK, SLOT_LABEL, SLOT_ERROR, SLOT_END = 12, 24, 28, 32, 36, 40, 48
SLOT_WORDS = SLOT.size // 8
#: The word of a slot that has its state in the lowest byte, and above that the trace where an end is told by it alone.
END_WORD = 8
#: States of a slot. It is open while its end is being written.
OPEN, ENDED_QUIETLY, RELEASED, HALF_RELEASED, FAILED, COLLECTED = 0, 2, 3, 4, 5, 6
OPEN_STATES = frozenset({OPEN, HALF_RELEASED, FAILED})
#: One more event: sequence (from 1), resource by type and number, kind of event, trace, time, thread, task, about what;
#: the sequence again.
EVENT = struct.Struct("=QQIIIIdIIQ")
#: Where the trace of an event stands; of a finding that is how many more there are of the same.
EVENT_TRACE, MOST = 24, (1 << 32) - 1
#: Part of a name: what it belongs to, which part, the length of what follows, the kind of name, a checksum; text.
CELL = struct.Struct("=IHBBI52s")
CELL_TEXT = 52
TEXT, FRAME, STACK, OWNER = 1, 2, 3, 4
#: Set in the kind of the last part.
LAST = 0x80
#: Of a frame: file, function, line, whose code it is. Of an owner: its name, its kind, the scope and the test that it
#: stands in, and the reason why what it owns may leak; what there is not is 0.
FRAME_BODY, OWNER_BODY = struct.Struct("=IIII"), struct.Struct("=IIIII")
#: A name is cut off after so many bytes.
LONGEST = 4096
WORDS = (
    "", "transferred", "borrowed", "returned", "used", "release-failed", "acquire-failed", "shared", "owner-ended",
    "finding", "let-go",
)  # fmt: skip
DEFAULT_BOUND, LEAST_BOUND, MOST_BOUND = 16 << 20, 256 << 10, 64 << 30
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True)
class Table:
    """Where a table of a journal begins, how many records it has, and how long each is, in bytes."""

    at: int
    count: int
    size: int

    def place(self, number: int) -> int:
        """Give where a record begins."""
        return self.at + number * self.size


#: The names of the tables, in the order of the file.
TABLES = ("kinds", "findings", "events", "cells", "slots")


def layout(bound: int) -> dict[str, Table]:
    """Share out ``bound`` bytes: most of it for the resources, the rest for names, further events and findings."""
    room = bound - TABLES_AT
    shares = {"kinds": room // 64, "findings": room // 32, "events": room // 8, "cells": room // 4}
    sizes = {"kinds": KIND.size, "findings": EVENT.size, "events": EVENT.size, "cells": CELL.size, "slots": SLOT.size}
    tables, at = {}, TABLES_AT
    for name in TABLES:
        share = min(shares.get(name, bound - at), (1 << 31) * sizes[name])
        count = share // sizes[name]
        tables[name] = Table(at, count, sizes[name])
        at += (count * sizes[name] + 7) // 8 * 8
    return tables


def parse_bound(value: object) -> int:
    """Read the most bytes that one journal may have, as in ``"16M"``; raise ConfigurationError for no such number."""
    text = str(value).strip().lower() if type(value) in (int, str) else ""
    number = text.rstrip("bi").rstrip("kmg")
    unit = text[len(number) :].rstrip("bi")
    if not (number.isascii() and number.isdecimal()) or unit not in _UNITS:
        raise ConfigurationError(f"journal size {value!r}: use a number of bytes, or one with K, M or G, such as 16M")
    bound = int(number) * _UNITS[unit]
    if not LEAST_BOUND <= bound <= MOST_BOUND:
        raise ConfigurationError(f"journal size {value!r}: use at least 256K and at most 64G")
    return bound


def described(description: dict[str, Any]) -> bytes:
    """Make the first page: what the file is, in a form that says so itself."""
    words = list(description["command"])
    while True:
        body = json.dumps({**description, "command": words}, ensure_ascii=True).encode()
        if LEAD.size + len(body) <= WORDS_AT:
            break
        if not words:
            raise ConfigurationError("journal: its description does not fit into a page")
        words = words[: len(words) // 2]
    order = LITTLE if sys.byteorder == "little" else BIG
    return LEAD.pack(MAGIC, VERSION, order, len(body), zlib.crc32(body)) + body
