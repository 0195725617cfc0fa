"""Uses: calls of public methods from outside, where somebody has to see them.

At level ``full`` they are noted; first and last are kept, drops disclosed. For what is bound to a thread, or was
inherited over fork, they are judged. Nothing else stands on the path of an ordinary call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from lifetrack.guards.callers import is_own_call
from lifetrack.guards.conditions import judge_inherited_use, judge_thread
from lifetrack.guards.shapes import Shape, own, resolve
from lifetrack.guards.tombstones import used_names
from lifetrack.instrument.recorder import Recorder
from lifetrack.instrument.wrappers import ORIGINAL
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import EXTRA, INHERITED, OPEN_STATES, STATE, extra_of
from lifetrack.values.events import USED
from lifetrack.values.settings import Level


def own_uses(shape: Shape) -> Iterator[str]:
    """Give the names of the public methods that stand on the class itself."""
    for name in used_names(shape):
        if isinstance(own(shape.cls).get(name), FunctionType):
            yield name


def inherited_uses(shape: Shape) -> Iterator[str]:
    """Give the names of the public methods that the class has from its bases, whatever those declare."""
    for name in used_names(shape):
        if name not in own(shape.cls) and isinstance(resolve(shape.cls, name), FunctionType):
            yield name


def next_in_line(cls: type, name: str) -> Callable[..., Any]:
    """Stand for a method that a class inherits: which one that is depends on the class of the object."""

    @functools.wraps(resolve(cls, name))
    def inherited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(cls, self), name)(*args, **kwargs)

    return inherited


def use_recorder(recorder: Recorder, original: Any) -> Callable[..., Any]:
    """Wrap a public method so that its calls from outside are noted and judged."""
    engine, entries = recorder.engine, recorder.entries
    is_noted = engine.level >= Level.FULL

    @functools.wraps(original)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        entry = entries.get(id(self))
        if entry is not None:
            if entry[STATE] == INHERITED:
                frame = caller(1)
                if not is_own_call(frame, self):
                    judge_inherited_use(engine, entry, frame)
            elif entry[STATE] in OPEN_STATES:
                frame = caller(1)
                if not is_own_call(frame, self):
                    if entry[EXTRA] is not None and entry[EXTRA].thread is not None:
                        judge_thread(engine, entry, USED, frame)
                    if is_noted:
                        note = (USED, *engine.trace(frame), None)
                        extra_of(entry).note(note)
                        if engine.ledger.journal is not None:
                            engine.ledger.journal.event(entry, note)
        return original(self, *args, **kwargs)

    setattr(wrapper, ORIGINAL, original)
    return wrapper
