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
from types import CodeType, FunctionType, MethodType
from typing import Any

from lifetrack.ledger.entries import type_name
from lifetrack.values.declarations import Declaration
from lifetrack.watchers.aliases import Replacement, exchange, replacement
from lifetrack.watchers.entry_code import REMEMBER, SPACE, compiled, frame_at, indented, parts, record
from lifetrack.watchers.file_ends import Ends
from lifetrack.watchers.numbers import CLOSED, OPEN, claimed
from lifetrack.watchers.raw_files import RAW_OF
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.shared import Shared

#: What reads a module for the import system and what writes its bytecode: each closes its file itself, at once.
_IMPORT = sys.modules["_frozen_importlib_external"].FileLoader.get_data.__code__
_COMPILE = sys.modules["_frozen_importlib_external"]._write_atomic.__code__
_LINE_BUFFERING = "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used"

#: What stands in for ``open``: with up to two arguments and no name among them there is nothing special about it.
_OPEN = """
def open(_, /, *args, **kwargs):
    {remember}
    rare = kwargs or len(args) > {plain}
    if rare:
        by = native
        if {plain} < 0 or len(args) > 2 or "buffering" in kwargs:
            args, kwargs, by = special(args, kwargs, native, unbuffered)
        file = by(*args, **kwargs)
    else:
        file = native(*args)
    cls = file.__class__
    reach = RAW_OF.get(cls)
    raw = file if reach is None else reach(file)
    if raw.__class__ is not FileIO:
        untrackable(cls)
        return file{frame}
    code = frame.f_code
    if code is IMPORT or code is COMPILE or rare and not raw.closefd:
        return file  # the descriptor is somebody else's
    if OPEN or CLOSED:
        claimed(raw, args[0] if args else None, frame)"""
_NOTE = """
    if pending{i}:
        drain{i}()
    kind = kinds{i}.get(cls)
    if kind is not None:{record}"""
_OPENED = """
    if reach is not None:
        shadows = raw.__dict__
        shadows["close"] = Method(close, raw)
        shadows["_dealloc_warn"] = dropped
    return file
"""
#: The same when nobody listens any more.
_PLAIN = """
def open(_, /, *args, **kwargs):
    return native(*args, **kwargs)
"""


class WatchedFiles(Shared):
    """``open``, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self._declaration = declaration
        self._original: Any = io.open
        self._replacement: Replacement | None = None
        self._ends = Ends(self, declaration)
        self._space: dict[str, Any] = {
            **SPACE, "native": io.open, "RAW_OF": RAW_OF, "FileIO": io.FileIO, "IMPORT": _IMPORT, "COMPILE": _COMPILE,
            "OPEN": OPEN, "CLOSED": CLOSED, "claimed": claimed, "Method": MethodType, "special": _special,
            "unbuffered": self._ends.unbuffered, "untrackable": self._untrackable, "close": self._ends.close,
            "dropped": self._ends.dropped,
        }  # fmt: skip
        self._opening: Any = FunctionType(self._code(), self._space)

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
        for i, listener in enumerate(self.listeners):
            made = parts(listener, self._declaration, (*RAW_OF, io.FileIO))
            self._space.update((f"{name}{i}", value) for name, value in made.items())
        self._opening.__code__ = self._code()

    def put(self) -> None:
        """Replace ``open`` under all its names."""
        self._original = self._space["native"] = io.open
        self._replacement = replacement(self._original, self._opening)
        exchange(self._original, self._replacement)

    def restore(self) -> None:
        """Give all the names back; files that are open keep their shadows, which do nothing more, until they close."""
        made, self._replacement = self._replacement, None
        if made is not None:
            exchange(made, self._original)

    def _code(self) -> CodeType:
        if not self.listeners:
            return compiled(_PLAIN, "files")
        notes = "".join(
            _NOTE.format(i=i, record=indented(record(i, each, "raw"), 4)) for i, each in enumerate(self.listeners)
        )
        plain = -1 if sys.flags.warn_default_encoding else 2
        return compiled(
            _OPEN.format(remember=REMEMBER, plain=plain, frame=frame_at(1).rstrip()) + notes + _OPENED, "files"
        )

    def _untrackable(self, cls: type) -> None:
        for listener in self.listeners:
            listener.ledger.gaps.untrackable(type_name(cls), "the file below it is of another class than io.FileIO")


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
            warnings.warn(_LINE_BUFFERING, RuntimeWarning, stacklevel=2)
            buffering = -1
        elif buffering == 0 and closefd and _is_plain(mode) and encoding is errors is newline is None:
            path = file if isinstance(file, int) else os.fspath(file)
            return (path, mode.replace("b", ""), closefd, opener), {}, unbuffered
    elif encoding is None and sys.flags.warn_default_encoding:
        encoding = io.text_encoding(None, 2)
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
