"""Scopes: owners that end with a block, a test, a fixture or a task."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextvars import Token
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import Place

_F = TypeVar("_F", bound=Callable[..., Any])
#: How long to wait between two looks at what is just ending, in seconds.
_LOOK = 0.005


class Judge(Protocol):
    """Who says what a scope that ends has leaked: a tracker."""

    @property
    def ledger(self) -> Ledger | None:
        """The ledger while tracking is on."""

    def pending_grace(self, place: Place, mark: int) -> float:
        """Give for how many seconds something in the scope may still be given time to end; 0 if nothing is pending."""

    def end_scope(self, place: Place, mark: int, *, may_raise: bool) -> None:
        """Judge a scope that ends."""


class _Block:
    """A place that is entered and left: sets the context variable and puts it back."""

    def __init__(self, judge: Judge, name: str, kind: str, reason: str | None = None) -> None:
        self._judge = judge
        self._name = name
        self._kind = kind
        self._reason = reason
        self._ledger: Ledger | None = None
        self._token: Token[Place] | None = None
        self._before: Place | None = None
        self.place: Place | None = None

    def _again(self) -> Self:
        return type(self)(self._judge, self._name, self._kind, self._reason)

    def _enter(self) -> None:
        ledger = self._judge.ledger
        if ledger is None or self.place is not None:
            return
        self._ledger = ledger
        self._before = ledger.place.get()
        self.place = Place(self._name, self._kind, self._before, self._reason)
        self._token = ledger.place.set(self.place)

    def _leave(self) -> bool:
        ledger, token, before = self._ledger, self._token, self._before
        if ledger is None or token is None or before is None:
            return False
        self._ledger = self._token = self._before = None
        try:
            ledger.place.reset(token)
        except ValueError:  # left in another context than it was entered in
            ledger.place.set(before)
        return ledger is self._judge.ledger

    def __call__(self, function: _F) -> _F:
        """Decorate a function, coroutine function or generator function: each call is a block of its own."""
        return _decorated(self._again, function)


class Allowance(_Block, AbstractContextManager["Allowance"], AbstractAsyncContextManager["Allowance"]):
    """What is acquired inside may leak, for a reason; it is counted and shown apart, never hidden."""

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()
        self.place = None

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


class Scope(_Block, AbstractContextManager["Scope"], AbstractAsyncContextManager["Scope"]):
    """What is acquired inside must be released before it ends; what is not is LT103.

    Scopes nest, and follow ``contextvars`` into tasks and executors. Under the policy ``raise`` the end of a scope
    raises LeakError, unless another exception is on its way out already.
    """

    _mark = 0

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    def _open(self) -> Self:
        self._enter()
        if self._ledger is not None:
            self._mark = self._ledger.mark()
        return self

    def _close(self, may_raise: bool) -> None:
        place, mark, live = self.place, self._mark, self._leave()
        self.place = None
        if live and place is not None:
            self._judge.end_scope(place, mark, may_raise=may_raise)

    def _grace(self) -> float:
        return 0.0 if self.place is None else self._judge.pending_grace(self.place, self._mark)

    def __enter__(self) -> Self:
        return self._open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + self._grace()
        while time.monotonic() < deadline and self._grace():
            time.sleep(_LOOK)
        self._close(error is None)

    async def __aenter__(self) -> Self:
        return self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + self._grace()
        while time.monotonic() < deadline and self._grace():
            await _pause()
        self._close(error is None)


async def _pause() -> None:
    import asyncio

    if asyncio._get_running_loop() is not None:
        await asyncio.sleep(_LOOK)
    else:  # another event loop: a moment of its time is better than a dependency on it
        time.sleep(_LOOK)  # noqa: ASYNC251


def _decorated(block: Callable[[], Any], function: _F) -> _F:
    wrapper: Any
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            async with block():
                async for item in function(*args, **kwargs):
                    yield item

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            async with block():
                return await function(*args, **kwargs)

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with block():
                return (yield from function(*args, **kwargs))

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with block():
                return function(*args, **kwargs)

    made: _F = wrapper
    return made
