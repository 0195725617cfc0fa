"""Ownership keeps nothing alive but what an owner or a handle holds, and tells nothing that an object says."""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest

from lifetrack import Owned, Owner, Shared, Weak, borrow, transfer
from lifetrack.guards import active
from lifetrack.ownership import holding
from lifetrack.values.errors import LeakWarning, LifetrackError


class Plain:
    """Stands for anything of the program's."""


@pytest.fixture(autouse=True)
def uncollected():
    """Only reference counts free anything here: a cycle of ours would be seen."""
    gc.collect()
    gc.disable()
    before = len(holding._holders)
    yield
    gc.enable()
    gc.collect()
    assert len(holding._holders) <= before


def play(tracker, kinds):
    """Do a bit of everything; give weak references to all that was in it."""
    local, owner, plugin = Plain(), Owner("pool"), kinds.Resource("plugin")
    things = [kinds.Resource(name) for name in "abcd"]
    transfer(things[0], to=owner)
    transfer(things[1], to=plugin)
    transfer(things[2], to=local)
    backend = kinds.Backend()
    session = backend.session()
    bound = kinds.Bound()
    handle = Owned(things[3])
    moved = handle.move()
    shared = Shared(moved)
    weak = Weak(shared)
    clone = shared.clone()
    with borrow(things[0]), borrow(handle.peek()):
        pass
    for misuse in (handle.get, clone.clone, backend.close, session.use, things[3].close):
        try:
            misuse()
        except (LifetrackError, ExceptionGroup):
            pass
    owner.close()
    tracker.find_leaks()
    return [
        weakref.ref(each)
        for each in (local, owner, plugin, *things, backend, session, bound, handle, moved, shared, weak, clone)
    ]


@pytest.mark.parametrize("policy", ["raise", "warn", "record"])
@pytest.mark.parametrize("level", ["off", "counts", "sites", "stacks", "full"])
def test_what_the_program_drops_is_gone(tracker, kinds, level, policy):
    """Owners, handles, owned and lent objects, parents and children go when the program drops them."""
    warnings.simplefilter("ignore", LeakWarning)
    tracker.start(level, policy=policy, report=False)
    references = play(tracker, kinds)
    assert [index for index, reference in enumerate(references) if reference() is not None] == []
    if tracker.is_tracking():
        tracker.report().to_text()


@pytest.mark.parametrize("on", [True, False])
def test_an_owner_keeps_what_it_owns_until_it_closes(tracker, kinds, on):
    """An owner and a handle hold their object, nothing else does; after the release they hold nothing."""
    if on:
        tracker.start("stacks", policy="record", report=False)
    owner = Owner("pool")
    first = weakref.ref(transfer(kinds.Resource(), to=owner))
    handle = Owned(kinds.Resource())
    second = weakref.ref(handle.get())
    shared = Shared(kinds.Resource())
    third = weakref.ref(shared.get())
    assert None not in (first(), second(), third())
    owner.close()
    handle.release()
    shared.release()
    assert (first(), second(), third()) == (None, None, None)
    assert len(active.engines) >= on


def test_thousands_of_owners_leave_nothing(tracker, kinds):
    """Objects, tasks and owners that come and go do not add up in the ledger."""
    tracker.start("stacks", policy="record", report=False)
    for _ in range(3000):
        plain = Plain()
        thing = transfer(kinds.Resource(), to=plain)
        with borrow(thing):
            thing.use()
        thing.close()
        del thing
        with Owner("short") as owner:
            transfer(kinds.Resource(), to=owner)
    ledger = tracker.ledger
    assert len(ledger.owners) < 200
    assert len(ledger.moved) < 200
    assert len(ledger.entries) < 20
    assert len(ledger.kinds) < 10


def test_a_parent_with_many_children_forgets_those_that_ended(tracker, kinds):
    """A connection that makes thousands of cursors keeps account of the open ones."""
    tracker.start("stacks", policy="record", report=False)
    backend = kinds.Backend()
    for _ in range(3000):
        backend.session().close()
    entry = tracker.ledger.entries[id(backend)]
    assert len(entry[-1].children) < 100
    backend.close()
    assert tracker.report().findings == ()


SECRET = "hunter2"


class Talkative:
    """Would tell its secret to whoever asks what it is."""

    def __repr__(self):
        return SECRET

    __str__ = __repr__

    def __format__(self, spec):
        return SECRET


@pytest.mark.parametrize("policy", ["raise", "warn", "record"])
def test_no_message_shows_what_an_object_says(tracker, policy):
    """Neither findings nor errors, warnings, notes, reports, owners or handles show the ``repr`` of anything."""

    @tracker.tracked(children=("child",), thread_bound=True)
    class Chatty(Talkative):
        def child(self):
            return Chatty()

        def use(self):
            pass

        def close(self):
            pass

    said = []

    def attempt(step):
        try:
            step()
        except BaseException as error:
            for each in getattr(error, "exceptions", (error,)):
                said.extend([str(each), repr(each), *getattr(each, "__notes__", ())])

    tracker.start("full", policy=policy, report=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain, chatty = Talkative(), Chatty()
        pool = Owner("pool", exclusive=True)
        for step in (
            lambda: transfer(chatty, to=plain), lambda: transfer(chatty, to=pool), lambda: transfer(plain, to=pool),
            lambda: chatty.close(), lambda: transfer(chatty, to=chatty), lambda: Owned(plain), lambda: Weak(plain),
            lambda: pool.release(plain),
        ):  # fmt: skip
            attempt(step)
        chatty = Chatty()
        child = chatty.child()
        handle = Owned(chatty)
        shared = Shared(Chatty())
        second = handle.move()
        with borrow(chatty):
            for step in (handle.get, chatty.close, second.release, child.use, lambda: Owned(shared.get()), pool.close):
                attempt(step)
        said += [repr(each) for each in (pool, handle, second, shared)]
        report = tracker.final_report()
    said += [str(each.message) for each in caught]
    said += [report.to_text(), report.to_json(), *(str(event) for event in tracker.history(chatty))]
    assert [text for text in said if SECRET in text] == []
    assert len(said) > 10
