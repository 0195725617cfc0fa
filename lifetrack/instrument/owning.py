"""Objects that own what they acquire for themselves, because their declaration says so."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lifetrack.guards.engine import Engine
from lifetrack.ownership.custody import object_place


@contextmanager
def _acquiring_for(engine: Engine, obj: object) -> Iterator[None]:
    ledger = engine.ledger
    ledger.note_scoped()
    token = ledger.place.set(object_place(engine, obj))
    try:
        yield
    finally:
        ledger.place.reset(token)


def owning(engine: Engine, original: Any) -> Callable[..., Any]:
    """Let what an acquire method acquires belong to its object."""
    made: Callable[..., Any]
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def awaited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            with _acquiring_for(engine, self):
                return await original(self, *args, **kwargs)

        made = awaited
    else:

        @functools.wraps(original)
        def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            with _acquiring_for(engine, self):
                return original(self, *args, **kwargs)

        made = wrapper
    return made
