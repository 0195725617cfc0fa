"""Programs that are right: none of these leaves a finding, whatever the policy."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import OrderedDict

import pytest

from lifetrack import Owned, Owner, Shared, Weak, borrow, borrows, transfer


@pytest.fixture(params=["sites", "full"])
def clean(request, tracker):
    """Track under raise; what is found in the end fails the test."""
    tracker.start(request.param, policy="raise", report=False)
    yield tracker
    assert tracker.final_report().findings == ()


def test_a_pool_that_takes_back(clean, kinds):
    """A pool that lends the same object thousands of times keeps a bounded history, which says what it dropped."""
    pool = Owner("pool")
    thing = transfer(kinds.Resource(), to=pool)
    for number in range(2000):
        borrower = Owner(f"borrower {number}")
        transfer(thing, to=borrower)
        thing.use()
        transfer(thing, to=pool)
        borrower.close()
    events = clean.history(thing)
    assert len(events) <= 20
    assert events[0].event == "acquired"
    assert events[1].detail == "to Owner 'pool'"
    assert events[-1].detail == "to Owner 'pool'"
    assert clean.report().tracker.dropped >= 2 * 2000 - len(events)
    assert len(clean.ledger.moved) < 4096 + 65
    pool.close()
    assert kinds.released == ["resource"]


def test_a_pool_with_borrows(clean, kinds):
    """Lending thousands of times leaves neither a finding nor an open borrow."""
    with Owner("pool") as pool:
        thing = transfer(kinds.Resource(), to=pool)
        for _ in range(2000):
            with borrow(thing) as lent:
                lent.use()
    assert [event.event for event in clean.history(thing)][-1] == "released"


def test_a_background_thread_that_closes_later(clean, kinds):
    """What is handed to a thread may outlive the scope in which it was acquired."""

    def work():
        while (thing := jobs.get()) is not None:
            thing.use()
            thing.close()

    jobs = queue.Queue()
    thread = threading.Thread(target=work, name="closer")
    with clean.scope("request"):
        for _ in range(3):
            jobs.put(transfer(kinds.Resource(), to=thread))
    jobs.put(None)
    thread.start()
    thread.join()
    assert kinds.released == ["resource"] * 3


def test_a_hand_over_out_of_a_function(clean, kinds):
    """A function decorated with a scope hands its result outwards; so does one that returns a handle."""
    job = clean.scope("job")

    @job
    def make():
        kinds.Resource("inside").close()
        return job.keep(kinds.Resource("result"))

    @job
    def make_handle():
        return job.keep(Owned(kinds.Resource("handled")))

    @job
    def make_owner():
        owner = Owner("made")
        transfer(kinds.Resource("owned"), to=owner)
        return job.keep(owner)

    with clean.scope("outer"):
        made = make()
        with make_handle() as handle, make_owner():
            assert handle.use() == "handled"
        made.close()
    assert kinds.released == ["inside", "owned", "handled", "result"]


def test_a_bounded_cache_that_closes_what_it_evicts(clean, kinds):
    """What is in the cache belongs to it, not to the scope that happened to fill it."""
    cache, owner = OrderedDict(), Owner("cache")

    def get(key):
        if key not in cache:
            cache[key] = transfer(kinds.Resource(key), to=owner)
        if len(cache) > 3:
            owner.release(cache.popitem(last=False)[1])
        return cache[key]

    for number in range(50):
        with clean.scope("request"):
            get(f"{number % 7}").use()
    assert len(owner.owned) == 3
    owner.close()
    assert len(kinds.released) == 50


def test_exit_stacks(clean, kinds):
    """What a stack closes, one that is taken over by another one included, is released in order."""
    with clean.scope("job"), contextlib.ExitStack() as outer:
        with contextlib.ExitStack() as inner:
            thing = kinds.Resource("one")
            inner.callback(thing.close)
            inner.enter_context(contextlib.closing(kinds.Resource("two")))
            inner.enter_context(Owned(kinds.Resource("three")))
            owner = inner.enter_context(Owner("owner"))
            transfer(kinds.Resource("four"), to=owner)
            outer.push(inner.pop_all().__exit__)
    assert kinds.released == ["four", "three", "two", "one"]


def test_a_part_that_is_given_to_a_tracked_container(clean, kinds):
    """A container that releases its parts before it ends leaves nothing behind."""

    @clean.tracked
    class Container:
        def __init__(self):
            self.parts = []

        def add(self, part):
            self.parts.append(transfer(part, to=self))

        def close(self):
            for part in reversed(self.parts):
                part.close()

    container = Container()
    with clean.scope("filling"):
        for name in "ab":
            container.add(kinds.Resource(name))
    container.close()
    assert kinds.released == ["b", "a"]


def test_a_plugin_that_owns_its_parts(clean, kinds):
    """With ``owns`` the parts acquired by the constructor are the plugin's, also those of its bases."""

    @clean.tracked(owns=True)
    class Plugin:
        def __init__(self):
            self.first = kinds.Resource("first")

        def close(self):
            self.first.close()

    class Better(Plugin):
        def __init__(self):
            super().__init__()
            self.second = kinds.Resource("second")

        def close(self):
            self.second.close()
            super().close()

    with Owner("plugins") as owner:
        with clean.scope("loading"):
            transfer(Better(), to=owner)
    assert kinds.released == ["second", "first"]


