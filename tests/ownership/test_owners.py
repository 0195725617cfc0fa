"""Owners: what they hold, in which order they release it, and what becomes of the errors."""

from __future__ import annotations

import threading

import pytest

from lifetrack import Owned, Owner, OwnershipError, Shared, owner_of, transfer
from lifetrack.values.errors import ConfigurationError, DeclarationError


@pytest.fixture(params=["off", "on"])
def switched(request, tracker):
    """Everything here is the same whether tracking is on or off."""
    if request.param == "on":
        tracker.start("stacks", policy="record", report=False)
    return request.param


def test_closing_releases_newest_first(switched, tracker, kinds):
    """In the reverse order of the transfers, whatever the order of the acquisitions; the second close does nothing."""
    one, two, three = (kinds.Resource(name) for name in ("one", "two", "three"))
    with Owner("pool") as owner:
        for each in (two, three, one):
            assert transfer(each, to=owner) is each
        assert owner.owned == (two, three, one)
    assert kinds.released == ["one", "three", "two"]
    assert owner.closed
    owner.close()
    assert kinds.released == ["one", "three", "two"]
    assert tracker.find_leaks() == []


def test_children_go_before_parents(tracker, kinds):
    """A child that came to the owner before its parent is released before it all the same."""
    tracker.start("stacks", policy="raise", report=False)
    backend = kinds.Backend("backend")
    session = backend.session()
    cursor = session.cursor()
    owner = Owner("pool")
    for each in (cursor, session, backend):
        transfer(each, to=owner)
    owner.close()
    assert kinds.released == ["cursor", "session", "backend"]
    assert tracker.report().findings == ()


def test_nested_owners_close_inside_out(switched, tracker, kinds):
    """An inner owner is one of the things that the outer one owns, and closes in its turn."""
    outer = Owner("outer")
    transfer(kinds.Resource("first"), to=outer)
    inner = Owner("inner", parent=outer)
    transfer(kinds.Resource("inside"), to=inner)
    transfer(kinds.Resource("last"), to=outer)
    assert owner_of(inner) is outer
    outer.close()
    assert kinds.released == ["last", "inside", "first"]
    assert inner.closed
    assert tracker.find_leaks() == []


def broken_class(tracker, error):
    """Declare a class whose release raises."""

    @tracker.tracked
    class Broken:
        def close(self):
            raise error

    return Broken


def test_every_error_is_kept(switched, tracker, kinds):
    """One failing release does not keep the others from running; all errors come out together, newest first."""
    owner = Owner("pool")
    first, last = OSError("a"), ValueError("b")
    for made in (broken_class(tracker, last), kinds.Resource, broken_class(tracker, first)):
        transfer(made(), to=owner)
    with pytest.raises(ExceptionGroup) as caught:
        owner.close()
    assert caught.value.exceptions == (first, last)
    assert str(caught.value).startswith("closing owner 'pool': 2 releases failed")
    assert kinds.released == ["resource"]
    owner.close()


def test_what_ends_the_program_ends_it(switched, tracker, kinds):
    """An exit that a release asks for comes out as itself; the other errors are its cause."""
    owner = Owner("pool")
    first, last = OSError("a"), SystemExit(3)
    for made in (broken_class(tracker, last), kinds.Resource, broken_class(tracker, first)):
        transfer(made(), to=owner)
    with pytest.raises(SystemExit) as caught:
        owner.close()
    assert caught.value is last
    assert last.__cause__.exceptions == (first,)
    assert kinds.released == ["resource"]


def test_errors_of_nested_owners_are_groups_in_the_group(switched, tracker, kinds):
    """The outer owner goes on after the inner one has failed."""
    outer = Owner("outer")
    transfer(kinds.Resource("first"), to=outer)
    inner = Owner("inner", parent=outer)
    transfer(broken_class(tracker, OSError("disk"))(), to=inner)
    with pytest.raises(ExceptionGroup, match="closing owner 'outer'") as caught:
        outer.close()
    (group,) = caught.value.exceptions
    assert isinstance(group, ExceptionGroup)
    assert [type(error) for error in group.exceptions] == [OSError]
    assert kinds.released == ["first"]


def test_a_release_may_close_its_owner(switched, tracker):
    """Closing from inside a release ends, and releases everything once."""
    released = []

    @tracker.tracked
    class Plugin:
        def __init__(self, name):
            self.name = name

        def close(self):
            released.append(self.name)
            owner.close()

    owner = Owner("pool")
    plugins = [transfer(Plugin(name), to=owner) for name in "abc"]
    owner.close()
    assert released == ["c", "b", "a"]
    assert [owner_of(plugin) is owner for plugin in plugins] == [switched == "on"] * 3
    assert tracker.find_leaks() == []


def test_a_direct_release_that_closes_its_owner_runs_once(tracker):
    """What is being released already is left alone by its owner."""
    released = []

    @tracker.tracked
    class Plugin:
        def close(self):
            released.append(self)
            owner.close()

    tracker.start("stacks", policy="raise", report=False)
    owner = Owner("pool")
    plugin = transfer(Plugin(), to=owner)
    plugin.close()
    assert released == [plugin]
    assert tracker.report().findings == ()


@pytest.mark.parametrize("handle", ["Owned", "Shared"])
def test_a_release_may_release_its_handle(switched, tracker, handle):
    """An object that lets go of its own handle in its release is released once."""
    released = []

    @tracker.tracked
    class Plugin:
        def close(self):
            released.append(self)
            made.release()

    plugin = Plugin()
    made = {"Owned": Owned, "Shared": Shared}[handle](plugin)
    made.release()
    assert released == [plugin]


