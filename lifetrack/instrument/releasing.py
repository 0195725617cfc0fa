"""Functions that release one of their arguments, sync and async."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from lifetrack.guards.conditions import judge_live_release
from lifetrack.guards.noting import note_release
from lifetrack.guards.shapes import shape_of
from lifetrack.instrument.functions import Desk
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import BOUND, INHERITED, OPEN_STATES, RELEASED, RELEASING, STATE, type_name
from lifetrack.values.errors import DeclarationError

_F = TypeVar("_F", bound=Callable[..., Any])
_DUE = (OPEN_STATES | {INHERITED}) - {RELEASING}


class _Releasing:
    """One call of a function that releases one of its arguments."""

    def __init__(self, desk: Desk, obj: Any, declared_while_on: bool, frame: FrameType) -> None:
        self._desk = desk
        self._obj = obj
        self._frame = frame
        self._entry: Any = None
        engine = desk.engine
        if engine is None or obj is None:
            return
        entry = engine.ledger.entries.get(id(obj))
        if entry is None:
            stranger = engine.ledger.stranger(type_name(type(obj)))
            engine.violation("LT204", stranger, "released", frame, certain=declared_while_on)
        elif entry[STATE] in _DUE:
            if entry[STATE] in (BOUND, INHERITED):
                judge_live_release(engine, entry, frame)
            entry[STATE] = RELEASING
            self._entry = entry
        elif entry[STATE] == RELEASED:
            desk.recorder.begins(entry, obj, "", frame)

    def failed(self, error: BaseException) -> None:
        if self._entry is not None:
            self._desk.recorder.release_failed(self._entry, error, self._frame)

    def done(self) -> None:
        if self._entry is None or self._desk.engine is None:
            return
        if any(shape_of(base) for base in type(self._obj).__mro__):
            self._desk.recorder.released(self._entry, self._obj, "", self._frame)
        else:
            note_release(self._desk.engine, self._entry, self._frame)


class _Argument:
    """Finds one argument of a call, whatever way it was passed."""

    def __init__(self, function: Callable[..., Any], parameter: str) -> None:
        self._signature = inspect.signature(function)
        self._parameter = parameter
        if parameter not in self._signature.parameters:
            known = ", ".join(self._signature.parameters) or "none"
            name = function.__qualname__
            raise DeclarationError(f"{name}() has no parameter {parameter!r} to release; it has: {known}")

    def take(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Give the argument, and the call with the object itself in place of our proxy."""
        from lifetrack.guards.proxies import unwrapped

        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return None, args, kwargs  # the call itself raises the error that its user knows
        obj = bound.arguments.get(self._parameter)
        if obj is not None:
            bound.arguments[self._parameter] = unwrapped(obj)
        return obj, bound.args, bound.kwargs


def releasing(desk: Desk, function: _F, parameter: str) -> _F:
    """Decorate a function that releases the argument named."""
    argument = _Argument(function, parameter)
    declared_while_on = desk.engine is not None
    wrapper: Any
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if desk.engine is None:
                return await function(*args, **kwargs)
            obj, args, kwargs = argument.take(args, kwargs)
            call = _Releasing(desk, obj, declared_while_on, caller(1))
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                call.failed(error)
                raise
            call.done()
            return result

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if desk.engine is None:
                return function(*args, **kwargs)
            obj, args, kwargs = argument.take(args, kwargs)
            call = _Releasing(desk, obj, declared_while_on, caller(1))
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                call.failed(error)
                raise
            call.done()
            return result

    made: _F = wrapper
    return made
