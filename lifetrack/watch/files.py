"""The mechanism for files: opened natively, every type exactly what it was, reading and writing at plain speed.

``close`` and ``_dealloc_warn`` are shadowed in the instance dictionary of the innermost raw file, where the C code
above looks them up by name. An implicit close is told from an explicit one: a reference count of zero calls
``_dealloc_warn`` first, the cycle collector closes with ``_finalizing`` set, an explicit close does neither.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
import weakref
from sys import _getframe
from types import FrameType, MethodType
from typing import Any

from lifetrack.ledger.capture import locate
from lifetrack.ledger.entries import OFFSET, TRACE, Entry
from lifetrack.ledger.moment import moment
from lifetrack.ledger.territory import FILES, USER
from lifetrack.values.declarations import Declaration
from lifetrack.values.settings import Level
from lifetrack.watch.aliases import Replacement, exchange, replacement
from lifetrack.watch.recording import Recording
from lifetrack.watch.shared import Shared

_FileIO = io.FileIO
_Text = io.TextIOWrapper
_Buffered = frozenset({io.BufferedReader, io.BufferedWriter, io.BufferedRandom})
_native_close: Any = io.FileIO.close
_LINE_BUFFERING = "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"


class WatchedFiles(Shared):
    """``open``, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self._declaration = declaration
        self._original: Any = io.open
        self._replacement: Replacement | None = None

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

        def opening(native: Any, _: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            for listener in self.listeners:
                if listener.ledger.pending:
                    listener.drain()
            if encoding_is_warned_of or kwargs.get("buffering") == 1 or (len(args) > 2 and args[2] == 1):
                args, kwargs = _with_warnings(args, kwargs, encoding_is_warned_of)
            file = native(*args, **kwargs)
            if self.listeners:
                self._opened(file, _getframe(1))
            return file

        return opening

    def _opened(self, file: Any, frame: FrameType) -> None:
        cls = file.__class__
        if cls is _Text:
            raw = file.buffer.raw
        elif cls in _Buffered:
            raw = file.raw
        else:
            raw = file
        if raw.__class__ is not _FileIO:
            for listener in self.listeners:
                listener.ledger.note_untrackable()
            return
        if not raw.closefd:
            return  # the descriptor is somebody else's
        for listener in self.listeners:
            self._record(listener, raw, cls, frame)
        shadows = raw.__dict__
        if raw is file:
            # It must not be kept alive by its own shadow.
            shadows["close"] = _Outermost(self, raw)
        else:
            shadows["close"] = MethodType(self._close, raw)
            shadows["_dealloc_warn"] = MethodType(self._dropped, raw)

    def _record(self, listener: Recording, raw: Any, cls: type, frame: FrameType) -> None:
        kind = listener.kind(cls, self._declaration)
        if kind is None:
            return
        level = listener.engine.settings.level
        ledger = listener.ledger
        if level >= Level.STACKS:
            entry: Entry = [
                1, kind.next(), listener.engine.capture(frame), None, ledger.place.get(), kind, moment(),
                None, None, None, None,
            ]  # fmt: skip
        else:
            entry = [1, kind.next(), None, None, ledger.place.get(), kind, None, None, None, None, None]
            if level == Level.SITES:
                code = frame.f_code
                if FILES[code.co_filename] == USER:
                    entry[TRACE], entry[OFFSET] = code, frame.f_lasti
                elif (site := locate(frame)) is not None:
                    entry[TRACE], entry[OFFSET] = site
        ledger.entries[id(raw)] = entry

    # -- the shadows: these may run in the garbage collector, so they take no lock and only enqueue ----------------

    def _close(self, raw: Any) -> Any:
        shadows = raw.__dict__
        shadows.pop("close", None)
        shadows.pop("_dealloc_warn", None)
        if raw._finalizing:
            # The collector closes this file itself, before those above it.
            self._lose(id(raw))
            raw._finalizing = False
            _warn_unclosed(raw, raw)
        else:
            self._release(id(raw), _getframe(1))
        return _native_close(raw)

    def _dropped(self, raw: Any, source: object) -> None:
        shadows = raw.__dict__
        shadows.pop("_dealloc_warn", None)
        self._lose(id(raw))
        _warn_unclosed(raw, source)

    def _lose(self, key: int) -> None:
        for listener in self.listeners:
            entry = listener.ledger.entries.pop(key, None)
            if entry is not None:
                listener.ledger.pending.append(entry)

    def _release(self, key: int, frame: FrameType) -> None:
        for listener in self.listeners:
            entry = listener.ledger.entries.pop(key, None)
            if entry is not None and _in_finalizer(frame, entry):
                listener.ledger.pending.append(entry)


class _Outermost:
    """The shadow of ``close`` on an unbuffered file, which is the raw file itself."""

    __slots__ = ("_descriptor", "_files", "_key", "_reference")

    def __init__(self, files: WatchedFiles, raw: Any) -> None:
        self._files = files
        self._reference = weakref.ref(raw)
        self._key = id(raw)
        self._descriptor = raw.fileno()

    def __call__(self) -> Any:
        raw = self._reference()
        if raw is not None:
            return self._files._close(raw)
        # The collector clears weak references before it finalizes what is in a cycle.
        self._files._lose(self._key)
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            warnings.warn("unclosed file", ResourceWarning, stacklevel=2)
            os.close(descriptor)
        return None


def _in_finalizer(frame: FrameType | None, entry: Entry) -> bool:
    """Whether a close comes from a ``__del__`` method: of the nearest user's function, or of a library below it."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__":
            trace = entry[TRACE]
            opened_by = trace[0] if isinstance(trace, tuple) and trace else trace
            return opened_by is not code
        if FILES[code.co_filename] == USER:
            return False
        frame = frame.f_back
    return False


def _warn_unclosed(raw: Any, source: object) -> None:
    """Warn as the interpreter would, at the line that dropped the file and not in this function."""
    if raw.closed:
        return
    try:
        warnings.warn(f"unclosed file {source!r}", ResourceWarning, stacklevel=3, source=source)
    except Warning as error:  # a filter makes errors of warnings; nobody is there to catch this one
        make: Any = sys.UnraisableHookArgs
        sys.unraisablehook(make((type(error), error, None, None, raw)))


def _with_warnings(
    args: tuple[Any, ...], kwargs: dict[str, Any], encoding_is_warned_of: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the warnings that ``open`` would give at its caller's line, and arguments for which it gives none."""
    try:
        file, mode, buffering, encoding, *rest = _arguments(*args, **kwargs)
    except TypeError:
        return args, kwargs  # let open() itself say what is wrong
    if not isinstance(mode, str):
        return args, kwargs
    binary = "b" in mode
    if binary and buffering == 1:
        warnings.warn(_LINE_BUFFERING, RuntimeWarning, stacklevel=3)
        buffering = -1
    if encoding_is_warned_of and not binary and encoding is None:
        encoding = io.text_encoding(None, 3)
    return (file, mode, buffering, encoding, *rest), {}


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
