"""The mechanism for async generators: the loop is told of their first step, and of those that are dropped unfinished.

One that is suspended where it has something to clean up is a resource; the loop will close it some time, in another
task. Others have nothing to give back.
"""

from __future__ import annotations

import functools
import sys
from types import FrameType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own
from lifetrack.ledger.callers import caller
from lifetrack.ledger.cleanups import has_cleanup
from lifetrack.ledger.entries import extra_of
from lifetrack.ledger.journaling import note_label
from lifetrack.ledger.territory import is_users
from lifetrack.values.findings import Certainty
from lifetrack.watchers.rows import Row
from lifetrack.watchers.shared import Shared


def is_finished(generator: Any) -> bool:
    """Whether an async generator has come to its end, or was closed."""
    return generator.ag_frame is None


def is_idle(generator: Any) -> bool:
    """Whether an async generator has nothing to clean up where it stands."""
    return not has_cleanup(generator)


class WatchedAsyncGenerators(Shared):
    """What asyncio's loops are told of async generators, for all trackers."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self._cls: Any = getattr(sys.modules[row.module], row.name)
        self._patches = Patches()

    def put(self) -> None:
        """Wrap the hooks."""
        hooks = (("_asyncgen_firstiter_hook", self._begun), ("_asyncgen_finalizer_hook", self._dropped))
        for name, note in hooks:
            original = own(self._cls).get(name)
            if original is not None:
                self._patches.put(self._cls, name, functools.wraps(original)(_first(note, original)))

    def restore(self) -> None:
        """Put the hooks back."""
        self._patches.undo()

    def _begun(self, generator: Any, frame: FrameType) -> None:
        for listener in self.listeners:
            listener.begins_quietly(generator)
            if not is_users(generator.ag_code):
                continue
            listener.acquired(generator, self._row.declaration, frame, quiet=True)
            entry = listener.ledger.entries.get(id(generator))
            if entry is not None:
                extra = extra_of(entry)
                extra.certainty, extra.label = Certainty.SUSPECTED, generator.__qualname__
                note_label(listener.ledger, entry)

    def _dropped(self, generator: Any, _: FrameType) -> None:
        if has_cleanup(generator):
            for listener in self.listeners:
                listener.lost(generator)


def _first(note: Any, original: Any) -> Any:
    def hook(self: Any, generator: Any) -> Any:
        note(generator, caller(1))
        return original(self, generator)

    return hook
