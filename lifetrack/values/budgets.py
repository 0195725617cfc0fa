"""Budgets: the processor time that looking for evidence may take while the program runs."""

from __future__ import annotations

from time import process_time

#: After the first look so many seconds in all, and a share of the processor time of the process. A suite of tests that
#: leak, and wait, is to stay within a few percent of what it takes without.
SECONDS, SHARE = 0.05, 0.01


class Budget:
    """What one kind of look at all that is in memory may take in all."""

    __slots__ = ("_longest", "_spent")

    def __init__(self) -> None:
        self._spent = self._longest = 0.0

    def allows(self) -> bool:
        """Whether a look as long as the longest so far is within it."""
        return self._spent + self._longest <= SECONDS + SHARE * process_time()

    def spend(self, seconds: float) -> None:
        """Note how long a look took."""
        self._spent += seconds
        self._longest = max(self._longest, seconds)
