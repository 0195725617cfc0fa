"""Tasks of asyncio, trio and anyio: their names in events, and as owners."""

from __future__ import annotations

import asyncio
import gc

import anyio
import anyio.lowlevel
import pytest
import trio

from lifetrack.ownership.transfers import owner_of, transfer
from lifetrack.values.errors import ConfigurationError


def tasks_of(events):
    """Tell in which tasks things happened."""
    return [event.task for event in events]


@pytest.mark.parametrize("level", ["stacks", "full"])
def test_events_name_the_task_of_asyncio(tracker, resource, level):
    """What happens in a task of asyncio's is told with its name, and what happens outside with none."""
    tracker.start(level, policy="record", report=False)
    outside = resource()
    held = []

    async def work():
        held.append(resource())
        held[0].close()

    async def main():
        await asyncio.create_task(work(), name="worker 7")

    asyncio.run(main())
    assert tasks_of(tracker.history(held[0])) == ["worker 7", "worker 7"]
    assert tasks_of(tracker.history(outside)) == [None]
    outside.close()
    assert tasks_of(tracker.history(outside)) == [None, None]


def test_events_name_the_task_of_trio(tracker, resource):
    """What happens in a task of trio's is told with its name, in a worker thread of it with none."""
    held, elsewhere = [], []

    async def work():
        held.append(resource())
        await trio.lowlevel.checkpoint()
        held[0].close()
        elsewhere.append(await trio.to_thread.run_sync(resource))

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, name="worker 7")

    trio.run(main)
    assert tasks_of(tracker.history(held[0])) == ["worker 7", "worker 7"]
    assert tasks_of(tracker.history(elsewhere[0])) == [None]
    elsewhere[0].close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_events_name_the_task_of_anyio(tracker, resource, backend):
    """Tasks of anyio's have their names on both of its backends."""
    held = []

    async def work():
        held.append(resource())
        held[0].close()

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(work, name="worker 7")

    anyio.run(main, backend=backend)
    assert tasks_of(tracker.history(held[0])) == ["worker 7", "worker 7"]


def test_a_task_library_that_is_imported_later_is_noticed(run_python):
    """Tasks are named also where the library is imported when tracking is on already; until then nothing is asked."""
    code = """
import sys
import lifetrack

@lifetrack.tracked
class Resource:
    def close(self):
        pass

with lifetrack.start("stacks", policy="record", report=False):
    print([event.task for event in lifetrack.history(Resource())], "asyncio" in sys.modules, "trio" in sys.modules)
    import MODULE as library

    async def main():
        resource = Resource()
        print([event.task is None for event in lifetrack.history(resource)])
        resource.close()

    library.run(CALL)
    print(type(sys.meta_path[0]).__module__.partition(".")[0])
print(type(sys.meta_path[0]).__module__.partition(".")[0])
"""
    for module, call in (("asyncio", "main()"), ("trio", "main")):
        out, err, status = run_python(code.replace("MODULE", module).replace("CALL", call))
        assert err == ""
        assert out.splitlines()[:2] == ["[None] False False", "[False]"]
        assert out.splitlines()[3] != "lifetrack"  # nothing of ours stays in the import system
        assert status == 0


def test_a_task_of_asyncio_owns_until_it_is_done(tracker, resource):
    """A resource given to a task belongs to it by its name; when the task is done without a release it is LT104."""

    async def hold(item, release):
        await asyncio.sleep(0.01)
        if release:
            item.close()

    async def main(release):
        item = resource()
        task = asyncio.create_task(hold(item, release), name="holder")
        transfer(item, to=task)
        assert owner_of(item) is task
        assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]  # live, and somebody's
        await task
        return item

    asyncio.run(main(release=True))
    assert tracker.find_leaks() == []
    item = asyncio.run(main(release=False))
    (finding,) = tracker.find_leaks()
    assert finding.rule == "LT104"
    assert (finding.owner.name, finding.owner.kind) == ("holder", "task")
    item.close()


def test_a_task_of_trio_owns_until_it_is_done(tracker, resource):
    """The same for a task of trio's, which does not say itself that it has ended."""

    async def hold(item, release, task_status):
        task_status.started(trio.lowlevel.current_task())
        await trio.sleep(0.01)
        if release:
            item.close()

    async def main(release):
        item = resource()
        async with trio.open_nursery() as nursery:
            task = await nursery.start(hold, item, release, name="holder")
            transfer(item, to=task)
            assert owner_of(item) is task
            assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
        return item, task

    trio.run(main, True)
    assert tracker.find_leaks() == []
    item, task = trio.run(main, False)
    (finding,) = tracker.find_leaks()
    assert finding.rule == "LT104"
    assert (finding.owner.name, finding.owner.kind) == ("holder", "task")
    item.close()
    del task


def test_a_task_that_has_not_begun_is_an_owner(tracker, resource):
    """A task is no orphanage because it has not had its turn yet, nor while it waits or runs."""
    seen = []

    async def hold():
        seen.append([finding.rule for finding in tracker.find_leaks()])
        item.close()

    async def main():
        nonlocal item
        async with trio.open_nursery() as nursery:
            item = resource()
            nursery.start_soon(hold, name="later")
            (task,) = nursery.child_tasks
            transfer(item, to=task)
            seen.append([finding.rule for finding in tracker.find_leaks()])

    item = None
    trio.run(main)
    assert seen == [["LT101"], ["LT101"]]
    assert tracker.find_leaks() == []


def test_a_task_that_is_cancelled_leaves_what_it_owns(tracker, resource):
    """The end of a task may be a cancellation; what it owned is left behind, and found also when it is collected."""

    async def main():
        item = resource()
        task = asyncio.create_task(asyncio.sleep(60), name="cancelled one")
        transfer(item, to=task)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    gc.collect()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.owner.name) == ("LT104", "cancelled one")


def test_what_describes_a_task_of_anyio_is_refused_as_an_owner(tracker, resource):
    """What anyio tells of a task is made anew each time and is gone at once; the error says what to use."""

    async def main():
        item = resource()
        with pytest.raises(ConfigurationError, match="current_task"):
            transfer(item, to=anyio.get_current_task())
        item.close()

    for backend in ("asyncio", "trio"):
        anyio.run(main, backend=backend)
