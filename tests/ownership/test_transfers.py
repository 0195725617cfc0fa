"""Transfers: to every kind of owner, what ``owner_of`` and ``history`` tell of them, and how each resource ended."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading

import pytest

from lifetrack import Owned, Owner, OwnerName, Shared, owner_of, transfer
from lifetrack.values.errors import ConfigurationError, OwnershipError, UseAfterReleaseError


class Plain:
    """An object that nobody tracks."""


@pytest.fixture
def on(tracker):
    """Track under raise."""
    tracker.start("stacks", policy="raise", report=False)
    return tracker


def last(tracker, thing):
    """Give the detail of the last event."""
    return tracker.history(thing)[-1].detail


def test_every_kind_of_owner(on, kinds):
    """Each is told by itself where it is at hand, and named in the history with its kind."""
    thing, plugin, plain = kinds.Resource(), kinds.Resource("plugin"), Plain()
    thread = threading.Thread(target=print, name="worker")
    assert owner_of(thing) == OwnerName("process", "process")
    with Owner("pool") as pool, on.scope("block") as scope:
        for to, words in (
            (pool, "to Owner 'pool'"), (scope, "to scope 'block'"), (thread, "to thread 'worker'"),
            (plain, f"to the {__name__}.Plain object"),
            (plugin, f"to the {on.snapshot().live[1].resource.type} object"),
            (scope, "to scope 'block'"),
        ):  # fmt: skip
            transfer(thing, to=to)
            assert owner_of(thing) is to
            assert last(on, thing) == words
        handle = Owned(thing, name="handle")
        assert owner_of(thing) is handle
        assert owner_of(handle) is handle
        assert last(on, thing) == "to Owned handle 'handle'"
        second = handle.move()
        assert owner_of(thing) is second
        shared = Shared(second, name="all")
        assert owner_of(thing) == OwnerName("all", "Shared")
        assert not second
        shared.release()
    plugin.close()
    assert owner_of(Plain()) is None


def test_into_a_container(on, kinds):
    """An object that takes no weak references, such as a list, is named as the owner."""
    things = []
    things.append(transfer(kinds.Resource(), to=things))
    assert owner_of(things[0]) == OwnerName("list", "object")
    (finding,) = on.find_leaks()
    assert (finding.owner.name, finding.owner.kind) == ("list", "object")
    for _ in range(500):
        transfer(things[0], to=[])
    assert len(on.ledger.owners) < 10
    things.pop().close()


def test_into_a_task(on, kinds):
    """A task owns what was given to it as long as it runs."""

    async def main():
        async def work():
            await go.wait()

        go = asyncio.Event()
        task = asyncio.create_task(work(), name="worker")
        one, two = (transfer(kinds.Resource(name), to=task) for name in ("one", "two"))
        assert owner_of(one) is task
        assert last(on, one) == "to task 'worker'"
        one.close()
        go.set()
        await task
        (finding,) = on.find_leaks()
        assert (finding.rule, finding.owner.name, finding.owner.kind) == ("LT104", "worker", "task")
        assert finding.events[-1].task is not None
        two.close()

    asyncio.run(main())
    assert on.find_leaks() == []


def test_into_a_thread_that_releases(on, kinds):
    """The receiving thread's release is told with its name."""
    thing = kinds.Resource()
    thread = threading.Thread(target=thing.close, name="closer")
    transfer(thing, to=thread)
    thread.start()
    thread.join()
    assert [event.thread for event in on.history(thing)] == [threading.current_thread().name] * 2 + ["closer"]
    assert on.final_report().findings == ()


def test_keeping_outwards(on, kinds):
    """``keep`` gives the object back, says to whom it went, and goes one scope outwards at a time."""
    with on.scope("outer") as outer:
        with on.scope("inner") as inner:
            thing = kinds.Resource()
            assert inner.keep(thing) is thing
            assert owner_of(thing) is outer
            with Owner("kept") as owner:
                assert inner.keep(owner) is owner
                assert owner_of(owner) is outer
            handle = inner.keep(Owned(kinds.Resource("handled")))
        outer.keep(thing)
        assert owner_of(thing) == OwnerName("process", "process")
        assert last(on, thing) == "to the process"
        handle.release()
    thing.close()
    assert outer.keep(thing) is thing
    assert on.report().findings == ()


def test_each_call_of_a_decorated_function_keeps_for_itself(on, kinds):
    """``keep`` of the decorating scope acts on the call that is running, also in recursion and in coroutines."""
    job = on.scope("job")

    @job
    def nested(depth):
        kept = [job.keep(kinds.Resource(f"{depth}"))]
        if depth:
            kept += [job.keep(thing) for thing in nested(depth - 1)]
        return kept

    @job
    async def later(name):
        await asyncio.sleep(0)
        return job.keep(kinds.Resource(name))

    async def main():
        return await asyncio.gather(later("a"), later("b"))

    things = nested(2) + asyncio.run(main())
    assert [owner_of(thing) for thing in things] == [OwnerName("process", "process")] * 5
    for thing in things:
        thing.close()
    assert on.report().findings == ()


def test_what_is_released_cannot_be_transferred(on, kinds):
    """LT201 at the line of the transfer."""
    thing = kinds.Resource()
    thing.close()
    with pytest.raises(UseAfterReleaseError, match="LT201") as caught:
        transfer(thing, to=Plain())
    assert caught.value.finding.misuse.stack[0].line == sys._getframe().f_lineno - 1
    assert caught.value.finding.misuse.event == "transferred"


