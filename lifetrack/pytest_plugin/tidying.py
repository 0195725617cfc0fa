"""Tidying: errors are shown without lifetrack's frames, and one of ours at the line that caused it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from types import TracebackType

from lifetrack.guards.engine import note_of
from lifetrack.ledger.territory import FILES, OURS, USER
from lifetrack.values.errors import LifetrackError
from lifetrack.values.events import Event
from lifetrack.values.tracebacks import chain, link


def tidy(error: BaseException) -> None:
    """Take our frames out of the tracebacks of an error and of those that led to it, as if nobody had watched.

    Of an error of ours the notes lose what tells their reader nothing.
    """
    with suppress(Exception):  # a class of the program's may answer anything; the error is shown all the same
        for each in chain(error):
            _unlink(each.__traceback__)
    finding = error.finding if isinstance(error, LifetrackError) else None
    notes = getattr(error, "__notes__", None)
    if finding is None or not isinstance(notes, list):
        return
    shorter = {note_of(event): note_of(_without_runner(event)) for event in finding.events}
    notes[:] = [shorter.get(note, note) for note in notes]


def _unlink(traceback: TracebackType | None) -> None:
    """Take out our frames, each with the call of pluggy that threw an error into it; one that is all ours stays."""
    head, is_through = traceback, False
    kept: list[TracebackType] = []
    while traceback is not None:
        if FILES[traceback.tb_frame.f_code.co_filename] == OURS:
            is_through = True
        else:
            # A hook with one of our wrappers is there twice: where it threw into that, and where it was before.
            if is_through and kept and kept[-1].tb_frame is traceback.tb_frame:
                kept.pop()
            kept.append(traceback)
            is_through = False
        traceback = traceback.tb_next
    if kept and kept[0] is head:
        link(kept)


def _without_runner(event: Event) -> Event:
    """Leave out the callers of the user's outermost frame: they are the test runner's."""
    users = [index for index, site in enumerate(event.stack) if FILES[site.file] == USER]
    return replace(event, stack=event.stack[: users[-1] + 1]) if users else event
