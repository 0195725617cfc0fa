"""Functions that acquire or release: factories, context manager functions, generators, free functions; sync and async."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator
from sys import _getframe
from types import FrameType
from typing import Any, Protocol, TypeVar

from lifetrack.guards.engine import Engine
from lifetrack.guards.shapes import shape_of
from lifetrack.instrument.recorder import Recorder, new_entry
from lifetrack.instrument.singles import Singles, release
from lifetrack.ledger.entries import LIVE, OPEN_STATES, RELEASED, RELEASING, STATE, UNOPENED, type_name
from lifetrack.values.declarations import Declaration
from lifetrack.values.errors import DeclarationError

_F = TypeVar("_F", bound=Callable[..., Any])


class Desk(Protocol):
    """Where a decorated function finds the tracker's parts at the moment of a call; None while tracking is off."""

    @property
    def engine(self) -> Engine | None:
        """The engine while tracking is on."""

    @property
    def singles(self) -> Singles:
        """The single objects while tracking is on."""

    @property
    def recorder(self) -> Recorder:
        """The recorder while tracking is on."""


class _Context:
    """A context manager whose block is a lease."""

    def __init__(self, desk: Desk, manager: Any, label: str | None) -> None:
        self._desk = desk
        self._manager = manager
        self._label = label
        self._lease: Any = None

    def __call__(self, function: Any) -> Any:
        return self._manager(function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def _begin(self, value: Any, frame: FrameType) -> Any:
        if self._desk.engine is not None:
            self._lease = self._desk.singles.lease(value, self._label, frame)
        return value

    def _finish(self, frame: FrameType) -> None:
        lease, self._lease = self._lease, None
        if self._desk.engine is not None:
            self._desk.singles.end(lease, frame)

    def __enter__(self) -> Any:
        return self._begin(self._manager.__enter__(), _getframe(1))

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> Any:
        try:
            return self._manager.__exit__(kind, error, traceback)
        finally:
            self._finish(_getframe(1))

    async def __aenter__(self) -> Any:
        return self._begin(await self._manager.__aenter__(), _getframe(1))

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> Any:
        try:
            return await self._manager.__aexit__(kind, error, traceback)
        finally:
            self._finish(_getframe(1))


def _acquired(desk: Desk, result: Any, names: object, label: str | None) -> Any:
    if desk.engine is None or result is None or isinstance(result, bool):
        return result
    if isinstance(result, (contextlib._GeneratorContextManager, contextlib._AsyncGeneratorContextManager)):
        return _Context(desk, result, label)
    return desk.singles.track(result, names, label, lenient=names is None)


def acquiring(desk: Desk, function: _F, names: object, label: str | None) -> _F:
    """Decorate a function whose result, or what it yields, is a resource."""
    if not callable(function) or isinstance(function, type):
        raise DeclarationError("@acquires decorates functions; use @tracked for a class")
    wrapper: Any
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            yield from _leased(desk, function(*args, **kwargs), label)

    elif inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            async with contextlib.aclosing(function(*args, **kwargs)) as items:
                async for item in items:
                    lease = None if desk.engine is None else desk.singles.lease(item, label, _getframe(1))
                    try:
                        yield item
                    finally:
                        if desk.engine is not None:
                            desk.singles.end(lease, _getframe(1))

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return _acquired(desk, await function(*args, **kwargs), names, label)

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return _acquired(desk, function(*args, **kwargs), names, label)

    made: _F = wrapper
    return made


def _leased(desk: Desk, items: Generator[Any, Any, Any], label: str | None) -> Generator[Any, Any, Any]:
    """Hand on what a generator yields; each item is a lease until the generator goes on."""
    sent: Any = None
    thrown: BaseException | None = None
    while True:
        try:
            item = items.throw(thrown) if thrown is not None else items.send(sent)
        except StopIteration as stop:
            return stop.value
        thrown = None
        lease = None if desk.engine is None else desk.singles.lease(item, label, _getframe(2))
        try:
            sent = yield item
        except GeneratorExit:
            items.close()
            raise
        except BaseException as error:
            thrown = error
        if desk.engine is not None:
            desk.singles.end(lease, _getframe(2))


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
            kind = engine.ledger.new_kind(type_name(type(obj)), Declaration(release=()))
            stranger = new_entry(engine, kind, UNOPENED, 0, None)
            engine.violation("LT204", stranger, "released", frame, certain=declared_while_on)
        elif entry[STATE] in OPEN_STATES and entry[STATE] != RELEASING:
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
            release(self._desk.engine, self._entry, self._frame)


def releasing(desk: Desk, function: _F, parameter: str) -> _F:
    """Decorate a function that releases the argument named."""
    signature = inspect.signature(function)
    if parameter not in signature.parameters:
        known = ", ".join(signature.parameters) or "none"
        raise DeclarationError(f"{function.__qualname__}() has no parameter {parameter!r} to release; it has: {known}")
    declared_while_on = desk.engine is not None

    def prepare(args: Any, kwargs: Any) -> tuple[Any, inspect.BoundArguments | None]:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return None, None  # the call itself raises the error that its user knows
        return bound.arguments.get(parameter), bound

    def hand_over(obj: Any, bound: inspect.BoundArguments | None, args: Any, kwargs: Any) -> Any:
        if bound is None or desk.engine is None:
            return args, kwargs
        from lifetrack.guards.proxies import unwrapped

        if parameter in bound.arguments:
            bound.arguments[parameter] = unwrapped(obj)
        return bound.args, bound.kwargs

    wrapper: Any
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if desk.engine is None:
                return await function(*args, **kwargs)
            obj, bound = prepare(args, kwargs)
            call = _Releasing(desk, obj, declared_while_on, _getframe(1))
            args, kwargs = hand_over(obj, bound, args, kwargs)
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
            obj, bound = prepare(args, kwargs)
            call = _Releasing(desk, obj, declared_while_on, _getframe(1))
            args, kwargs = hand_over(obj, bound, args, kwargs)
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                call.failed(error)
                raise
            call.done()
            return result

    made: _F = wrapper
    return made
