"""Scopes, owners and borrows across await, task groups, nurseries and threads, with the loops of asyncio and trio."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

from lifetrack.ownership.borrowing import borrow, borrows
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.transfers import transfer

BOTH = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def in_task_group(items, resource):
    """asyncio.TaskGroup."""

    async def acquire():
        await asyncio.sleep(0)
        items.append(resource())

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(acquire())
            group.create_task(acquire())

    return asyncio.run, main


def in_gather(items, resource):
    """asyncio.gather, and a task of its own."""

    async def acquire():
        await asyncio.sleep(0)
        items.append(resource())

    async def main():
        task = asyncio.create_task(acquire())
        await asyncio.gather(acquire(), task)

    return asyncio.run, main


def in_asyncio_threads(items, resource):
    """asyncio.to_thread, which carries the context, and run_in_executor, which does not."""

    def acquire():
        items.append(resource())

    async def main():
        await asyncio.to_thread(acquire)
        with ThreadPoolExecutor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, acquire)

    return asyncio.run, main


def in_nursery(items, resource):
    """A nursery of trio's, and a thread."""

    async def acquire():
        await trio.lowlevel.checkpoint()
        items.append(resource())

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(acquire)
        await trio.to_thread.run_sync(lambda: items.append(resource()))

    return (lambda coroutine: trio.run(lambda: coroutine)), main


def _in_anyio(items, resource, backend):
    async def acquire():
        await anyio.lowlevel.checkpoint()
        items.append(resource())

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(acquire)
        await anyio.to_thread.run_sync(lambda: items.append(resource()))

    return (lambda coroutine: anyio.run(lambda: coroutine, backend=backend)), main


def in_anyio_on_asyncio(items, resource):
    """A task group of anyio's and a thread, on asyncio."""
    return _in_anyio(items, resource, "asyncio")


def in_anyio_on_trio(items, resource):
    """A task group of anyio's and a thread, on trio."""
    return _in_anyio(items, resource, "trio")


WAYS = [in_task_group, in_gather, in_asyncio_threads, in_nursery, in_anyio_on_asyncio, in_anyio_on_trio]
EVERY = pytest.mark.parametrize("way", WAYS)


@EVERY
def test_a_scope_covers_the_tasks_and_threads_that_it_starts(tracker, resource, found, way):
    """What is acquired by a task or a thread that was started inside a scope must be released before it ends."""
    items = []
    run, main = way(items, resource)

    async def inside():
        async with tracker.scope("job"):
            await main()

    run(inside())
    assert found() == [("LT103", "job"), ("LT103", "job")]
    assert len(items) == 2


@EVERY
def test_what_tasks_and_threads_release_in_time_is_no_leak(tracker, resource, found, way):
    """The same with a release before the scope ends; and what comes after the scope is not the scope's."""
    items = []
    run, main = way(items, resource)

    async def inside():
        async with tracker.scope("job"):
            await main()
            for item in items:
                item.close()
        await main()

    run(inside())
    assert found() == [("LT101", None), ("LT101", None)]
    for item in items[2:]:
        item.close()
    assert found() == []


@BOTH
def test_scopes_of_tasks_that_take_turns_do_not_mix(tracker, resource, found, backend):
    """Each of three tasks has a scope of its own; only the one that leaks is named."""

    async def work(number):
        async with tracker.scope(f"job {number}"):
            item = resource()
            for _ in range(number):
                await anyio.lowlevel.checkpoint()
            if number != 2:
                item.close()
            keep.append(item)

    async def main():
        async with anyio.create_task_group() as group:
            for number in (3, 1, 2):
                group.start_soon(work, number)

    keep = []
    anyio.run(main, backend=backend)
    assert found() == [("LT103", "job 2")]


@BOTH
def test_a_scope_ends_in_a_task_that_is_cancelled(tracker, resource, found, backend):
    """A time limit leaves the scope by a cancellation: it ends, names its leak, and the place after it is right."""
    keep = []

    async def main():
        with anyio.move_on_after(0.01):
            async with tracker.scope("job"):
                keep.append(resource())
                await anyio.sleep(60)
        keep.append(resource())

    anyio.run(main, backend=backend)
    assert found() == [("LT103", "job"), ("LT101", None)]


def slow_class(tracker):
    """Declare a class that may take a moment to be released."""

    @tracker.tracked(grace=5.0)
    class Slow:
        def close(self):
            pass

    tracker.start("stacks", policy="record", report=False)
    return Slow


@BOTH
def test_the_grace_of_a_scope_lets_other_tasks_run(tracker, found, backend):
    """While a scope waits for what is just ending, the task that releases it has its turns."""
    slow = slow_class(tracker)

    async def release(item):
        await anyio.sleep(0.02)
        item.close()

    async def main():
        async with anyio.create_task_group() as group:
            async with tracker.scope("job"):
                group.start_soon(release, slow())

    start = time.monotonic()
    anyio.run(main, backend=backend)
    assert found() == []
    assert time.monotonic() - start < 4


