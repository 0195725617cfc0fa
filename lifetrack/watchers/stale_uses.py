"""Uses of a raw descriptor after its close: the functions of ``os`` that read and write by number.

They are exchanged only when the first descriptor of the program's was closed. That the system refuses a number is
suspected, for tests ask that way whether something is closed. A number that is a file's by now is that file's own
business as soon as somebody has asked the file for it; as long as nobody has, the number can only be the old one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import FrameType
from typing import Any

from lifetrack.ledger.callers import caller
from lifetrack.watchers.aliases import exchange_all, foresee, forget_foreseen, replacement
from lifetrack.watchers.number_sources import is_asked_for
from lifetrack.watchers.numbers import CLOSED, UNASKED, is_open
from lifetrack.watchers.recording import Recording

#: The functions with the names of those parameters that are descriptors; they come first.
_USES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "read", "write", "pread", "pwrite", "readv", "writev", "preadv", "pwritev", "lseek", "ftruncate", "fsync",
            "fdatasync", "fchmod", "fchown", "posix_fallocate", "posix_fadvise",
        ),
        ("fd",),
    ),
    "sendfile": ("out_fd", "in_fd"), "copy_file_range": ("src", "dst"), "splice": ("src", "dst"),
}  # fmt: skip
_ANOTHERS = ", when its number was that of another file"


def _functions() -> list[Any]:
    return [getattr(os, name) for name in _USES if hasattr(os, name)]


class StaleUses:
    """The functions that use a descriptor, while they are exchanged."""

    def __init__(self, listeners: Callable[[], tuple[Recording, ...]]) -> None:
        self._listeners = listeners
        self._replaced: list[tuple[object, object]] = []

    def prepare(self) -> None:
        """Have noted where they are by the walk that exchanges the others; a few modules have them, of hundreds."""
        foresee(_functions())

    def put(self) -> None:
        """Replace them under all their names; does nothing the second time."""
        if not self._replaced:
            functions = _functions()
            self._replaced = [(function, replacement(function, self._using(function))) for function in functions]
            exchange_all(self._replaced)
            forget_foreseen()

    def restore(self) -> None:
        """Give all the names back."""
        forget_foreseen()
        exchange_all([(new, old) for old, new in self._replaced])
        self._replaced = []

    def _using(self, native: Any) -> Callable[..., Any]:
        names = _USES[native.__name__]

        def using(_: object, /, *args: Any, **kwargs: Any) -> Any:
            for at, name in enumerate(names):
                number = args[at] if at < len(args) else kwargs.get(name)
                if number.__class__ is int and number in CLOSED:
                    self._used(number, native.__name__, caller(1))
            return native(*args, **kwargs)

        return using

    def _used(self, number: int, name: str, frame: FrameType) -> None:
        known, is_anothers = CLOSED[number], number in UNASKED
        if known.is_in_hand() or (not is_anothers and is_open(number)):
            return  # a file or socket that may have told its number, or opened by ways that are not watched
        if is_asked_for(frame, name):
            return  # of one that is closed meanwhile
        for listener in self._listeners():
            entry = listener.ledger.entries.get(id(known))
            if entry is not None:
                words = {"meanwhile": _ANOTHERS} if is_anothers else {}
                listener.engine.violation(
                    "LT201", entry, "used", frame, certain=is_anothers, may_raise=False, words=words
                )
