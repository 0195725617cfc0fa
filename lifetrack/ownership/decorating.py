"""Blocks as decorators: each call of a function is a block of its own, whatever kind of function it is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


class Entered(Protocol):
    """A block that is open."""

    def step_in(self) -> None:
        """Come back to it."""

    def step_out(self) -> None:
        """Leave it for a while."""


class _Outside:
    """Stands for a block that has not been entered, because tracking is off."""

    def step_in(self) -> None:
        return

    def step_out(self) -> None:
        return


def _entered(block: Any) -> Entered:
    entered: Entered | None = block.entered()
    return _Outside() if entered is None else entered


def _driven(block: Any, items: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run a generator in a block that is left while the caller has its turn."""
    sent: Any = None
    thrown: BaseException | None = None
    with block:
        entered = _entered(block)
        while True:
            try:
                item = items.send(sent) if thrown is None else items.throw(thrown)
            except StopIteration as stop:
                return stop.value
            finally:
                thrown = None
            entered.step_out()
            try:
                sent = yield item
            except GeneratorExit:
                entered.step_in()
                items.close()
                raise
            except BaseException as error:
                thrown = error
            entered.step_in()


def _async_generator_function(block: Callable[[], Any], function: Callable[..., Any]) -> Any:
    """Decorate an asynchronous generator function; the block is left while the caller has its turn."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        items = function(*args, **kwargs)
        sent: Any = None
        thrown: BaseException | None = None
        async with (opened := block()):
            entered = _entered(opened)
            while True:
                try:
                    item = await (items.asend(sent) if thrown is None else items.athrow(thrown))
                except StopAsyncIteration:
                    return
                finally:
                    thrown = None
                entered.step_out()
                try:
                    sent = yield item
                except GeneratorExit:
                    entered.step_in()
                    await items.aclose()
                    raise
                except BaseException as error:
                    thrown = error
                entered.step_in()

    return wrapper


def decorated(block: Callable[[], Any], function: _F) -> _F:
    """Make every call of ``function`` a block of its own, for as long as the call lasts."""
    wrapper: Any
    if inspect.isasyncgenfunction(function):
        wrapper = _async_generator_function(block, function)

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            async with block():
                return await function(*args, **kwargs)

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from _driven(block(), function(*args, **kwargs)))

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with block():
                return function(*args, **kwargs)

    made: _F = wrapper
    return made