def test_history_of_a_whole_life(on, kinds):
    """Acquired, transferred, borrowed, returned, released: with details, times and stacks, also through a handle."""
    from lifetrack import borrow

    handle = Owned(kinds.Resource(), name="handle")
    with borrow(handle):
        pass
    handle.release()
    events = on.history(handle)
    assert events == ()  # nothing refers to the object any more
    thing = kinds.Resource()
    owner = Owner("pool")
    transfer(thing, to=owner)
    with borrow(thing):
        pass
    owner.close()
    assert [(event.event, event.detail) for event in on.history(thing)] == [
        ("acquired", None), ("transferred", "to Owner 'pool'"), ("borrowed", None), ("returned", None),
        ("released", "by its owner, Owner 'pool'"),
    ]  # fmt: skip
    times = [event.time for event in on.history(thing)]
    assert times == sorted(times)


def test_transfers_after_another_event_are_all_kept(on):
    """A release that failed does not make the first of two transfers after it be forgotten."""

    @on.tracked
    class Failing:
        def close(self):
            raise OSError

    thing, owners = Failing(), (Owner("one"), Owner("two"))
    with pytest.raises(OSError):
        thing.close()
    for owner in owners:
        transfer(thing, to=owner)
    found = [event.detail for event in on.history(thing) if event.event == "transferred"]
    assert found == ["to Owner 'one'", "to Owner 'two'"]


def explicit(thing):
    thing.close()


def own_block(thing):
    with thing:
        pass


def closing(thing):
    with contextlib.closing(thing):
        pass


def stack(thing):
    with contextlib.ExitStack() as exits:
        exits.callback(thing.close)


def entered(thing):
    with contextlib.ExitStack() as exits:
        exits.enter_context(thing)


def by_owner(thing):
    with Owner("pool") as owner:
        transfer(thing, to=owner)


def by_handle(thing):
    with Owned(thing):
        pass


def by_sharing(thing):
    Shared(thing).release()


def never(thing):
    pass


ENDINGS = {
    explicit: "explicit", own_block: "with", closing: "with", stack: "with", entered: "with", by_owner: "owner",
    by_handle: "owner", by_sharing: "owner", never: "never",
}  # fmt: skip


@pytest.mark.parametrize("level", ["sites", "stacks", "full"])
@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_how_it_ended(tracker, level, end):
    """``ended`` tells by which way a resource was released."""

    @tracker.tracked
    class Resource:
        def close(self):
            self.closed = True

        def use(self):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

    tracker.start(level, policy="record", report=False)
    thing = Resource()
    end(thing)
    if end is not never:
        thing.use()
    (finding,) = tracker.report().findings
    assert (finding.rule, finding.ended) == ("LT101" if end is never else "LT201", ENDINGS[end])


@pytest.mark.parametrize("level", ["sites", "stacks"])
@pytest.mark.parametrize("closes", [True, False])
def test_what_a_finalizer_ends(tracker, level, closes):
    """Collected is ended by a finalizer, whether that released it or not."""

    @tracker.tracked
    class Resource:
        def close(self):
            pass

        def __del__(self):
            if closes:
                self.close()

    tracker.start(level, policy="record", report=False)
    Resource()
    gc.collect()
    (finding,) = tracker.report().findings
    assert (finding.rule, finding.ended) == ("LT102", "finalizer")


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_what_exit_hooks_end(run_python, tmp_path, level):
    """Released by exit hooks; what comes after them is no concern of a report, but a use of it is."""
    script = tmp_path / "program.py"
    script.write_text(
        f"""
import atexit, lifetrack
@lifetrack.tracked
class Resource:
    def close(self): pass
    def use(self): pass
def tell():
    first.use()
    second.use()
    print([(f.rule, f.ended) for f in lifetrack.report().findings])
lifetrack.start("{level}", policy="record", report=False)
first, second = Resource(), Resource()
owner = lifetrack.Owner("pool")
lifetrack.transfer(second, to=owner)
atexit.register(tell)
atexit.register(owner.close)
atexit.register(first.close)
""",
        encoding="utf-8",
    )
    out, err, status = run_python(script)
    assert (out.strip(), err, status) == ("[('LT201', 'exit'), ('LT201', 'owner')]", "", 0)


def test_a_scope_must_be_open(on, kinds):
    """Before and after its block a scope owns nothing; inside a decorated function it is the call's."""
    thing = kinds.Resource()
    scope = on.scope("block")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="scope 'block' is not open"):
            transfer(thing, to=scope)
        with scope:
            pass
    job = on.scope("job")

    @job
    def work():
        transfer(thing, to=job)
        assert owner_of(thing).name == "job"
        thing.close()

    work()
    assert on.report().findings == ()


def test_tracking_for_an_owner_that_is_none(on):
    """The error comes before anything is tracked, so that nothing is left behind."""
    closed = Owner("closed")
    closed.close()

    class Single:
        def close(self):
            pass

    with pytest.raises(OwnershipError, match="is closed"):
        on.track(Single(), owner=closed)
    with pytest.raises(ConfigurationError, match="needs an owner"):
        on.track(Single(), owner="pool")
    assert on.report().totals.acquired == 0
