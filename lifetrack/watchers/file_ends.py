"""How files end: what stands in for ``close`` on them. It may run in the garbage collector, so it takes no lock."""

from __future__ import annotations

import io
import warnings
from types import FrameType
from typing import Any

from lifetrack.ledger.callers import caller
from lifetrack.watchers.finalizers import in_finalizer
from lifetrack.watchers.shared import Shared

_native_close: Any = io.FileIO.close
_native_warn: Any = vars(io.FileIO)["_dealloc_warn"]


class Ends:
    """The shadows of ``close`` and ``_dealloc_warn``, and the class of unbuffered files."""

    def __init__(self, files: Shared) -> None:
        self._files = files
        self.unbuffered = self._unbuffered_class()

    def close(self, raw: Any) -> Any:
        """Close a raw file, and note whether the program asked for it; takes the shadows away."""
        shadows = raw.__dict__
        shadows.pop("close", None)
        shadows.pop("_dealloc_warn", None)
        return self._end(raw, caller(1))

    def _end(self, raw: Any, frame: FrameType) -> Any:
        key = id(raw)
        if raw._finalizing:
            # The collector closes this very file: nobody has asked for it.
            self._lose(key)
            raw._finalizing = False
            _warn_unclosed(raw, raw, 4)
            return _native_close(raw)
        for listener in self._files.listeners:
            entry = listener.ledger.entries.pop(key, None)
            if entry is not None and in_finalizer(frame, entry):
                listener.ledger.pending.append(entry)
        return _native_close(raw)

    def dropped(self, raw: Any, source: object) -> None:
        """Hear from the buffer above that its last reference is gone."""
        raw.__dict__.pop("_dealloc_warn", None)
        self._lose(id(raw))
        _warn_unclosed(raw, source, 3)

    def _lose(self, key: int) -> None:
        for listener in self._files.listeners:
            entry = listener.ledger.entries.pop(key, None)
            if entry is not None:
                listener.ledger.pending.append(entry)

    def _unbuffered_class(self) -> Any:
        ends, real = self, io.FileIO

        def close(self: Any) -> Any:
            return ends._end(self, caller(1))

        def __repr__(self: Any) -> str:
            # From Python 3.13 on the real one names the class, without its module where that was made here.
            return real.__repr__(self).replace("<FileIO ", "<_io.FileIO ", 1)

        close.__doc__ = real.close.__doc__
        close.__qualname__ = "FileIO.close"
        namespace = {
            "__slots__": (),
            "__module__": real.__module__,
            "__doc__": real.__doc__,
            "__class__": property(lambda self: real),
            "__repr__": __repr__,
            "close": close,
        }
        return type(real.__name__, (real,), namespace)


def _warn_unclosed(raw: Any, source: object, level: int) -> None:
    """Warn as the interpreter would, at the line that dropped the file and not in this function."""
    if raw.closed:
        return
    try:
        warnings.warn(f"unclosed file {source!r}", ResourceWarning, stacklevel=level, source=source)
    except Warning:
        # A filter makes an error of it, which nobody is there to catch; the interpreter has its own way to show it.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _native_warn(raw, source)
