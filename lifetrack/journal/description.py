"""Reading the first pages of a journal: what it is, checked before anything else is believed."""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import Any

from lifetrack.journal.files import problem
from lifetrack.journal.format import (
    BEGUN_WORDS,
    BIG,
    CELL,
    EVENT,
    FORMAT,
    KIND,
    LEAD,
    LITTLE,
    MAGIC,
    SLOT,
    TABLES,
    TABLES_AT,
    VERSION,
    WORDS_AT,
    Table,
)

_MEND = "name a file that 'lifetrack run --journal FILE' wrote"
_SIZES = {"kinds": KIND.size, "findings": EVENT.size, "events": EVENT.size, "cells": CELL.size, "slots": SLOT.size}
#: What a description must have, and of which type.
_FIELDS: dict[str, type] = {
    "run": str, "pid": int, "parent_pid": int, "process_begun": str, "machine": str, "python": str, "platform": str,
    "command": list, "started": str, "clock": float, "tracking": float, "level": str, "bound": int, "tables": dict,
}  # fmt: skip


class Description:
    """What a journal says of itself. ``order`` is its byte order as :mod:`struct` has it."""

    def __init__(self, told: dict[str, Any], order: str, words: bytes, size: int) -> None:
        self.told = told
        self.order = order
        #: How many bytes there really are.
        self.size = size
        self.tables = {name: Table(*told["tables"][name]) for name in TABLES}
        self._words = words

    def begun(self, first: int) -> int:
        """Give how much of a table has been begun, as its words from ``first`` on have it."""
        words: tuple[int, ...] = struct.unpack_from(f"{self.order}{BEGUN_WORDS}Q", self._words, first * 8)
        return max(words)

    def word(self, number: int) -> int:
        """Give one of the changing words, as it was when they were read."""
        value: int = struct.unpack_from(f"{self.order}Q", self._words, number * 8)[0]
        return value


def description_of(path: str) -> Description:
    """Read what a journal is; raise ConfigurationError for a file that is missing, foreign, newer or cut off."""
    try:
        with open(path, "rb", buffering=0) as file:
            first = _exactly(file, TABLES_AT)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise problem(path, f"there is no such file: {_MEND}") from None
    except (OSError, ValueError) as error:
        raise problem(path, f"it cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if first[: len(MAGIC)] != MAGIC[: len(first)] or not first:
        raise problem(path, f"it is not a lifetrack journal: {_MEND}")
    if len(first) < TABLES_AT:
        raise problem(path, f"it is cut off within its description, so that nothing can be read of it: {_MEND}")
    _, version, order, length, check = LEAD.unpack_from(first)
    if version != VERSION:
        raise problem(
            path, f"its version is {version}, this lifetrack reads {VERSION}: use the lifetrack that wrote it"
        )
    if order not in (LITTLE, BIG):
        raise problem(path, f"its description is damaged (byte order {order}): {_MEND}")
    sign = "<" if order == LITTLE else ">"
    length, check = struct.unpack_from(f"{sign}II", first, LEAD.size - 8)
    body = first[LEAD.size : LEAD.size + length]
    if length > WORDS_AT or zlib.crc32(body) != check:
        raise problem(path, f"its description is damaged: {_MEND}")
    return Description(_checked(path, body), sign, first[WORDS_AT:], size)


def _exactly(file: Any, length: int) -> bytes:
    data = b""
    while len(data) < length and (more := file.read(length - len(data))):
        data += more
    return data


def _checked(path: str, body: bytes) -> dict[str, Any]:
    told: Any = json.loads(body)
    wrong = [name for name, kind in _FIELDS.items() if type(told.get(name)) is not kind]
    if told.get("format") != FORMAT or wrong:
        raise problem(path, f"its description lacks {', '.join(wrong) or 'its format'}: {_MEND}")
    for name in TABLES:
        if [*told["tables"].get(name, ())][2:] != [_SIZES[name]]:
            raise problem(path, f"its table of {name} has another form: use the lifetrack that wrote it")
    return dict(told)
