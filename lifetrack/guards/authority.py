"""Authority: for which owner the running code releases something, and so how a resource ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from lifetrack.guards.callers import is_exit
from lifetrack.ledger.entries import Entry, place_of
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import Place
from lifetrack.ledger.territory import is_ours
from lifetrack.values import endings

#: The owner that releases what it owns right now; None while the program itself does.
_acting: ContextVar[Place | None] = ContextVar("lifetrack acting owner", default=None)


@contextmanager
def acting_for(place: Place) -> Iterator[None]:
    """Release for an owner, for a block; in this context only."""
    token = _acting.set(place)
    try:
        yield
    finally:
        _acting.reset(token)


def is_acting_for(place: Place) -> bool:
    """Whether the running code releases for the owner of something, or for an owner of that owner."""
    here = _acting.get()
    return here is not None and any(item is here for item in place.lineage())


def ending_now(ledger: Ledger, entry: Entry, frame: FrameType) -> str | None:
    """Tell how a resource ends that is released here; None where the site itself will tell."""
    if is_acting_for(place_of(entry)):
        return endings.OWNER
    if sys.is_finalizing():
        return endings.SHUTDOWN
    if ledger.exiting or is_ours(frame.f_code):  # exit hooks have no caller
        return endings.EXIT
    if frame.f_code.co_name == "__del__":
        return endings.FINALIZER
    return endings.WITH if is_exit(frame) else None