def test_borrowing_by_decorator(clean, kinds):
    """Functions that borrow an argument give it back, also when they raise; any number at once."""

    @borrows("thing")
    def use(thing, depth=3):
        if not depth:
            raise LookupError(thing.use())
        return use(thing, depth - 1)

    thing = kinds.Resource()
    with pytest.raises(LookupError):
        use(thing)
    with borrow(thing), borrow(thing), borrow(thing):
        thing.use()
    thing.close()


def test_sharing_among_threads(clean, kinds):
    """Each holder drops its own clone, in any order; the last one releases."""
    shared = Shared(kinds.Resource())
    weak = Weak(shared)
    clones = [shared.clone() for _ in range(8)]
    threads = [threading.Thread(target=clone.release) for clone in clones]
    for thread in threads:
        thread.start()
    shared.release()
    for thread in threads:
        thread.join()
    assert kinds.released == ["resource"]
    assert weak.lock() is None


def test_an_exclusive_scope_releases_inside(clean, kinds):
    """Inside the scope, in its inner scopes and in the threads started there, everybody may release."""
    from asyncio import run, to_thread

    async def main():
        with clean.scope("only here", exclusive=True):
            one, two, three = (kinds.Resource(name) for name in ("one", "two", "three"))
            one.close()
            with clean.scope("inner"):
                two.close()
            await to_thread(three.close)

    run(main())
    assert kinds.released == ["one", "two", "three"]


def test_thread_bound_in_its_own_thread(clean, kinds):
    """Used and released where it was acquired, also by its owner, it is in order."""

    def work():
        with Owner("worker's") as owner:
            bound = transfer(kinds.Bound("bound"), to=owner)
            bound.use()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert kinds.released == ["bound"]


SINGLETON = """
import atexit, contextlib, lifetrack
from lifetrack import Owned, Owner, Shared, transfer

class Resource:
    def __init__(self, name): self.name = name
    def close(self): print("closed", self.name)

Resource = lifetrack.tracked(Resource)
lifetrack.start("stacks", policy="record")
SINGLE = Resource("single")
atexit.register(SINGLE.close)
POOL = Owner("pool")
atexit.register(POOL.close)
with lifetrack.scope("request"):
    transfer(Resource("pooled"), to=POOL)
HANDLE = Owned(Resource("handled"))
atexit.register(HANDLE.release)
SHARED = Shared(Resource("shared"))
STACK = contextlib.ExitStack()
STACK.enter_context(contextlib.closing(Resource("stacked")))
STACK.enter_context(SHARED)
atexit.register(STACK.close)
"""


def test_singletons_closed_at_exit(run_python):
    """What exit hooks close, themselves or by an owner, a handle or a stack, is no leak."""
    out, err, status = run_python(SINGLETON)
    assert out.splitlines() == ["closed shared", "closed stacked", "closed handled", "closed pooled", "closed single"]
    assert (err, status) == ("", 0)
