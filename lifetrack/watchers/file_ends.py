"""How files end: what stands in for ``close`` on them. It may run in the garbage collector, so it takes no lock."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from sys import _getframe
from typing import Any

from lifetrack.ledger.departures import COUNTED
from lifetrack.ledger.journaling import AGAIN
from lifetrack.ledger.territory import FILES, USER
from lifetrack.watchers.finalizers import in_finalizer
from lifetrack.watchers.numbers import UNASKED
from lifetrack.watchers.shared import Shared

#: Functions of the program that may be at work for a finalizer.
_SUSPECT = frozenset({"__del__", "close", "__exit__"})
_native_close: Any = io.FileIO.close
_native_warn: Any = vars(io.FileIO)["_dealloc_warn"]


class Ends:
    """The shadows of ``close`` and ``_dealloc_warn``, and the class of unbuffered files."""

    def __init__(self, files: Shared) -> None:
        self._files = files
        #: For each tracker: how to take an entry out, where to put one that was lost, who counts one that was not, and
        #: its journal if it has one.
        self._tables: tuple[tuple[Any, Any, Any, Any], ...] = ()
        self.close = self._closer()
        self.unbuffered = self._unbuffered_class()

    def listen(self) -> None:
        """Take note of who listens now."""
        ledgers = [each.ledger for each in self._files.listeners]
        self._tables = tuple(
            (each.entries.pop, each.pending.append, each.departures.tally, each.journal) for each in ledgers
        )

    def _closer(self) -> Callable[[Any], Any]:
        def close(raw: Any) -> Any:
            # Takes the shadows away, and notes whether the program asked for it.
            shadows = raw.__dict__
            try:
                del shadows["close"], shadows["_dealloc_warn"]
            except KeyError:  # it has been here before, or is unbuffered and has none
                shadows.pop("_dealloc_warn", None)
            if UNASKED and "fileno" in shadows:
                del shadows["fileno"]
                UNASKED.discard(raw.fileno())
            if raw._finalizing:
                return self._finalized(raw, 4)
            key = id(raw)
            for take, lose, tally, journal in self._tables:
                entry = take(key, None)
                if entry is None:
                    continue
                try:
                    frame = _getframe(1)
                except ValueError:  # called straight from C, as when the interpreter ends
                    frame = _getframe(0)
                code = frame.f_code
                # Nearly every close comes from a line of the program, which needs no closer look.
                suspect = code.co_name in _SUSPECT or FILES[code.co_filename] != USER
                if suspect and in_finalizer(frame, entry):
                    lose(entry)
                else:
                    if journal is not None:
                        journal.released_at(entry, frame)
                    entry[0] = 3  # RELEASED
                    number = entry[1]
                    # Beyond the first of a type nobody counts, and the question is a tenth of the call.
                    _ = (number.__class__ is int and COUNTED <= number < AGAIN) or tally(entry, frame)
            return _native_close(raw)

        close.__doc__ = io.FileIO.close.__doc__
        close.__qualname__ = "FileIO.close"
        return close

    def _finalized(self, raw: Any, level: int) -> Any:
        """Close a file that the collector closes itself: nobody has asked for it."""
        self._lose(id(raw))
        raw._finalizing = False
        _warn_unclosed(raw, raw, level)
        return _native_close(raw)

    def dropped(self, raw: Any, source: object) -> None:
        """Hear from the buffer above that its last reference is gone."""
        raw.__dict__.pop("_dealloc_warn", None)
        self._lose(id(raw))
        _warn_unclosed(raw, source, 3)

    def _lose(self, key: int) -> None:
        for take, lose, _, _ in self._tables:
            entry = take(key, None)
            if entry is not None:
                lose(entry)

    def _unbuffered_class(self) -> Any:
        real = io.FileIO

        def __repr__(self: Any) -> str:
            # From Python 3.13 on the real one names the class, without its module where that was made here.
            return real.__repr__(self).replace("<FileIO ", "<_io.FileIO ", 1)

        namespace = {
            "__slots__": (),
            "__module__": real.__module__,
            "__doc__": real.__doc__,
            "__class__": property(lambda self: real),
            "__repr__": __repr__,
            "close": self.close,
        }
        return type(real.__name__, (real,), namespace)


def _warn_unclosed(raw: Any, source: object, level: int) -> None:
    """Warn as the interpreter would, at the line that dropped the file and not in this function."""
    if raw.closed:
        return
    try:
        warnings.warn(f"unclosed file {source!r}", ResourceWarning, stacklevel=level, source=source)
        return
    except Warning:
        pass
    # A filter makes an error of it, which nobody is there to catch; the interpreter has its own way to show it. It is
    # asked outside of the handler, so that the error is shown alone.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _native_warn(raw, source)
