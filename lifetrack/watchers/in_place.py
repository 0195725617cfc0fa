"""The mechanism for classes written in C that can be subclassed, but not changed: a subclass takes their place.

It has nothing of its own but what tells of acquire and release. Objects made before know it as their class, and
subclasses of the program's are watched with it.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from lifetrack.guards.shapes import own
from lifetrack.ledger.callers import caller
from lifetrack.watchers.aliases import exchange
from lifetrack.watchers.numbers import taken
from lifetrack.watchers.provenance import whose_call
from lifetrack.watchers.rows import Row, asked
from lifetrack.watchers.shared import Shared
from lifetrack.watchers.substitutes import substitute_meta


class WatchedInPlace(Shared):
    """One class, for all trackers."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self._old: Any = getattr(sys.modules[row.module], row.name)
        self._new: Any = None

    def put(self) -> None:
        """Put the subclass under all its names."""
        if self._new is None:
            self._new = self._subclass()
        exchange(self._old, self._new, made_by=self._row.module)

    def restore(self) -> None:
        """Give all the names back; objects keep their class, which does nothing more."""
        exchange(self._new, self._old)

    def _subclass(self) -> Any:
        real = self._old

        def __repr__(self: Any) -> str:
            text: str = real.__repr__(self)
            short, full = f"<{real.__name__} ", f"<{real.__module__}.{real.__name__} "
            return text.replace(short, full, 1) if type(self) is made else text

        space: dict[str, Any] = {
            "__slots__": (), "__module__": real.__module__, "__qualname__": real.__qualname__, "__doc__": real.__doc__,
            "__repr__": __repr__,
        }  # fmt: skip
        for name in self._row.declaration.release:
            if name in own(real):
                space[name] = functools.wraps(own(real)[name])(self._asked_releaser(own(real)[name]))
        made: Any = substitute_meta(real, self.made)(real.__name__, (real,), space)
        return made

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

    def made(self, obj: Any) -> None:
        """Record a new object; called by what the program calls."""
        frame, row = caller(2), self._row
        if row.takes is not None:
            taken(asked(row.takes, -1, obj))
        if row.callers and whose_call(frame, row.name) not in row.callers:
            return
        seen = self._old if type(obj) is self._new else type(obj)
        for listener in self.listeners:
            listener.acquired(obj, row.declaration, frame, seen)
