"""How a resource ended, read from what its release left behind."""

from __future__ import annotations

from itertools import islice
from types import CodeType

from lifetrack.ledger.capture import Trace, frames
from lifetrack.ledger.entries import (
    COLLECTED,
    EXTRA,
    KIND,
    RELEASE_OFFSET,
    RELEASE_TRACE,
    RELEASED,
    STATE,
    Entry,
)
from lifetrack.values import endings
from lifetrack.values.declarations import CONTEXT_RELEASES

_BLOCK_ENDS = frozenset(CONTEXT_RELEASES)
#: The release of what has no other than the end of its block.
_BLOCKS_ALONE = frozenset((name,) for name in CONTEXT_RELEASES)


def ending_of(entry: Entry) -> str:
    """Give one of :data:`lifetrack.values.endings.ENDINGS`."""
    state = entry[STATE]
    if state == COLLECTED:
        return endings.FINALIZER
    if state != RELEASED:
        return endings.NEVER
    return told_ending(entry) or ending_at(entry[RELEASE_TRACE], entry[RELEASE_OFFSET])


def told_ending(entry: Entry) -> str | None:
    """Give how a resource that was released has ended, where its site need not be read for that; None elsewhere."""
    extra = entry[EXTRA]
    if extra is not None and extra.ended is not None:
        return str(extra.ended)
    released_by = None if extra is None else extra.released_by
    if released_by in _BLOCK_ENDS or entry[KIND].declaration.release in _BLOCKS_ALONE:
        return endings.WITH
    return None


def ending_at(trace: Trace | CodeType | None, offset: int | None) -> str:
    """Tell by the site: the end of a block calls the release from ``__exit__``, or is the release itself."""
    for code, _ in islice(frames(trace, offset), 2):
        if code.co_name in _BLOCK_ENDS:
            return endings.WITH
        if code.co_name == "__del__":
            return endings.FINALIZER
    return endings.EXPLICIT
