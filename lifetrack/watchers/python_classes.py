"""The mechanism for classes written in Python: their acquire and release methods are wrapped on the class itself.

Subclasses need nothing of their own: whoever opens the resource calls the base class's constructor, and whether it was
released the object says itself or the base class's release method has seen it.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable
from types import FrameType, FunctionType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own, resolve
from lifetrack.ledger.territory import FILES, STDLIB
from lifetrack.watchers.numbers import taken
from lifetrack.watchers.rows import Row, harmless
from lifetrack.watchers.shared import Shared, in_place_of

#: Kinds of which the object can be asked, but only for whether it has a duty at all.
_NEVER_ASKED = frozenset({"TemporaryDirectory"})
_NO_PARTS: Iterable[object] = ()

_ACQUIRE = """
def wrapper({declare}):
    _lt_result = _lt_original({call})
    if _lt_watched.listeners:
        _lt_acquired({first}, _lt_caller(1), _lt_result)
    return _lt_result
"""
_RELEASE = """
def wrapper({declare}):
    try:
        return _lt_original({call})
    finally:
        _lt_released({first}, _lt_caller(1))
"""
_BEGIN = """
def wrapper({declare}):
    _lt_begins({first}, _lt_caller(1))
    return _lt_original({call})
"""
#: Finalizers that are written in Python may keep the object alive, so a weak reference would be late.
_FINALIZE = """
def wrapper({declare}):
    _lt_ends({first})
    _lt_original({call})
"""


def _comes_from(frame: FrameType | None, modules: tuple[str, ...]) -> bool:
    """Whether one of these modules of the standard library stands between the program and an acquisition."""
    while frame is not None and FILES[frame.f_code.co_filename] == STDLIB:
        if frame.f_globals.get("__name__") in modules:
            return True
        frame = frame.f_back
    return False


class WatchedClass(Shared):
    """One watched class."""

    def __init__(self, row: Row, cls: type) -> None:
        super().__init__()
        self._row = row
        self._cls = cls
        self._patches = Patches()
        self._is_finalized = isinstance(resolve(cls, "__del__"), FunctionType)

    def put(self) -> None:
        """Wrap the methods."""
        declaration = self._row.declaration
        self._wrap(declaration.acquire, self._acquirer)
        asked = self._row.name not in _NEVER_ASKED
        inner = self._row.inner_release
        for name in (*inner, *declaration.release[1:]) if inner else declaration.release:
            self._wrap(name, self._asked_releaser if asked else functools.partial(self.releaser, self._row.declaration))
        if inner:
            self._wrap(declaration.release[0], self._beginning)
        self._wrap("__del__", self._finalizer)
        if issubclass(self._cls, io.IOBase):
            self._patches.put(self._cls, "_dealloc_warn", self._dropped_above())

    def restore(self) -> None:
        """Put the methods back."""
        self._patches.undo()

    def lost(self, obj: object) -> None:
        """Tell every tracker that an object is given back by a finalizer."""
        for listener in self.listeners:
            listener.lost(obj)

    def _wrap(self, name: str, wrapping: Callable[[Any], Any]) -> None:
        original = own(self._cls).get(name)
        if original is None and isinstance(resolve(self._cls, name), FunctionType):
            original = resolve(self._cls, name)  # undo takes it away again
        if original is not None:
            self._patches.put(self._cls, name, wrapping(original))

    def _acquirer(self, original: Any) -> Any:
        return in_place_of(original, _ACQUIRE, {"watched": self, "acquired": self._acquired})

    def _acquired(self, obj: Any, frame: FrameType, result: Any) -> None:
        row = self._row
        if row.takes is not None:
            taken(harmless(row.takes, -1)(obj))
        if row.not_from and _comes_from(frame, row.not_from):
            return
        for listener in self.listeners:
            listener.acquired(obj, row.declaration, frame, finalized=self._is_finalized)
            if row.parts is not None or row.parent is not None or row.returns_part:
                parts = (result,) if row.parts is None else harmless(row.parts, _NO_PARTS)(obj)
                listener.relate(obj, parts, None if row.parent is None else harmless(row.parent, None)(obj))

    def _asked_releaser(self, original: Any) -> Any:
        def released(obj: Any, frame: FrameType) -> None:
            for listener in self.listeners:
                listener.released(obj, declaration, frame)

        declaration = self._row.declaration
        return in_place_of(original, _RELEASE, {"released": released})

    def _beginning(self, original: Any) -> Any:
        """Wrap a release that is completed later, by then without a trace of who asked for it."""

        def begins(obj: Any, frame: FrameType) -> None:
            for listener in self.listeners:
                listener.release_begins(obj, self._row.declaration, frame)

        return in_place_of(original, _BEGIN, {"begins": begins})

    def _dropped_above(self) -> Any:
        """Hear from what is dropped above a file, such as its text layer, which will then close it."""

        def _dealloc_warn(self: Any, _: object) -> None:
            watched.lost(self)

        watched = self
        return _dealloc_warn

    def _finalizer(self, original: Any) -> Any:
        """Wrap a finalizer written in Python."""

        def ends(obj: Any) -> None:
            for listener in self.listeners:
                listener.finalized(obj, self._row.declaration)

        return in_place_of(original, _FINALIZE, {"ends": ends})
