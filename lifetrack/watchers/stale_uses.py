"""Uses of a raw descriptor after its close: the functions of ``os`` that read and write by number.

They are exchanged only when the first descriptor of the program's was closed. That the system refuses a number is
suspected, for tests ask that way whether something is closed. A number that is a file's by now is that file's own
business as soon as somebody has asked the file for it; as long as nobody has, the number can only be the old one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import BuiltinFunctionType, FrameType, FunctionType
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
#: What they are, where nobody has put anything else in their place: some event loops put functions of Python's there.
_FUNCTIONS = (BuiltinFunctionType, FunctionType)
_ANOTHERS = ", when its number was that of another file"


class StaleUses:
    """The functions that use a descriptor, while they are exchanged."""

    def __init__(self, listeners: Callable[[], tuple[Recording, ...]]) -> None:
        self._listeners = listeners
        #: Those that are not exchanged yet, by name: as they were when tracking began. A test may have put something
        #: else in the place of one when the first descriptor is closed; it has its turn when it is back.
        self._waiting: dict[str, Any] = {}
        self._replaced: list[tuple[object, object]] = []

    def prepare(self) -> None:
        """Have noted where they are by the walk that exchanges the others; a few modules have them, of hundreds."""
        found = ((name, getattr(os, name, None)) for name in _USES)
        self._waiting = {name: function for name, function in found if isinstance(function, _FUNCTIONS)}
        foresee(self._waiting.values())

    def put(self) -> None:
        """Replace them under all their names, if they are there; does nothing the second time."""
        if not self._waiting:
            return
        there = [name for name, function in self._waiting.copy().items() if getattr(os, name, None) is function]
        found = [(name, self._waiting.pop(name, None)) for name in there]  # another thread may be faster
        pairs = [(each, replacement(each, self._using(name, each))) for name, each in found if each is not None]
        if pairs:
            self._replaced += pairs
            exchange_all(pairs)
        if not self._waiting:
            forget_foreseen()

    def restore(self) -> None:
        """Give all the names back."""
        forget_foreseen()
        exchange_all([(new, old) for old, new in self._replaced])
        self._replaced, self._waiting = [], {}

    def _using(self, function: str, native: Any) -> Callable[..., Any]:
        names = _USES[function]

        def using(_: object, /, *args: Any, **kwargs: Any) -> Any:
            for at, name in enumerate(names):
                number = args[at] if at < len(args) else kwargs.get(name)
                if number.__class__ is int and number in CLOSED:
                    self._used(number, function, caller(1))
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