@pytest.mark.parametrize("what", ["Owner", "Owned", "Shared"])
def test_two_threads_close_at_once(switched, tracker, what):
    """Each resource is released exactly once, and no thread gets an error."""
    released, errors = [], []

    @tracker.tracked
    class Slow:
        def close(self):
            both.wait(0.01)
            released.append(self)

    def close(end):
        start.wait()
        try:
            end()
        except BaseException as error:
            errors.append(error)

    both = threading.Event()
    things = [Slow() for _ in range(8)]
    if what == "Owner":
        owner = Owner("pool")
        for each in things:
            transfer(each, to=owner)
        ends = [owner.close] * 4
    else:
        handles = [{"Owned": Owned, "Shared": Shared}[what](each) for each in things]
        ends = [lambda: [handle.__exit__(None, None, None) for handle in handles]] * 4
    start = threading.Barrier(len(ends))
    threads = [threading.Thread(target=close, args=(end,)) for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(map(id, released)) == sorted(map(id, things))
    assert tracker.find_leaks() == []


def test_a_closed_owner_takes_nothing(switched, kinds):
    """The transfer is refused, and the duty stays where it was."""
    with Owner("before") as before:
        thing = transfer(kinds.Resource(), to=before)
        closed = Owner("closed")
        closed.close()
        for given in (thing, before):
            with pytest.raises(OwnershipError, match="owner 'closed' is closed and can own nothing more"):
                transfer(given, to=closed)
        assert owner_of(thing) is before
    assert kinds.released == ["resource"]


def test_nobody_owns_itself(switched, kinds):
    """A circle of owners is refused, at any depth."""
    outer = Owner("outer")
    inner = Owner("inner", parent=outer)
    innermost = Owner("innermost", parent=inner)
    for given, to in ((outer, outer), (outer, innermost), (inner, innermost)):
        with pytest.raises(OwnershipError, match="itself"):
            transfer(given, to=to)
    assert [owner_of(each) for each in (inner, innermost)] == [outer, inner]


def test_no_object_owns_itself(tracker, kinds):
    """Nor do tracked objects own each other in a circle."""
    tracker.start("stacks", policy="record", report=False)
    plugin, part, owner = kinds.Resource("plugin"), kinds.Resource("part"), Owner("of the plugin")
    transfer(part, to=plugin)
    transfer(owner, to=part)
    for given, to in ((plugin, plugin), (plugin, part), (owner, owner)):
        with pytest.raises(OwnershipError):
            transfer(given, to=to)
    assert (owner_of(part), owner_of(owner)) == (plugin, part)
    part.close()
    plugin.close()
    assert tracker.find_leaks() == []


def test_what_is_released_directly_is_not_released_again(tracker, kinds):
    """An owner that is not exclusive lets anybody release; it forgets the resource then."""
    tracker.start("stacks", policy="raise", report=False)
    owner = Owner("pool")
    thing = transfer(kinds.Resource(), to=owner)
    thing.close()
    assert owner.owned == ()
    owner.close()
    assert kinds.released == ["resource"]
    assert tracker.report().findings == ()


def test_only_what_can_own_can_be_given_something(switched, kinds):
    """A handle, a number, a word or nothing is no owner; a name that is none is refused."""
    thing = kinds.Resource()
    for nobody in (None, "pool", 3, kinds.Resource, Owned(kinds.Resource())):
        with pytest.raises(ConfigurationError, match="needs an owner"):
            transfer(thing, to=nobody)
    for name in ("", "  ", None, 3):
        with pytest.raises(ConfigurationError, match="needs a name"):
            Owner(name)
    with pytest.raises(DeclarationError, match="no method that looks like a release"):
        transfer(object(), to=Owner("pool"))
    thing.close()


def test_an_owner_must_know_how_to_release(tracker):
    """What only a function releases cannot be closed by an owner, which says so and keeps it."""

    @tracker.acquires
    def acquire():
        return bytearray(4)

    @tracker.releases("handle")
    def release(handle):
        handle.clear()

    tracker.start("stacks", policy="raise", report=False)
    owner = Owner("pool")
    handle = transfer(acquire(), to=owner)
    with pytest.raises(ExceptionGroup) as caught:
        owner.close()
    (error,) = caught.value.exceptions
    assert isinstance(error, DeclarationError)
    assert "no method that looks like a release" in str(error)
    assert owner.owned == (handle,)
    release(handle)
    owner.close()
    assert tracker.report().findings == ()


def test_what_needs_an_event_loop_waits_for_one(switched, tracker):
    """``close`` cannot run a coroutine method: it says so and keeps the resource for ``aclose``."""
    import asyncio

    released = []

    @tracker.tracked
    class Remote:
        async def aclose(self):
            await asyncio.sleep(0)
            released.append(self)

    owner = Owner("pool")
    remote = transfer(Remote(), to=owner)
    with pytest.raises(ExceptionGroup) as caught:
        owner.close()
    assert [type(error) for error in caught.value.exceptions] == [DeclarationError]
    asyncio.run(owner.aclose())
    assert released == [remote]
    assert tracker.find_leaks() == []


def test_a_failed_transfer_changes_nothing(tracker, kinds):
    """What is shared cannot be taken from those who share it, by no way."""
    tracker.start("stacks", policy="raise", report=False)
    thing = kinds.Resource()
    shared = Shared(thing)
    for attempt in (
        lambda: transfer(thing, to=Owner("pool")),
        lambda: transfer(shared, to=Owner("pool")),
        lambda: Owned(thing),
    ):
        with pytest.raises(OwnershipError, match="is shared by 1 handle"):
            attempt()
    assert (bool(shared), shared.use_count, shared.get()) == (True, 1, thing)
    shared.release()
    assert kinds.released == ["resource"]
    assert tracker.report().findings == ()
