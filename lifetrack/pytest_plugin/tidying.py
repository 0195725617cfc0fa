"""Tidying: an error of ours is shown at the line that caused it, without lifetrack's and pytest's own frames."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType

from lifetrack.guards.engine import note_of
from lifetrack.ledger.territory import FILES, OURS, USER
from lifetrack.values.errors import LifetrackError
from lifetrack.values.events import Event


def tidy(error: BaseException) -> None:
    """Take out of an error's traceback and notes what tells its reader nothing; others' errors stay as they are."""
    if not isinstance(error, LifetrackError):
        return
    _cut(error.__traceback__)
    finding = error.finding
    notes = getattr(error, "__notes__", None)
    if finding is None or not isinstance(notes, list):
        return
    shorter = {note_of(event): note_of(_without_runner(event)) for event in finding.events}
    notes[:] = [shorter.get(note, note) for note in notes]


def _cut(traceback: TracebackType | None) -> None:
    """Let a traceback end with the last frame that is not ours; one that is all ours stays."""
    last = None
    while traceback is not None:
        if FILES[traceback.tb_frame.f_code.co_filename] != OURS:
            last = traceback
        traceback = traceback.tb_next
    if last is not None:
        last.tb_next = None


def _without_runner(event: Event) -> Event:
    """Leave out the callers of the user's outermost frame: they are the test runner's."""
    users = [index for index, site in enumerate(event.stack) if FILES[site.file] == USER]
    return replace(event, stack=event.stack[: users[-1] + 1]) if users else event
