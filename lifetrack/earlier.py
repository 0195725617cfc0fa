"""What was there before tracking began: descriptors by one cheap look at the start, objects by one at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from lifetrack.ledger.ledger import Ledger
from lifetrack.values.records import UNKNOWN, Unseen
from lifetrack.watchers.rows import DESCRIPTORS, FILES, SOCKETS
from lifetrack.watchers.unmet import unmet
from lifetrack.watchers.watching import classes_in_use, mechanisms_of
from lifetrack.witness import system

_CLOSED = "open before tracking began, closed since"
_OPEN = "open before tracking began, and still"
_ALIVE = "alive without a record: acquired before tracking began, or not by its constructor"
#: Standard input, output and error, which nobody has to close.
_STANDARD = (0, 1, 2)


class Earlier:
    """The descriptors that were open when tracking began: one look, a few microseconds for each.

    What Python opens is not inherited by other programs, so what is was opened by whoever started this one.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        standard = {_look(number) for number in _STANDARD}
        self._open: dict[int, tuple[int, int, int]] = {}
        for number in map(int, system.names()):
            what = _look(number)
            if what is not None and what not in standard and _is_own(number):
                self._open[number] = what

    def unseen(
        self, ledger: Ledger, declared: Iterable[type], watched: tuple[str, ...], *, heap: bool
    ) -> Iterator[Unseen]:
        """Tell what of the watched kinds was there before; nothing in a forked child, whose parent tells it.

        Without ``heap`` only of the descriptors.
        """
        if os.getpid() != self._pid:
            return
        own = None if ledger.journal is None else ledger.journal.file
        counts = Counter(self._descriptors(mechanisms_of(watched), own))
        for (kind, why), number in sorted(counts.items()):
            yield Unseen(UNKNOWN, f"{kind} descriptor", number, why)
        found = unmet(ledger.entries, declared, classes_in_use()) if heap else Counter()
        for name, number in sorted(found.items()):
            yield Unseen(UNKNOWN, name, number, _ALIVE)

    def _descriptors(self, mechanisms: frozenset[str], own: tuple[int, int] | None) -> Iterator[tuple[str, str]]:
        for number, what in self._open.items():
            if what[1:] == own:  # that of the journal
                continue
            kind = system.kind_of(what[0])
            if (SOCKETS if kind == "socket" else FILES) in mechanisms or DESCRIPTORS in mechanisms:
                yield kind, _OPEN if _look(number) == what else _CLOSED


def _is_own(number: int) -> bool:
    try:
        return not os.get_inheritable(number)
    except OSError:
        return False


def _look(number: int) -> tuple[int, int, int] | None:
    """Tell what a descriptor stands for: its mode, device and inode; None if it is not open."""
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_mode, status.st_dev, status.st_ino
