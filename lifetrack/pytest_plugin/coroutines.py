"""Coroutines that a plugin runs in one task, begun for somebody else, acquire for their own test or fixture.

The plugin of anyio has one task for all asynchronous fixtures and tests that share an event loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context, ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

import pytest

from lifetrack.ledger.places import Place

Inside = Callable[[], AbstractContextManager[None]]
#: The fixture by which a test or fixture says that anyio runs it.
_ANYIO = "anyio_backend"
#: The module of its plugin.
_PLUGIN = "anyio.pytest_plugin"
#: The module of asynchronous TestCases.
_ASYNC_CASES = "unittest.async_case"
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


def is_fixture_run_by_others(request: pytest.FixtureRequest) -> bool:
    """Whether a fixture may be run elsewhere than where it is set up: see :func:`fixture_within`."""
    return _PLUGIN in sys.modules and _ANYIO in request.fixturenames


@contextmanager
def fixture_within(fixturedef: pytest.FixtureDef[Any], inside: Inside) -> Iterator[None]:
    """Let the function of a fixture that anyio runs run inside a place; the function is put back at the end."""
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


def is_run_by_others(item: pytest.Item) -> bool:
    """Whether a test may be run elsewhere than where it is called: see :func:`test_within`."""
    if _ANYIO in (getattr(item, "funcargs", None) or ()):
        return True
    return _ASYNC_CASES in sys.modules and _context_of(item) is not None


def _context_of(item: pytest.Item) -> Context | None:
    """Give the context in which an asynchronous TestCase runs all; it is older than its setup."""
    context = getattr(getattr(item, "instance", None), "_asyncioTestContext", None)
    return context if isinstance(context, Context) else None


@contextmanager
def test_within(item: pytest.Item, variable: ContextVar[Place], inside: Inside) -> Iterator[None]:
    """Let a test run inside the present place that anyio or a TestCase runs; its function is put back at the end."""
    context = _context_of(item)
    if context is not None:
        context.run(variable.set, variable.get())
        yield
        return
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
