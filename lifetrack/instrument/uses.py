"""Uses: at level ``full`` calls of public methods from outside are noted; first and last are kept, drops disclosed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from lifetrack.guards.callers import is_own_call
from lifetrack.guards.shapes import Shape, own
from lifetrack.guards.tombstones import used_names
from lifetrack.instrument.recorder import Recorder
from lifetrack.instrument.wrappers import ORIGINAL
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import OPEN_STATES, STATE, extra_of


def own_uses(shape: Shape) -> Iterator[str]:
    """Give the names of the public methods that stand on the class itself."""
    for name in used_names(shape):
        if isinstance(own(shape.cls).get(name), FunctionType):
            yield name


def use_recorder(recorder: Recorder, original: Any) -> Callable[..., Any]:
    """Wrap a public method so that its calls from outside are noted."""
    engine, entries = recorder.engine, recorder.entries

    @functools.wraps(original)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        entry = entries.get(id(self))
        if entry is not None and entry[STATE] in OPEN_STATES:
            frame = caller(1)
            if not is_own_call(frame, self):
                extra_of(entry).note_use(engine.trace(frame))
        return original(self, *args, **kwargs)

    setattr(wrapper, ORIGINAL, original)
    return wrapper
