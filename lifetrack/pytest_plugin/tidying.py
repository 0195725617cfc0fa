"""Tidying: errors are shown without lifetrack's frames, and one of ours at the line that caused it."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType

from lifetrack.guards.engine import note_of
from lifetrack.ledger.territory import FILES, OURS, USER
from lifetrack.values.errors import LifetrackError
from lifetrack.values.events import Event


def tidy(error: BaseException) -> None:
    """Take our frames out of the tracebacks of an error and of those that led to it, as if nobody had watched.

    Of an error of ours the notes lose what tells their reader nothing.
    """
    for each in _led_by(error):
        _unlink(each.__traceback__)
    finding = error.finding if isinstance(error, LifetrackError) else None
    notes = getattr(error, "__notes__", None)
    if finding is None or not isinstance(notes, list):
        return
    shorter = {note_of(event): note_of(_without_runner(event)) for event in finding.events}
    notes[:] = [shorter.get(note, note) for note in notes]


def _led_by(error: BaseException) -> list[BaseException]:
    """Give an error with its causes and contexts, and what is in it if it is a group."""
    found = [error]
    for each in found:  # which grows
        more = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        found += [other for other in (each.__cause__, each.__context__, *more) if other and _is_new(other, found)]
    return found


def _is_new(error: BaseException, found: list[BaseException]) -> bool:
    return all(error is not each for each in found)


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
        for each, following in zip(kept, [*kept[1:], None], strict=True):
            each.tb_next = following


def _without_runner(event: Event) -> Event:
    """Leave out the callers of the user's outermost frame: they are the test runner's."""
    users = [index for index, site in enumerate(event.stack) if FILES[site.file] == USER]
    return replace(event, stack=event.stack[: users[-1] + 1]) if users else event
