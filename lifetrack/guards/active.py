"""The engines that are on: owners, handles and borrows tell all of them, for they belong to no tracker."""

from __future__ import annotations

from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import Entry
from lifetrack.ledger.territory import FILES, OURS
from lifetrack.values.settings import Level


class _Nobodys(dict[str, int]):
    """Says of every file that it is not the user's."""

    def __missing__(self, filename: str) -> int:
        return OURS


class Lone:
    """The parts of the one engine that is on, which is the usual case: the fast paths read them without a loop."""

    __slots__ = ("engine", "entries", "mark", "moved", "when", "whose")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        #: Empty where a journal is to be told: what is not found goes the long way.
        self.entries: dict[int, Entry] = engine.ledger.entries if engine.ledger.journal is None else {}
        self.moved = engine.ledger.moved
        self.mark = engine.mark
        self.when = engine.when
        #: Whose a file is, where its site alone is to be noted; else none is anybody's, and ``mark`` has to do it.
        self.whose: dict[str, int] = FILES if engine.level == Level.SITES else _Nobodys()


#: Read as ``active.engines``; replaced as a whole, so that whoever goes through it needs no lock.
engines: tuple[Engine, ...] = ()
#: None while no engine is on, or several are.
lone: Lone | None = None


def _set(changed: tuple[Engine, ...]) -> None:
    global engines, lone  # noqa: PLW0603 - the one list of a process
    engines = changed
    lone = Lone(changed[0]) if len(changed) == 1 else None


def enlist(engine: Engine) -> None:
    """Let an engine be told."""
    _set((*engines, engine))


def delist(engine: Engine) -> None:
    """Tell it no more; does nothing for one that is not enlisted."""
    _set(tuple(item for item in engines if item is not engine))