def test_the_grace_is_no_new_place_for_a_cancellation_of_trio(tracker, found):
    """A scope that waits in a cancelled nursery waits all the same, and raises nothing that the program would not."""
    slow = slow_class(tracker)
    reached = []

    async def release(item):
        with trio.CancelScope(shield=True):
            await trio.sleep(0.02)
        item.close()

    async def main():
        async with trio.open_nursery() as nursery:
            async with tracker.scope("job"):
                nursery.start_soon(release, slow())
                nursery.cancel_scope.cancel()
            reached.append(True)

    trio.run(main)
    assert found() == []
    assert reached == [True]


def test_a_scope_that_is_cancelled_in_its_grace_ends_all_the_same(tracker, found):
    """Asyncio may cancel the wait: then the scope is judged at once, and the cancellation goes on."""
    slow = slow_class(tracker)
    keep = []

    async def work():
        async with tracker.scope("job"):
            keep.append(slow())

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0.03)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        keep.append(slow())

    asyncio.run(main())
    assert found() == [("LT103", "job"), ("LT101", None)]


@BOTH
def test_a_borrow_lasts_across_await_and_in_other_tasks(tracker, resource, found, backend):
    """A release by another task while one has borrowed the object is LT302; after the borrow it is fine."""
    rules = []

    @borrows("item")
    async def use(item):
        await anyio.sleep(0.02)

    async def main():
        first, second = resource(), resource()
        async with anyio.create_task_group() as group:
            group.start_soon(use, first)
            group.start_soon(use, second)
            await anyio.sleep(0.005)
            first.close()
        second.close()
        rules.extend(finding.rule for finding in tracker.report().findings)

    anyio.run(main, backend=backend)
    assert rules == ["LT302"]


@BOTH
def test_a_borrow_in_a_task_that_is_cancelled_ends(tracker, resource, backend):
    """A cancellation ends the block of a borrow, so that the release afterwards is fine."""

    async def main():
        item = resource()
        with anyio.move_on_after(0.01):
            async with borrow(item):
                await anyio.sleep(60)
        item.close()
        assert tracker.report().findings == ()

    anyio.run(main, backend=backend)


@BOTH
def test_an_owner_is_closed_by_another_task_than_the_one_that_acquired(tracker, backend):
    """Owners belong to no task: resources come from several, a thread too, and another one closes, newest first."""
    order = []

    @tracker.tracked
    class Connection:
        def __init__(self, number):
            self.number = number

        async def aclose(self):
            await anyio.lowlevel.checkpoint()
            order.append(self.number)

    tracker.start("stacks", policy="record", report=False)

    async def main():
        owner = Owner("pool", exclusive=True)

        async def acquire(number):
            transfer(Connection(number), to=owner)

        for number in (1, 2):
            async with anyio.create_task_group() as group:
                group.start_soon(acquire, number)
        await anyio.to_thread.run_sync(lambda: transfer(Connection(3), to=owner))
        async with anyio.create_task_group() as group:
            group.start_soon(owner.aclose)

    anyio.run(main, backend=backend)
    assert order == [3, 2, 1]
    assert tracker.report().findings == ()
    assert tracker.report().totals.released == 3


@BOTH
def test_an_owner_acts_for_itself_across_await(tracker, backend):
    """Only the owner may release: its coroutine release is its own also after an await, another task's is LT301."""

    @tracker.tracked
    class Connection:
        async def aclose(self):
            await anyio.sleep(0.01)

    tracker.start("stacks", policy="record", report=False)

    async def main():
        owner = Owner("pool", exclusive=True)
        mine, taken = transfer(Connection(), to=owner), transfer(Connection(), to=owner)
        async with anyio.create_task_group() as group:
            group.start_soon(taken.aclose)
            await anyio.lowlevel.checkpoint()
            group.start_soon(owner.aclose)
        return mine

    anyio.run(main, backend=backend)
    assert [finding.rule for finding in tracker.report().findings] == ["LT301"]


@BOTH
def test_an_async_generator_with_a_scope_is_closed_by_its_consumer(tracker, resource, found, backend):
    """A decorated asynchronous generator that is left early ends its scope; what the consumer acquires is its own."""
    keep = []

    @tracker.scope("producer")
    async def produce():
        keep.append(resource())
        while True:
            await anyio.lowlevel.checkpoint()
            yield len(keep)

    async def main():
        items = produce()
        async for _ in items:
            keep.append(resource())
            break
        await items.aclose()

    anyio.run(main, backend=backend)
    assert sorted(found()) == [("LT101", None), ("LT103", "producer")]
