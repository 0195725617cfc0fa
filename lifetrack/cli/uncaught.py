"""What happens to a program's uncaught exception: printed as without lifetrack, by the program's own hook."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from lifetrack import watchers
from lifetrack.cli.program import without_our_frames
from lifetrack.ledger.territory import GENERATED
from lifetrack.values.tracebacks import chain, link

#: Where the functions come from that stand in place of watched ones: our files, and what is generated.
_WATCHING = (
    os.path.dirname(str(watchers.__file__)) + os.sep,
    *(f"{GENERATED}{what}" for what in ("watching", "files", "sockets")),
)


def conceal(error: BaseException) -> None:
    """Have the interpreter print ``error``, when it comes to it, without lifetrack's frames.

    Puts a hook into ``sys.excepthook`` that puts the program's own hook back and calls it.
    """
    if isinstance(error, SystemExit):
        return
    users = getattr(sys, "excepthook", None)

    def hook(_kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        if users is None:
            del sys.excepthook
        else:
            sys.excepthook = users
        _call_hook(_as_without_us(value, traceback))

    sys.excepthook = hook


def show(error: BaseException) -> None:
    """Print ``error`` now, as the interpreter does when a program ends with it.

    Raises SystemExit if the program's hook does.
    """
    value = _as_without_us(error, error.__traceback__)
    sys.last_type, sys.last_value = type(value), value
    if sys.version_info >= (3, 12):
        sys.last_exc = value
    _call_hook(value)


def exit_status(error: SystemExit) -> int:
    """Give the status that a SystemExit asks for; a text is printed, as the interpreter does, and gives 1."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    stream: TextIO | None = sys.stderr
    if stream is not None:
        with suppress(OSError, ValueError):
            stream.write(f"{error.code}\n")
            stream.flush()
    return 1


def _as_without_us(error: BaseException, traceback: TracebackType | None) -> BaseException:
    """Take our frames out of the traceback of ``error``, and of those that it came from."""
    error = error.with_traceback(without_our_frames(traceback))
    with suppress(Exception):  # a class of the program's may answer anything; the error is shown all the same
        for each in chain(error):
            each.__traceback__ = _without_watchers(each.__traceback__)
    return error


def _without_watchers(traceback: TracebackType | None) -> TracebackType | None:
    """Unlink the frames of watched functions, such as ``open``: the user called the function, not them."""
    kept: list[TracebackType] = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_WATCHING):
            kept.append(traceback)
        traceback = traceback.tb_next
    link(kept)
    return kept[0] if kept else None


def _call_hook(value: BaseException) -> None:
    sys.last_traceback = value.__traceback__
    hook = getattr(sys, "excepthook", None)
    if hook is None:
        _say("sys.excepthook is missing\n")
        sys.__excepthook__(type(value), value, value.__traceback__)
        return
    try:
        hook(type(value), value, value.__traceback__)
    except SystemExit:
        raise
    except BaseException as second:
        second.__traceback__ = None if second.__traceback__ is None else second.__traceback__.tb_next
        _say("Error in sys.excepthook:\n")
        sys.__excepthook__(type(second), second, second.__traceback__)
        _say("\nOriginal exception was:\n")
        sys.__excepthook__(type(value), value, value.__traceback__)


def _say(text: str) -> None:
    stream: TextIO | None = sys.stderr
    if stream is not None:
        with suppress(OSError, ValueError):
            stream.write(text)
