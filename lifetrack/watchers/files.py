"""The mechanism for files: opened natively, every type exactly what it was, reading and writing at plain speed.

``close`` and ``_dealloc_warn`` are shadowed in the instance dictionary of the innermost raw file, where the C code
above looks them up by name. An implicit close is told from an explicit one: a reference count of zero calls
``_dealloc_warn`` first, the cycle collector closes with ``_finalizing`` set, an explicit close does neither.

An unbuffered file is its own raw file: a shadow would keep it alive. So it is of a subclass that answers as the real
one.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable
from sys import _getframe
from types import FrameType, MethodType
from typing import Any

from lifetrack.ledger.capture import locate
from lifetrack.ledger.entries import Entry, Kind, type_name
from lifetrack.ledger.moment import moment, stamp
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values.declarations import Declaration
from lifetrack.values.settings import Level
from lifetrack.watchers.aliases import Replacement, exchange, replacement
from lifetrack.watchers.file_ends import Ends
from lifetrack.watchers.numbers import CLOSED, OPEN, claimed
from lifetrack.watchers.raw_files import RAW_OF
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.shared import Shared

_FileIO = io.FileIO
#: What reads a module for the import system and what writes its bytecode: each closes its file itself, at once.
_IMPORT = sys.modules["_frozen_importlib_external"].FileLoader.get_data.__code__
_COMPILE = sys.modules["_frozen_importlib_external"]._write_atomic.__code__
_LINE_BUFFERING = "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"
#: The position of ``buffering`` among the arguments of open().
_BUFFERING = 2

Noting = Callable[[Any, type, FrameType], None]


class WatchedFiles(Shared):
    """``open``, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self._declaration = declaration
        self._original: Any = io.open
        self._replacement: Replacement | None = None
        self._notings: tuple[Noting, ...] = ()
        self._ends = Ends(self)

    def join(self, recording: Recording) -> None:
        """Let a tracker listen."""
        super().join(recording)
        self._listen()

    def leave(self, recording: Recording) -> None:
        """Let a tracker listen no more."""
        super().leave(recording)
        self._listen()

    def _listen(self) -> None:
        self._ends.listen()
        self._notings = tuple(_noting(each, self._declaration) for each in self.listeners)

    def put(self) -> None:
        """Replace ``open`` under all its names."""
        self._original = io.open
        self._replacement = replacement(self._original, self._opening())
        exchange(self._original, self._replacement)

    def restore(self) -> None:
        """Give all the names back; files that are open keep their shadows, which do nothing more, until they close."""
        made, self._replacement = self._replacement, None
        if made is not None:
            exchange(made, self._original)

    def _opening(self) -> Any:
        encoding_is_warned_of = bool(sys.flags.warn_default_encoding)
        close, dropped, unbuffered = self._ends.close, self._ends.dropped, self._ends.unbuffered

        native_open = self._original

        def opening(_: object, /, *args: Any, **kwargs: Any) -> Any:
            notings, native = self._notings, native_open
            if not notings:
                return native(*args, **kwargs)
            if encoding_is_warned_of or len(args) > _BUFFERING or "buffering" in kwargs:
                args, kwargs, native = _special(args, kwargs, native, unbuffered)
            file = native(*args, **kwargs)
            cls = file.__class__
            reach = RAW_OF.get(cls)
            raw = file if reach is None else reach(file)
            if raw.__class__ is not _FileIO:
                self._untrackable(cls)
                return file
            try:
                frame = _getframe(1)
            except ValueError:  # called straight from C, as by a bare new thread
                frame = _getframe(0)
            if not raw.closefd or frame.f_code is _IMPORT or frame.f_code is _COMPILE:
                return file  # the descriptor is somebody else's
            if OPEN or CLOSED:
                claimed(raw)
            for note in notings:
                note(raw, cls, frame)
            if reach is not None:
                shadows = raw.__dict__
                shadows["close"] = MethodType(close, raw)
                shadows["_dealloc_warn"] = MethodType(dropped, raw)
            return file

        return opening

    def _untrackable(self, cls: type) -> None:
        for listener in self.listeners:
            listener.ledger.gaps.untrackable(type_name(cls), "the file below it is of another class than io.FileIO")


def _noting(listener: Recording, declaration: Declaration) -> Noting:
    """Make the function that records an open file for one tracker, at its level; this is the fast path."""
    kinds: dict[type, Kind | None] = {}
    ledger, level = listener.ledger, listener.engine.settings.level
    pending, drain, entries, place = ledger.pending, listener.drain, ledger.entries, ledger.place.get
    journal = ledger.journal
    capture, with_stacks, with_site = listener.engine.capture, level >= Level.STACKS, level == Level.SITES
    timed = listener.engine.settings.timed

    def note(raw: Any, cls: type, frame: FrameType) -> None:
        if pending:
            drain()
        kind = kinds.get(cls)
        if kind is None:
            kind = kinds[cls] = listener.kind(cls, declaration)
            if kind is None:
                return
        entry: Entry
        if with_stacks:
            entry = [1, kind.next(), capture(frame), None, place(), kind, moment(), None, None, None, None]
        elif with_site:
            code, at = frame.f_code, frame.f_lasti
            if FILES[code.co_filename] != USER:
                code, at = locate(frame) or (code, at)
            entry = [1, kind.next(), code, at, place(), kind, stamp() if timed else None, None, None, None, None]
        else:
            entry = [1, kind.next(), None, None, place(), kind, None, None, None, None, None]
        if journal is not None:
            journal.acquired(entry)
        entries[id(raw)] = entry

    return listener.observed(note)


def _special(
    args: tuple[Any, ...], kwargs: dict[str, Any], native: Any, unbuffered: Any
) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Look at the rarer arguments of ``open``.

    Its warnings are given here, at its caller's line, as it would; an unbuffered file is opened by ``unbuffered``.
    """
    try:
        file, mode, buffering, encoding, errors, newline, closefd, opener = _arguments(*args, **kwargs)
    except TypeError:
        return args, kwargs, native  # let open() itself say what is wrong
    if not isinstance(mode, str):
        return args, kwargs, native
    binary = "b" in mode
    if binary and isinstance(buffering, int):
        if buffering == 1:
            warnings.warn(_LINE_BUFFERING, RuntimeWarning, stacklevel=3)
            buffering = -1
        elif buffering == 0 and closefd and _is_plain(mode) and encoding is errors is newline is None:
            path = file if isinstance(file, int) else os.fspath(file)
            return (path, mode.replace("b", ""), closefd, opener), {}, unbuffered
    elif encoding is None and sys.flags.warn_default_encoding:
        encoding = io.text_encoding(None, 3)
    return (file, mode, buffering, encoding, errors, newline, closefd, opener), {}, native


def _is_plain(mode: str) -> bool:
    """Whether a binary mode is one that ``open`` accepts."""
    letters = set(mode)
    return len(letters) == len(mode) and letters <= set("rwxab+") and len(letters & set("rwxa")) == 1


def _arguments(
    file: Any,
    mode: Any = "r",
    buffering: Any = -1,
    encoding: Any = None,
    errors: Any = None,
    newline: Any = None,
    closefd: Any = True,
    opener: Any = None,
) -> tuple[Any, ...]:
    return file, mode, buffering, encoding, errors, newline, closefd, opener
