"""How files end: what stands in for ``close`` on them. It may run in the garbage collector, so it takes no lock."""

from __future__ import annotations

import io
import warnings
from types import CodeType, FunctionType
from typing import Any

from lifetrack.values.declarations import Declaration
from lifetrack.watchers.entry_code import REMEMBER, SPACE, compiled, frame_at, indented, parts, release, suspect
from lifetrack.watchers.finalizers import in_finalizer
from lifetrack.watchers.numbers import UNASKED
from lifetrack.watchers.raw_files import raw_below
from lifetrack.watchers.shared import Shared

_native_close: Any = io.FileIO.close
_native_warn: Any = vars(io.FileIO)["_dealloc_warn"]

#: What stands in for ``close``: it takes the shadows away, and notes whether the program asked for it. It may come
#: again, and an unbuffered file has no shadows.
_CLOSE = f"""
def close(raw):
    {REMEMBER}
    shadows = raw.__dict__
    if len(shadows) == 2 and "close" in shadows:
        shadows.clear()
    elif shadows:
        part(raw, shadows)
    if raw._finalizing:
        return finalized(raw)"""
_END = """
    entry = take{i}(id(raw), None)
    if entry is not None:{frame}
        code = frame.f_code
        if {suspect} and in_finalizer(frame, entry, raw):
            lose{i}(entry)
        else:
            {release}
"""
_CLOSED = """
    return native(raw)
"""


class Ends:
    """The shadows of ``close`` and ``_dealloc_warn``, and the class of unbuffered files."""

    def __init__(self, files: Shared, declaration: Declaration) -> None:
        self._files = files
        self._declaration = declaration
        self._space: dict[str, Any] = {
            **SPACE, "in_finalizer": in_finalizer, "native": _native_close, "finalized": self._finalized, "part": _part,
        }  # fmt: skip
        self.close = self._closer()
        self.unbuffered = self._unbuffered_class()

    def listen(self) -> None:
        """Take note of who listens now; the functions stay the same."""
        for i, listener in enumerate(self._files.listeners):
            self._space.update((f"{name}{i}", value) for name, value in parts(listener, self._declaration, ()).items())
        self.close.__code__ = self._code()

    def _code(self) -> CodeType:
        ends = (
            _END.format(
                i=i,
                suspect=suspect(each),
                frame=indented(frame_at(1), 4).rstrip(),
                release=indented(release(i, each), 12),
            )
            for i, each in enumerate(self._files.listeners)
        )
        code = compiled(_CLOSE + "".join(ends) + _CLOSED, "files")
        return code.replace(co_qualname="FileIO.close")

    def _closer(self) -> Any:
        close = FunctionType(self._code(), self._space)
        close.__doc__ = _native_close.__doc__
        close.__qualname__ = "FileIO.close"
        return close

    def _finalized(self, raw: Any) -> Any:
        """Close a file that the collector closes itself: nobody has asked for it."""
        self._lose(id(raw))
        raw._finalizing = False
        _warn_unclosed(raw, raw)
        return _native_close(raw)

    def dropped(self, source: Any) -> None:
        """Hear from what is above a file that its last reference is gone: the file is what stands below it."""
        raw = raw_below(source)
        if raw is None:
            return
        raw.__dict__.pop("_dealloc_warn", None)
        self._lose(id(raw))
        _warn_unclosed(raw, source)

    def _lose(self, key: int) -> None:
        for listener in self._files.listeners:
            entry = listener.ledger.entries.pop(key, None)
            if entry is not None:
                listener.ledger.pending.append(entry)

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


def _part(raw: Any, shadows: dict[str, Any]) -> None:
    """Take the shadows away from among other things; where the descriptor is used again nobody asks for it now."""
    shadows.pop("close", None)
    shadows.pop("_dealloc_warn", None)
    if shadows.pop("fileno", None) is not None and UNASKED:
        UNASKED.discard(raw.fileno())


def _warn_unclosed(raw: Any, source: object) -> None:
    """Warn as the interpreter would, at the line that dropped the file and not in this function."""
    if raw.closed:
        return
    try:
        warnings.warn(f"unclosed file {source!r}", ResourceWarning, stacklevel=3, source=source)
        return
    except Warning:
        pass
    # A filter makes an error of it, which nobody is there to catch; the interpreter has its own way to show it. It is
    # asked outside of the handler, so that the error is shown alone.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _native_warn(raw, source)
