"""Making entries, and noting their release, where no generated wrapper does it."""

from __future__ import annotations

from types import FrameType

from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import RELEASE_MOMENT, RELEASE_OFFSET, RELEASE_TRACE, RELEASED, STATE, Entry, Kind


def new_entry(engine: Engine, kind: Kind, state: int, number: int | None, frame: FrameType | None) -> Entry:
    """Make an entry the slow way."""
    trace, offset, when = (None, None, None) if frame is None else engine.place(frame)
    return [state, number, trace, offset, engine.ledger.place.get(), kind, when, None, None, None, None]


def note_release(engine: Engine, entry: Entry, frame: FrameType) -> None:
    """Note where and when a resource was released, and that it was."""
    entry[RELEASE_TRACE], entry[RELEASE_OFFSET], entry[RELEASE_MOMENT] = engine.place(frame)
    if engine.ledger.journal is not None:
        engine.ledger.journal.released(entry)
    entry[STATE] = RELEASED
