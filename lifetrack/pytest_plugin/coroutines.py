"""Coroutines that a plugin runs in one task, begun for somebody else, acquire for their own test or fixture.

The plugin of anyio has one task for all asynchronous fixtures and tests that share an event loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context, ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

import pytest

Inside = Callable[[], AbstractContextManager[None]]
#: The fixture by which a test or fixture says that anyio runs it.
_ANYIO = "anyio_backend"
#: The module of its plugin.
_PLUGIN = "anyio.pytest_plugin"
_NOTHING = nullcontext()
_INNER = "lifetrack_inner"


def within(function: Any, inside: Inside) -> Any:
    """Give an asynchronous function that runs inside a place; any other function as it is."""
    if isasyncgenfunction(function):
        return _generator_within(function, inside)
    if not iscoroutinefunction(function):
        return function

    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        with inside():
            return await function(*args, **kwargs)

    setattr(run, _INNER, function)
    return run


def _generator_within(function: Any, inside: Inside) -> Any:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        try:
            while True:
                with inside():
                    try:
                        value = await anext(generator)
                    except StopAsyncIteration:
                        return
                yield value
        finally:
            with inside():
                await generator.aclose()

    return run


def fixture_within(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest, inside: Inside
) -> AbstractContextManager[None]:
    """Let the function of a fixture run inside a place, if anyio will run it; the function is put back at the end."""
    if _PLUGIN not in sys.modules or _ANYIO not in request.fixturenames:
        return _NOTHING
    return _fixture_within(fixturedef, inside)


@contextmanager
def _fixture_within(fixturedef: pytest.FixtureDef[Any], inside: Inside) -> Iterator[None]:
    function = fixturedef.func
    wrapped = within(function, inside)
    if wrapped is function:
        yield
        return
    fixturedef.func = wrapped  # type: ignore[misc]
    try:
        yield
    finally:
        fixturedef.func = function  # type: ignore[misc]


def context_within(item: pytest.Item, variable: ContextVar[Any], inside: Inside) -> None:
    """Let an asynchronous TestCase run inside a place: it runs all in one context, which is older than its setup."""
    context = getattr(getattr(item, "instance", None), "_asyncioTestContext", None)
    if isinstance(context, Context):
        with inside():
            place = variable.get()
        context.run(variable.set, place)


def test_within(item: pytest.Item, inside: Inside) -> AbstractContextManager[None]:
    """Let the function of a test run inside a place, if anyio will run it; the function is put back at the end."""
    return _test_within(item, inside) if _ANYIO in (getattr(item, "funcargs", None) or ()) else _NOTHING


@contextmanager
def _test_within(item: pytest.Item, inside: Inside) -> Iterator[None]:
    holder, name = _test_function(item)
    function = getattr(holder, name)
    wrapped = within(function, inside)
    if wrapped is function:
        yield
        return
    setattr(holder, name, wrapped)
    try:
        yield
    finally:
        setattr(holder, name, function)


def _test_function(item: pytest.Item) -> tuple[Any, str]:
    """Give what holds the function that anyio runs, and under which name."""
    hypothesis = getattr(getattr(item, "obj", None), "hypothesis", None)
    if hypothesis is None:
        return item, "obj"
    # What anyio has left there in an earlier test of the same function.
    left = hypothesis.inner_test
    hypothesis.inner_test = getattr(left, "_anyio_original_func", left)
    return hypothesis, "inner_test"
