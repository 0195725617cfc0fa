"""Raw descriptors by their number: which are open and nobody's object, and which were closed last.

A number is used again as soon as it is free. So each stretch of its use is an object of its own, and a number that a
file or socket has taken over is no raw descriptor any more.
"""

from __future__ import annotations

import io
import os
import weakref
from types import FrameType
from typing import Any

from lifetrack.ledger.holds import Nobodys
from lifetrack.values.descriptors import number_of

_fstat = os.fstat


def _identity(number: int) -> tuple[int, int] | None:
    """What the system knows a descriptor by; None for a number that is not open."""
    try:
        status = _fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Descriptor(Nobodys):
    """One stretch of use of a number."""

    __slots__ = ("__weakref__", "_identity", "_taker", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._identity = _identity(number)
        self._taker: weakref.ref[Any] | None = None

    def hand_to(self, taker: object) -> None:
        """Let a file or socket have it from now on."""
        self._taker = weakref.ref(taker)

    def is_handed(self) -> bool:
        """Whether a file or socket has taken it over, which may have closed it since."""
        return self._taker is not None

    def is_in_hand(self) -> bool:
        """Whether a file or socket has taken it over, and has it still."""
        return self._taker is not None and number_of(self._taker()) == self.number

    def is_over(self) -> bool:
        """Whether the system has something else under the number by now, or nothing: somebody has closed it unseen."""
        return _identity(self.number) != self._identity


def is_open(number: int) -> bool:
    """Whether a number is open, whoever it belongs to."""
    return _identity(number) is not None


#: The raw descriptors that are open.
OPEN: dict[int, Descriptor] = {}
#: For each number that was closed, or taken over, and is no raw descriptor again: its last stretch of use.
CLOSED: dict[int, Descriptor] = {}
#: The numbers that are used again by a file which nobody has asked for its number since.
UNASKED: set[int] = set()
#: The mechanism that records them while it is in use.
watched: list[Any] = []


def taken(number: int) -> None:
    """Hear that an object owns a descriptor from now on: a connection, or a file whose opener has made it."""
    for each in watched:
        each.taken(number)


def handed(number: int, taker: object, frame: FrameType) -> None:
    """Hear that a file or socket takes over a descriptor whose number the program knows."""
    for each in watched:
        each.handed(number, taker, frame)


def claimed(raw: Any, given: object, frame: FrameType) -> None:
    """Hear that a file has a descriptor, the one that was ``given`` or a new one.

    Where its number was used before, note whether the file is asked for it.
    """
    number = raw.fileno()
    is_used = number in CLOSED
    if given.__class__ is int:
        handed(number, raw, frame)
    else:
        taken(number)
    if is_used and type(raw) is io.FileIO:
        UNASKED.add(number)

        def fileno() -> int:
            UNASKED.discard(number)
            raw_fileno.pop("fileno", None)
            return int(number)

        raw_fileno = raw.__dict__
        raw_fileno["fileno"] = fileno


def given(number: int, name: str, frame: FrameType) -> None:
    """Hear that an object has given its descriptor away."""
    for each in watched:
        each.given(number, name, frame)
