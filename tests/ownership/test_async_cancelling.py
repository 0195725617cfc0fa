"""A release that is cancelled is LT105 with the cancellation's stack, and the cancellation goes on as one."""

from __future__ import annotations

import asyncio
import traceback

import anyio
import pytest
import trio

from lifetrack.ownership.handles import Owned
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.transfers import transfer

BOTH = pytest.mark.parametrize("backend", ["asyncio", "trio"])
NAMES = {"asyncio": "CancelledError", "trio": "Cancelled"}


@pytest.fixture
def slow(tracker):
    """A declared class whose release waits for a minute, or fails, as each object is told."""

    @tracker.tracked
    class Slow:
        def __init__(self, how="wait"):
            self.how = how

        async def aclose(self):
            if self.how == "wait":
                await self.flush()
            elif self.how != "done":
                raise ValueError(self.how)

        async def flush(self):
            await anyio.sleep(60)  # the wait

    tracker.start("stacks", policy="record", report=False)
    return Slow


def failure(tracker):
    """Give the one leak, and the event that tells of its failed release."""
    (finding,) = tracker.find_leaks()
    (event,) = [event for event in finding.events if event.event == "release-failed"]
    return finding, event


def check(tracker, name):
    """Hold that there is one LT105 with the stack of the cancellation: where it waited, and who called."""
    finding, event = failure(tracker)
    assert finding.rule == "LT105"
    assert f"its release was cancelled ({name})" in finding.message
    functions = [site.function.rpartition(".")[2] for site in event.stack]
    assert "flush" in functions
    assert functions.index("flush") < functions.index("aclose")
    assert event.stack[functions.index("flush")].code == "await anyio.sleep(60)  # the wait"
    return functions


@BOTH
def test_a_cancelled_release_has_the_stack_of_the_cancellation(tracker, slow, backend):
    """A time limit cancels the release: the event shows where it waited."""
    keep = []

    async def main():
        keep.append(slow())
        with anyio.move_on_after(0.01) as limit:
            await keep[0].aclose()
        assert limit.cancelled_caught

    anyio.run(main, backend=backend)
    check(tracker, NAMES[backend])


def test_a_task_that_is_cancelled_in_a_release_is_cancelled(tracker, slow):
    """task.cancel() during a release ends the task as cancelled, and the release is LT105."""
    keep = []

    async def work():
        keep.append(slow())
        await keep[0].aclose()

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(main())
    assert "work" in check(tracker, "CancelledError")


def test_the_release_by_an_exit_stack_that_trio_cancels(tracker, slow):
    """In a cancelled scope of trio's every await of a release is cancelled at once."""
    keep = []

    async def main():
        with trio.CancelScope() as scope:
            keep.append(slow())
            try:
                scope.cancel()
                await trio.sleep(1)
            finally:
                await keep[0].aclose()

    trio.run(main)
    check(tracker, "Cancelled")


@BOTH
@pytest.mark.parametrize("kind", ["Owner", "Owned"])
def test_a_lone_cancellation_of_an_owner_stays_one(tracker, slow, backend, kind):
    """aclose() of an owner or a handle is cancelled: the cancellation comes out as itself, and the limit takes it."""
    keep = []

    async def main():
        keep.append(slow())
        with anyio.move_on_after(0.01) as limit:
            if kind == "Owner":
                async with Owner("pool") as owner:
                    transfer(keep[0], to=owner)
            else:
                async with Owned(keep[0]):
                    pass
        assert limit.cancelled_caught

    anyio.run(main, backend=backend)
    check(tracker, NAMES[backend])


def test_a_time_limit_of_asyncio_sees_the_cancellation_of_an_owner(tracker, slow):
    """asyncio.timeout asks for the very type: it becomes a TimeoutError, also beside other errors, which are kept."""

    async def main():
        owner = Owner("pool")
        for how in ("wait", "first", "done", "second"):
            transfer(slow(how), to=owner)
        async with asyncio.timeout(0.01):
            await owner.aclose()

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(main())
    cancelled = caught.value.__cause__
    assert isinstance(cancelled, asyncio.CancelledError)
    assert isinstance(cancelled.__cause__, ExceptionGroup)
    assert "owner 'pool'" in str(cancelled.__cause__)
    assert [str(error) for error in cancelled.__cause__.exceptions] == ["second", "first"]
    assert "ValueError: first" in "".join(traceback.format_exception(caught.value))
    assert sorted(finding.rule for finding in tracker.find_leaks()) == ["LT105"] * 3


