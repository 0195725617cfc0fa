"""What the records do not cover, counted by type and reason: what could not be tracked, what was there before."""

from __future__ import annotations

from itertools import count

from lifetrack.ledger.entries import counted
from lifetrack.values.records import UNKNOWN, UNTRACKABLE, Unseen

RELEASED_HERE = "acquired before tracking began, and released since"
NO_REFERENCE = "there can be no weak reference to it, and it says itself when it is released"

_Key = tuple[str, str, str]


class Gaps:
    """The counts of one ledger. Each step is atomic, so that they are exact without a lock."""

    def __init__(self) -> None:
        self._noted: dict[_Key, count[int]] = {}
        self._taken_back: dict[_Key, count[int]] = {}

    def untrackable(self, type_name: str, why: str) -> None:
        """Count an object that could not be tracked."""
        next(self._noted.setdefault((UNTRACKABLE, type_name, why), count()))

    def unknown(self, type_name: str, why: str = RELEASED_HERE) -> None:
        """Count an object that was acquired before tracking began."""
        next(self._noted.setdefault((UNKNOWN, type_name, why), count()))

    def forget_unknown(self, type_name: str) -> None:
        """Take one such count back: the object was only under construction."""
        next(self._taken_back.setdefault((UNKNOWN, type_name, RELEASED_HERE), count()))

    def begin_anew(self) -> None:
        """Count from nothing, in a process that was forked."""
        self._noted, self._taken_back = {}, {}

    def all(self) -> tuple[Unseen, ...]:
        """Give what was counted, by what it is and by type."""
        taken = self._taken_back
        numbers = {
            key: counted(number) - (counted(taken[key]) if key in taken else 0)
            for key, number in self._noted.copy().items()
        }
        return tuple(Unseen(what, name, number, why) for (what, name, why), number in sorted(numbers.items()) if number)
