"""Slots: where a journal keeps its resources. One that has ended stays readable until its slot is needed again.

Those that nothing is open in wait in one line, the longest ended first. So history never takes the place of what is
open. A None goes along in the line: when it comes up, everything that waits behind it is counted, for it may be
overwritten from then on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from lifetrack.journal.format import SLOT, SLOT_WORDS, Table

#: How many slots are begun at once, and how many wait in line at least while there is room.
_STEP, _KEPT = 256, 1024


class Slots:
    """The slots of one journal. ``scrap`` is what is written where there is none.

    ``take`` gives the next one, or None, or raises IndexError; then it is :meth:`refill` that gives it.
    """

    def __init__(self) -> None:
        self._line: deque[Any] = deque()
        self.take, self.give = self._line.popleft, self._line.append
        self.scrap = memoryview(bytearray(SLOT.size)).cast("Q")
        self.end()

    def begin(self, words: Any, table: Table, begun: Callable[[], None], checkpoint: Callable[[], None]) -> None:
        """Use these slots from now on; ``words`` is the whole file, 8 bytes each."""
        self._words, self._table, self._begun, self._checkpoint = words, table, begun, checkpoint
        self._steps = count()
        self._line.clear()
        self._line.append(None)

    def end(self) -> None:
        """Use none any more."""
        self.begin(None, Table(0, 0, SLOT.size), lambda: None, lambda: None)

    def begun(self) -> int:
        """Give how many slots may have been written so far."""
        return min(self._table.count, int(repr(self._steps)[6:-1]) * _STEP)

    def refill(self) -> Any:
        """Give a slot when none was at hand; the scrap where every one is in use."""
        line = self._line
        self._checkpoint()
        if len(line) < _KEPT:
            self._begin_more()
        line.append(None)
        for passed in range(len(line)):
            try:
                slot = line.popleft()
            except IndexError:  # other threads were faster
                break
            if slot is not None:
                if passed:
                    line.append(None)
                return slot
        line.append(None)
        return self.scrap

    def wipe(self) -> None:
        """Forget what has ended, once it is counted. A slot is out of the line while that is done."""
        self._checkpoint()
        for _ in range(len(self._line)):
            try:
                slot = self.take()
            except IndexError:
                return
            if slot is not None:
                for word in range(SLOT_WORDS):
                    slot[word] = 0
            self.give(slot)

    def _begin_more(self) -> None:
        first = next(self._steps) * _STEP
        last = min(first + _STEP, self._table.count)
        if first >= last:
            return
        self._begun()
        at = self._table.at // 8
        words = self._words
        self._line.extend([words[at + n * SLOT_WORDS : at + (n + 1) * SLOT_WORDS] for n in range(first, last)])
