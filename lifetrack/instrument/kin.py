"""Methods that make children: what they return depends on the object that made it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from lifetrack.guards.release_names import recognise
from lifetrack.guards.shapes import shape_of
from lifetrack.instrument.functions import Desk, context_of
from lifetrack.instrument.wrappers import ORIGINAL
from lifetrack.ledger.entries import OPEN_STATES, STATE
from lifetrack.ownership.kinship import bind_object


def born(desk: Desk, child: Any, parent: object) -> Any:
    """Take in what a method of ``parent`` returned, tracking it if it is not; give what the caller is to use."""
    engine = desk.engine
    entry = None if engine is None else engine.ledger.entries.get(id(parent))
    if engine is None or entry is None or entry[STATE] not in OPEN_STATES or child is None or child is parent:
        return child
    known = engine.ledger.entries.get(id(child))
    if known is None or known[STATE] not in OPEN_STATES:
        managed = context_of(desk, child, None, parent)
        if managed is not None:
            return managed
        if not any(shape_of(base) for base in type(child).__mro__) and not recognise(type(child)):
            return child  # nothing that anybody would have to release
        child = desk.singles.track(child, None, None)
    bind_object(engine, child, parent)
    return child


def child_maker(desk: Desk, original: Any) -> Callable[..., Any]:
    """Wrap a method whose result depends on the object."""
    made: Callable[..., Any]
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def awaited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return born(desk, await original(self, *args, **kwargs), self)

        made = awaited
    else:

        @functools.wraps(original)
        def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return born(desk, original(self, *args, **kwargs), self)

        made = wrapper
    setattr(made, ORIGINAL, original)
    return made
