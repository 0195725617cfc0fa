"""The mechanism for classes written in Python: their acquire and release methods are wrapped on the class itself.

Subclasses need nothing of their own: whoever opens the resource calls the base class's constructor, and whether it was
released the object says itself or the base class's release method has seen it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own
from lifetrack.ledger.callers import caller
from lifetrack.watchers.shared import Shared
from lifetrack.watchers.table import Row

#: Kinds of which the object can be asked, but only for whether it has a duty at all.
_NEVER_ASKED = frozenset({"TemporaryDirectory"})


class WatchedClass(Shared):
    """One watched class."""

    def __init__(self, row: Row, cls: type) -> None:
        super().__init__()
        self._row = row
        self._cls = cls
        self._patches = Patches()
        self._is_finalized = "__del__" in own(cls)

    def put(self) -> None:
        """Wrap the methods."""
        declaration = self._row.declaration
        self._wrap(declaration.acquire, self._acquirer)
        asked = self._row.name not in _NEVER_ASKED
        inner = self._row.inner_release
        for name in (*inner, *declaration.release[1:]) if inner else declaration.release:
            self._wrap(name, self._asked_releaser if asked else functools.partial(self.releaser, self._row.declaration))
        self._wrap("__del__", self._finalizer)

    def restore(self) -> None:
        """Put the methods back."""
        self._patches.undo()

    def lost(self, obj: object) -> None:
        """Tell every tracker that an object is given back by a finalizer."""
        for listener in self.listeners:
            listener.lost(obj)

    def _wrap(self, name: str, wrapping: Callable[[Any], Any]) -> None:
        original = own(self._cls).get(name)
        if original is not None:
            self._patches.put(self._cls, name, functools.wraps(original)(wrapping(original)))

    def _acquirer(self, original: Any) -> Any:
        declaration = self._row.declaration

        def acquire(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            for listener in watched.listeners:
                listener.acquired(self, declaration, caller(1), finalized=watched._is_finalized)
            return result

        watched = self
        return acquire

    def _asked_releaser(self, original: Any) -> Any:
        declaration = self._row.declaration

        def release(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            try:
                return original(self, *args, **kwargs)
            finally:
                for listener in watched.listeners:
                    listener.released(self, declaration, caller(1))

        watched = self
        return release

    def _finalizer(self, original: Any) -> Any:
        """Wrap a finalizer written in Python; it may keep the object alive, so the weak reference would be late."""

        def __del__(self: Any) -> None:
            for listener in watched.listeners:
                listener.finalized(self, watched._row.declaration)
            original(self)

        watched = self
        return __del__
