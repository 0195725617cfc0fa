"""Functions that acquire: factories, context manager functions and generators, sync and async."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any, Protocol, TypeVar

from lifetrack.guards.engine import Engine
from lifetrack.instrument.recorder import Recorder
from lifetrack.instrument.singles import Lease, Singles
from lifetrack.ledger.callers import caller
from lifetrack.ownership.kinship import bind_object
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

    def __init__(self, desk: Desk, manager: Any, label: str | None, parent: object) -> None:
        self._desk = desk
        self._manager = manager
        self._label = label
        #: What the resource depends on, if anything.
        self._parent = parent
        self._lease: Any = None

    def __call__(self, function: Any) -> Any:
        return self._manager(function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def _begin(self, value: Any, frame: FrameType) -> Any:
        if self._desk.engine is not None:
            self._lease = self._desk.singles.lease(value, self._label, frame)
            if self._parent is not None:
                bind_object(self._desk.engine, value if self._lease is None else self._lease, self._parent)
        return value

    def _finish(self, frame: FrameType) -> None:
        lease, self._lease = self._lease, None
        if self._desk.engine is not None:
            self._desk.singles.end(lease, frame)

    def __enter__(self) -> Any:
        return self._begin(self._manager.__enter__(), caller(1))

    def __exit__(self, *error: object) -> Any:
        try:
            return self._manager.__exit__(*error)
        finally:
            self._finish(caller(1))

    async def __aenter__(self) -> Any:
        return self._begin(await self._manager.__aenter__(), caller(1))

    async def __aexit__(self, *error: object) -> Any:
        try:
            return await self._manager.__aexit__(*error)
        finally:
            self._finish(caller(1))


def _acquired(desk: Desk, result: Any, names: object, label: str | None) -> Any:
    if desk.engine is None or result is None or isinstance(result, bool):
        return result
    managed = context_of(desk, result, label)
    return desk.singles.track(result, names, label, lenient=names is None) if managed is None else managed


def context_of(desk: Desk, result: Any, label: str | None, parent: object = None) -> Any:
    """Give a context manager that keeps account of its block, in place of one made of a generator; None for others."""
    if isinstance(result, (contextlib._GeneratorContextManager, contextlib._AsyncGeneratorContextManager)):
        return _Context(desk, result, label, parent)
    return None


def _from_generator(desk: Desk, function: Any, label: str | None) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return (yield from _leased(desk, function(*args, **kwargs), label))

    return wrapper


def _from_async_generator(desk: Desk, function: Any, label: str | None) -> Any:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        items = function(*args, **kwargs)
        sent: Any = None
        thrown: BaseException | None = None
        while True:
            try:
                item = await (items.asend(sent) if thrown is None else items.athrow(thrown))
            except StopAsyncIteration:
                return
            sent = thrown = None
            lease = None if desk.engine is None else desk.singles.lease(item, label, caller(1))
            try:
                sent = yield item
            except GeneratorExit:
                await items.aclose()
                _end(desk, lease, caller(1))
                raise
            except BaseException as error:
                thrown = error
            _end(desk, lease, caller(1))

    return wrapper


def _end(desk: Desk, lease: Lease | None, frame: FrameType) -> None:
    if desk.engine is not None:
        desk.singles.end(lease, frame)


def _from_coroutine_function(desk: Desk, function: Any, names: object, label: str | None) -> Any:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _acquired(desk, await function(*args, **kwargs), names, label)

    return wrapper


def acquiring(desk: Desk, function: _F, names: object, label: str | None) -> _F:
    """Decorate a function whose result, or what it yields, is a resource."""
    given: object = function
    if not callable(given) or isinstance(given, type):
        raise DeclarationError("@acquires decorates functions; use @tracked for a class")
    if inspect.isgeneratorfunction(function):
        made: _F = _from_generator(desk, function, label)
    elif inspect.isasyncgenfunction(function):
        made = _from_async_generator(desk, function, label)
    elif inspect.iscoroutinefunction(function):
        made = _from_coroutine_function(desk, function, names, label)
    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return _acquired(desk, function(*args, **kwargs), names, label)

        made = wrapper  # type: ignore[assignment]
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
        lease = None if desk.engine is None else desk.singles.lease(item, label, caller(2))
        try:
            sent = yield item
        except GeneratorExit:
            items.close()
            if desk.engine is not None:
                desk.singles.end(lease, caller(2))
            raise
        except BaseException as error:
            thrown = error
        if desk.engine is not None:
            desk.singles.end(lease, caller(2))
