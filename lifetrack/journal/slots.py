"""Slots: where a journal keeps its resources. One that has ended stays readable until its slot is needed again.

Those that nothing is open in wait in line, the longest ended first, so history never takes the place of what is open.
There are two lines: what has ended goes into one, and comes into the other, from which it is taken, when it is counted;
for it may be overwritten from then on. One thread at a time moves them over, while others have a reserve. Who finds
that empty as well waits for a moment, a few milliseconds at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from threading import get_ident
from time import sleep
from typing import Any

from lifetrack.journal.format import SLOT, SLOT_WORDS, Table
from lifetrack.ledger.entries import counted

#: How many slots are begun or moved at once, how many have ended at least before one is used again while there is room,
#: and how many are kept for those who come while others are moved.
_STEP, _KEPT, _RESERVE = 256, 1024, 64
#: After how many vain attempts the turn is taken to be lost: an exception may come from a signal at any moment.
_LOST = 2000
#: For how many seconds in turn somebody waits for the thread that has the turn: mostly it lacks the interpreter only.
_PAUSES = (0.0, 0.0, 0.0001, 0.0004, 0.001, 0.003, 0.006)


class Slots:
    """The slots of one journal. ``scrap`` is what is written where there is none.

    ``take`` gives the next one or raises IndexError; then it is :meth:`refill` that gives it.
    """

    def __init__(self) -> None:
        self._ready: deque[Any] = deque()
        self._ended: deque[Any] = deque()
        self._reserve: deque[Any] = deque()
        #: Whoever takes this may move slots from one line into the other.
        self._turn = [True]
        #: The thread that has done so last.
        self._mover = 0
        self.take, self.give = self._ready.popleft, self._ended.append
        self.scrap = memoryview(bytearray(SLOT.size)).cast("Q")
        self.end()

    def begin(
        self, words: Any, table: Table, begun: Callable[[int, int], None], checkpoint: Callable[[], None]
    ) -> None:
        """Use these slots from now on; ``words`` is the whole file, 8 bytes each."""
        self._words, self._table, self._begun, self._checkpoint = words, table, begun, checkpoint
        self._steps, self._misses = count(), count()
        self._turn[:] = [True]
        for line in (self._ready, self._ended, self._reserve):
            line.clear()

    def end(self) -> None:
        """Use none any more."""
        self.begin(None, Table(0, 0, SLOT.size), lambda step, end: None, lambda: None)

    def begun(self) -> int:
        """Give how many slots may have been written so far."""
        return min(self._table.count, counted(self._steps) * _STEP)

    def refill(self) -> Any:
        """Give a slot when none was at hand; the scrap where every one is in use."""
        for pause in _PAUSES:
            fresh, is_certain = self._refilled()
            if fresh is not None:
                return fresh
            # Where it is this thread that has the turn, the collector or a signal has come in between.
            if is_certain or self._mover == get_ident():
                break
            sleep(pause)
        if not self._turn and next(self._misses) % _LOST == _LOST - 1:
            self._turn.append(True)
        return self.scrap

    def _refilled(self) -> tuple[Any, bool]:
        """Give a slot if there is one, and whether it is certain that there is none."""
        fresh, has_turn = None, True
        try:
            turn = self._turn.pop()
        except IndexError:  # another thread is at it, or the collector has come in between
            fresh, has_turn = self._begin_more(), False
        else:
            self._mover = get_ident()
            try:
                fresh = self._begin_more() if len(self._ended) < _KEPT else None
                fresh = self._move() if fresh is None else fresh
            finally:
                self._turn.append(turn)
        return self._at_hand() if fresh is None else fresh, has_turn

    def _at_hand(self) -> Any:
        """Give a slot that is ready, or one of the reserve."""
        for line in (self._ready, self._reserve):
            try:
                return line.popleft()
            except IndexError:
                continue
        return None

    def _move(self) -> Any:
        """Let the longest ended be used again, once they are counted; give one of them, or None."""
        number = min(len(self._ended), _STEP)
        self._checkpoint()
        moved = [self._ended.popleft() for _ in range(number)]
        first = moved.pop() if moved else None
        while moved and len(self._reserve) < _RESERVE:
            self._reserve.append(moved.pop())
        self._ready.extend(moved)
        return first

    def wipe(self) -> bool:
        """Forget what has ended, once it is counted; give whether it was possible. Meanwhile a slot is out of line."""
        try:
            turn = self._turn.pop()
        except IndexError:
            return False
        self._mover = get_ident()
        try:
            ended = len(self._ended)
            self._checkpoint()
            self._wipe(self._ready, len(self._ready))
            self._wipe(self._reserve, len(self._reserve))
            self._wipe(self._ended, ended)
        finally:
            self._turn.append(turn)
        return True

    def _wipe(self, line: deque[Any], number: int) -> None:
        for _ in range(number):
            try:
                slot = line.popleft()
            except IndexError:  # other threads take from it
                return
            for word in range(SLOT_WORDS):
                slot[word] = 0
            self._ready.append(slot)

    def _begin_more(self) -> Any:
        """Begin slots that were never used; give one of them, or None where there are no more."""
        step = next(self._steps)
        first = step * _STEP
        last = min(first + _STEP, self._table.count)
        if first >= last:
            return None
        self._begun(step, last)
        at = self._table.at // 8
        words = self._words
        made = [words[at + n * SLOT_WORDS : at + (n + 1) * SLOT_WORDS] for n in range(first, last)]
        self._ready.extend(made[1:])
        return made[0]
