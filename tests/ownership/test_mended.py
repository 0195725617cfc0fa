"""What random sequences of operations have brought to light, each in its shortest form."""

from __future__ import annotations

import asyncio
import gc

import pytest

from lifetrack.ownership.borrowing import borrow
from lifetrack.ownership.handles import Owned
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.sharing import Shared, Weak
from lifetrack.ownership.transfers import owner_of, transfer
from lifetrack.values.errors import OwnershipError, UseAfterReleaseError


@pytest.fixture
def node(tracker):
    """A declared class of which each object makes more of its kind, as its children."""

    @tracker.tracked(children=("child",))
    class Node:
        def child(self):
            return Node()

        def close(self):
            pass

    return Node


def rules(tracker):
    return sorted(finding.rule for finding in tracker.report().findings for _ in range(finding.count))


def test_what_is_shared_cannot_become_owned(tracker, resource):
    """Whoever shares an object keeps it: a handle that owns alone is refused, as a transfer is."""
    obj = resource()
    shared = Shared(obj)
    with pytest.raises(OwnershipError):
        Owned(obj)
    assert shared.get() is obj
    shared.release()
    assert rules(tracker) == []


@pytest.mark.parametrize("handle", [Owned, Shared])
def test_a_handle_that_releases_what_is_lent_is_found(tracker, resource, handle):
    """The owner may release, but not while somebody borrows."""
    owned = handle(resource())
    with borrow(owned.get()):
        owned.release()
    assert rules(tracker) == ["LT302"]


def test_a_weak_handle_expires_with_the_last_that_was_dropped(tracker, resource):
    """Nobody shares any more, whether the last one released or just went."""
    obj = resource()
    first = Shared(obj)
    second = first.clone()
    weak = Weak(first)
    first.release()
    del second
    assert weak.lock() is None
    obj.close()


def test_a_retry_of_a_failed_release_is_looked_at_too(tracker):
    """Half released is not free: somebody else's second attempt is found as the first one was."""

    @tracker.tracked
    class Stubborn:
        attempts = 0

        def close(self):
            self.attempts += 1
            if self.attempts == 1:
                raise ValueError

    tracker.start(policy="record", report=False)
    owner = Owner("pool", exclusive=True)
    obj = transfer(Stubborn(), to=owner)
    with pytest.raises(ValueError):
        obj.close()
    obj.close()
    assert rules(tracker) == ["LT301", "LT301"]


def test_a_collected_child_was_not_released_in_the_wrong_order(tracker):
    """It is a leak, whether or not somebody has looked before its parent is released."""

    @tracker.tracked(children=("child",))
    class Parent:
        def child(self):
            return Child()

        def close(self):
            pass

    @tracker.tracked
    class Child:
        def close(self):
            pass

    tracker.start(policy="record", report=False)
    parent = Parent()
    parent.child()
    parent.close()
    assert rules(tracker) == ["LT102"]


def test_a_circle_through_an_owner_is_refused(tracker, resource):
    """What owns an owner cannot be transferred to that owner."""
    obj, owner = resource(), Owner("inner")
    transfer(owner, to=obj)
    with pytest.raises(OwnershipError):
        transfer(obj, to=owner)
    obj.close()


def test_a_parent_that_its_child_owns_is_still_told(tracker, node):
    """Leaks that depend on each other are not lost: the first is told, with the other below it."""
    tracker.start(policy="record", report=False)
    parent = node()
    child = parent.child()
    transfer(parent, to=child)
    (finding,) = tracker.report().findings
    assert [each.rule for each in finding.children] == ["LT101"]


def test_a_second_asynchronous_release_is_found_once(tracker):
    """A coroutine release is judged when it is awaited, and not when it is called as well."""

    @tracker.tracked
    class Session:
        async def aclose(self):
            await asyncio.sleep(0)

    async def main():
        session = Session()
        await session.aclose()
        await session.aclose()

    tracker.start(policy="record", report=False)
    asyncio.run(main())
    assert [(finding.rule, finding.count) for finding in tracker.report().findings] == [("LT202", 1)]


def test_a_refused_transfer_changes_nothing(tracker, resource):
    """Under raise an owner does not get what was released already; an owner stays where it is."""
    tracker.start(policy="raise", report=False)
    obj, outer, inner = resource(), Owner("outer"), Owner("inner")
    obj.close()
    with pytest.raises(UseAfterReleaseError):
        transfer(obj, to=outer)
    assert outer.owned == ()
    transfer(inner, to=outer)
    held = transfer(resource(), to=inner)
    with pytest.raises(OwnershipError):
        transfer(outer, to=held)
    assert (owner_of(held), inner.owned, outer.owned) == (inner, (held,), (inner,))
    outer.close()


def test_what_is_released_has_no_children(tracker, resource):
    """To depend on what is released already ties nothing to it."""
    parent = resource()
    parent.close()
    child = tracker.track(resource(), parent=parent)
    (finding,) = tracker.find_leaks()
    assert finding.children == ()
    child.close()


def test_a_release_that_is_refused_afterwards_has_released(tracker, node):
    """Under raise LT303 comes when the parent is released; its last sharer does not share it any more."""
    tracker.start(policy="raise", report=False)
    shared = Shared(node())
    child = shared.get().child()
    with pytest.raises(OwnershipError):
        shared.release()
    assert not shared
    child.close()


def test_a_holder_that_went_away_says_nothing_of_the_next_object_at_an_address(tracker, resource):
    """An owner whose releases failed is dropped while tracking is off; the next object there has its own owner."""

    @tracker.tracked
    class Failing(resource):
        def close(self):
            raise OSError("no")

    owner = Owner("gone")
    gone = {id(transfer(Failing(), to=owner)) for _ in range(100)}
    with pytest.raises(ExceptionGroup):
        owner.close()
    tracker.stop()
    del owner
    gc.collect()
    tracker.start("sites", policy="raise", report=False)
    made, again = [], []
    while not again and len(made) < 200_000:
        made += [resource() for _ in range(100)]
        again = [obj for obj in made[-100:] if id(obj) in gone]
    assert again
    owner = Owner("pool")
    for obj in again:
        transfer(obj, to=owner).close()
    assert owner.owned == ()
