"""Decorated generators and coroutines: one block for each, left while the caller has its turn, and nothing changed."""

from __future__ import annotations

import asyncio
import contextlib
import inspect

import pytest

from lifetrack.values.errors import LeakError


class Stop(Exception):
    pass


def talk(log):
    """A generator that says what it hears."""
    heard = None
    try:
        while True:
            try:
                heard = yield heard
                log.append(heard)
                if heard == "end":
                    return "result"
            except Stop as error:
                log.append(type(error).__name__)
                heard = "caught"
    finally:
        log.append("done")


async def talk_async(log):
    """The same, asynchronously."""
    heard = None
    try:
        while True:
            try:
                heard = yield heard
                await asyncio.sleep(0)
                log.append(heard)
                if heard == "end":
                    return
            except Stop as error:
                log.append(type(error).__name__)
                heard = "caught"
    finally:
        log.append("done")


def conversation(function):
    """Use all that a generator can do, and give what came back."""
    log, said = [], []
    items = function(log)
    said += [next(items), items.send("a"), items.throw(Stop), items.send("b")]
    try:
        items.send("end")
    except StopIteration as stop:
        said.append(stop.value)
    other = function(log)
    next(other)
    other.close()
    third = function(log)
    next(third)
    with pytest.raises(KeyError):
        third.throw(KeyError)
    function(log).close()
    return said, log


async def conversation_async(function):
    """Use all that an asynchronous generator can do, and give what came back."""
    log, said = [], []
    items = function(log)
    said += [await anext(items), await items.asend("a"), await items.athrow(Stop), await items.asend("b")]
    with pytest.raises(StopAsyncIteration):
        await items.asend("end")
    other = function(log)
    await anext(other)
    await other.aclose()
    third = function(log)
    await anext(third)
    with pytest.raises(KeyError):
        await third.athrow(KeyError)
    await function(log).aclose()
    return said, log


@pytest.mark.parametrize("tracking", [True, False])
@pytest.mark.parametrize("make", [lambda t: t.scope("x"), lambda t: t.allow("x")], ids=["scope", "allow"])
def test_a_decorated_generator_behaves_as_without(tracker, tracking, make):
    """Values sent, exceptions thrown, closing and the result pass through exactly."""
    if tracking:
        tracker.start(policy="raise", report=False)
    decorated = make(tracker)(talk)
    assert inspect.isgeneratorfunction(decorated)
    assert conversation(decorated) == conversation(talk)


@pytest.mark.parametrize("tracking", [True, False])
@pytest.mark.parametrize("make", [lambda t: t.scope("x"), lambda t: t.allow("x")], ids=["scope", "allow"])
def test_a_decorated_async_generator_behaves_as_without(tracker, tracking, make):
    """The same for asynchronous generators."""
    if tracking:
        tracker.start(policy="raise", report=False)
    decorated = make(tracker)(talk_async)
    assert inspect.isasyncgenfunction(decorated)
    assert asyncio.run(conversation_async(decorated)) == asyncio.run(conversation_async(talk_async))


def test_what_the_caller_acquires_between_items_is_not_the_generators(tracker, resource, found):
    """Only what the generator itself acquires belongs to its scope."""

    @tracker.scope("generator")
    def produce():
        mine.append(resource())
        yield 1
        mine.append(resource())
        yield 2

    mine, callers = [], []
    with tracker.scope("caller"):
        for _ in produce():
            callers.append(resource())
        assert found("LT103") == [("LT103", "generator")] * 2
        for kept in callers:
            kept.close()
    assert found() == [("LT103", "generator")] * 2


def test_what_the_caller_acquires_between_async_items_is_not_the_generators(tracker, resource, found):
    """The same for asynchronous generators."""

    @tracker.scope("generator")
    async def produce():
        mine.append(resource())
        yield 1
        await asyncio.sleep(0)
        mine.append(resource())

    async def main():
        async for _ in produce():
            callers.append(resource())

    mine, callers = [], []
    asyncio.run(main())
    assert found() == [("LT103", "generator"), ("LT103", "generator"), ("LT101", None)]


def test_generators_that_take_turns_keep_their_scopes(tracker, resource, found):
    """Two decorated generators that are advanced in turn each have their own, and the caller keeps its place."""

    def produce(name, count):
        @tracker.scope(name)
        def generator():
            for _ in range(count):
                kept.append(resource())
                yield

        return generator()

    kept = []
    with tracker.scope("caller"):
        one, two = produce("one", 1), produce("two", 2)
        for items in (one, two, two, one, two):
            with contextlib.suppress(StopIteration):
                next(items)
        kept.append(resource())
    assert sorted(found()) == [("LT103", "caller"), ("LT103", "one"), ("LT103", "two"), ("LT103", "two")]


def test_a_generator_that_is_closed_early_is_judged(tracker, resource, found):
    """Closing ends the scope; under raise a leak does not take the place of the closing."""
    tracker.start(policy="raise", report=False)

    @tracker.scope("closed")
    def produce():
        kept.append(resource())
        yield 1

    kept = []
    items = produce()
    next(items)
    items.close()
    assert found() == [("LT103", "closed")]
    with pytest.raises(LeakError):
        list(produce())


def test_one_scope_object_serves_several_blocks_at_once(tracker, resource, found):
    """The same scope, entered by tasks that take turns and again inside itself, is a block of its own each time."""
    scope = tracker.scope("shared")

    async def work(turns):
        async with scope:
            await asyncio.sleep(0)
            kept.append(resource())
            for _ in range(turns):
                await asyncio.sleep(0)
            with scope:
                kept.append(resource())

    async def main():
        await asyncio.gather(*(work(turns) for turns in (3, 1, 2)))

    kept = []
    asyncio.run(main())
    kept.append(resource())
    assert found() == [("LT103", "shared")] * 6 + [("LT101", None)]
