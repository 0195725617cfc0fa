"""How a resource ended, read from what its release left behind."""

from __future__ import annotations

from lifetrack.ledger.entries import COLLECTED, EXTRA, KIND, RELEASED, STATE, Entry, release_stack
from lifetrack.values import endings
from lifetrack.values.declarations import CONTEXT_RELEASES

_BLOCK_ENDS = frozenset(CONTEXT_RELEASES)


def ending_of(entry: Entry) -> str:
    """Give one of :data:`lifetrack.values.endings.ENDINGS`."""
    state, extra = entry[STATE], entry[EXTRA]
    if state == COLLECTED:
        return endings.FINALIZER
    if state != RELEASED:
        return endings.NEVER
    if extra is not None and extra.ended is not None:
        return str(extra.ended)
    return _read(entry)


def _read(entry: Entry) -> str:
    """Tell by the site: the end of a block calls the release from ``__exit__``, or is the release itself."""
    declaration, extra = entry[KIND].declaration, entry[EXTRA]
    released_by = None if extra is None else extra.released_by
    if released_by in _BLOCK_ENDS or declaration.release in {("__exit__",), ("__aexit__",)}:
        return endings.WITH
    for code, _ in release_stack(entry)[:2]:
        if code.co_name in _BLOCK_ENDS:
            return endings.WITH
        if code.co_name == "__del__":
            return endings.FINALIZER
    return endings.EXPLICIT
