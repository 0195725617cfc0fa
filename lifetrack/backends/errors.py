"""What goes wrong in a plugin: kept as text, so that no frame and no backend is held by an error that is kept."""

from __future__ import annotations

from lifetrack.values.errors import BackendError
from lifetrack.values.tracebacks import chain

#: What a plugin may raise without ending the program: one that calls ``sys.exit()`` in its import is just broken.
BROKEN = (Exception, SystemExit)


def settled(error: BaseException) -> str:
    """Take the tracebacks off an error that will be kept; give them as text.

    The text is also added to the error as a note, so that it is shown wherever the error is.
    """
    import traceback

    text = "".join(traceback.format_exception(error))
    for each in chain(error):
        each.__traceback__ = None
    if not isinstance(error, BackendError):
        error.add_note(text.rstrip())
    return text


def log(level: str, message: str, *args: object) -> None:
    """Log under ``lifetrack.backends``; ``level`` is the name of a method of the logger."""
    import logging

    getattr(logging.getLogger("lifetrack.backends"), level)(message, *args)