def test_a_task_whose_owner_is_cancelled_is_cancelled(slow):
    """Whoever cancels a task that closes its owner finds it cancelled; the other errors are the cause."""

    async def work(owner):
        async with owner:
            await asyncio.sleep(60)

    async def main():
        owner = Owner("pool")
        transfer(slow("first"), to=owner)
        transfer(slow("wait"), to=owner)
        task = asyncio.create_task(work(owner))
        await asyncio.sleep(0.01)
        task.cancel()  # the block
        await asyncio.sleep(0.01)
        task.cancel()  # the release
        await asyncio.wait([task])
        assert task.cancelled()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        (error,) = caught.value.__cause__.exceptions
        assert str(error) == "first"

    asyncio.run(main())


def test_a_cancelled_child_does_not_fail_its_task_group(slow):
    """asyncio.TaskGroup takes the end of a cancelled child for what it is."""

    async def main():
        owner = Owner("pool")
        transfer(slow("wait"), to=owner)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(owner.aclose())
            await asyncio.sleep(0.01)
            task.cancel()
        assert task.cancelled()

    asyncio.run(main())


def test_trio_takes_its_cancellation_and_the_other_errors_go_on(tracker, slow):
    """Under trio the group holds the cancellation, which its scope takes out; the errors of releases are raised."""

    async def main():
        owner = Owner("pool")
        for how in ("wait", "first", "wait", "second"):
            transfer(slow(how), to=owner)
        with trio.move_on_after(0.01):
            await owner.aclose()

    with pytest.raises(ExceptionGroup) as caught:
        trio.run(main)
    assert [str(error) for error in caught.value.exceptions] == ["second", "first"]
    assert sorted(finding.rule for finding in tracker.find_leaks()) == ["LT105"] * 4


@BOTH
def test_many_cancelled_releases_are_one_cancellation(tracker, slow, backend):
    """Every release may be cancelled on its own; together they are one cancellation, and each is LT105."""

    async def main():
        outer, inner = Owner("outer"), Owner("inner")
        outer.take(inner)
        transfer(slow("wait"), to=inner)
        transfer(slow("wait" if backend == "trio" else "done"), to=outer)
        with anyio.move_on_after(0.01) as limit:
            await outer.aclose()
        assert limit.cancelled_caught

    anyio.run(main, backend=backend)
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT105"] * (2 if backend == "trio" else 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_process_is_not_hidden_in_a_group(tracker, resource, error):
    """An exception that whoever waits must see comes out itself, with the others as its cause."""

    class Ending(resource):
        def __init__(self, kind):
            self.kind = kind

        def close(self):
            raise self.kind("told")

    owner = Owner("pool")
    for kind in (ValueError, error, OSError):
        transfer(Ending(kind), to=owner)
    with pytest.raises(error) as caught:
        owner.close()
    assert [type(each) for each in caught.value.__cause__.exceptions] == [OSError, ValueError]
    alone = Owner("alone")
    transfer(Ending(error), to=alone)
    with pytest.raises(error) as caught:
        alone.close()
    assert caught.value.__cause__ is None
    assert any("owner 'alone'" in note for note in caught.value.__notes__)


def test_ordinary_errors_are_a_group_as_ever(resource):
    """Also a lone one: whoever closes an owner need not know how many resources there were."""

    class Failing(resource):
        def close(self):
            raise OSError("disk")

    owner = Owner("pool")
    transfer(Failing(), to=owner)
    with pytest.raises(ExceptionGroup) as caught:
        owner.close()
    assert [type(each) for each in caught.value.exceptions] == [OSError]
