"""Handles: ``Owned``, ``Shared`` and ``Weak``, whether tracking is on or off."""

from __future__ import annotations

import copy
import pickle
import sys

import pytest

from lifetrack import Owned, Owner, Shared, UseAfterMoveError, UseAfterReleaseError, Weak, borrow, owner_of, transfer
from lifetrack.values.errors import ConfigurationError, DeclarationError


@pytest.fixture(params=["off", "on"])
def switched(request, tracker):
    """Everything here is the same whether tracking is on or off."""
    if request.param == "on":
        tracker.start("stacks", policy="record", report=False)
    return request.param


def found(tracker):
    """Give the rule of each finding; none while tracking is off."""
    return [finding.rule for finding in tracker.report().findings] if tracker.is_tracking() else []


def test_owned_holds_one_object(switched, tracker, kinds):
    """``get`` gives the object, attributes are the object's, truth says whether it holds one."""
    thing = kinds.Resource("secret")
    handle = Owned(thing, name="handle")
    assert handle.get() is thing
    assert (handle.name, handle.kind, bool(handle)) == ("handle", "Owned", True)
    assert handle.use() == "secret"
    assert repr(handle) == f"<Owned {type(thing).__module__}.{type(thing).__qualname__}>"
    assert owner_of(thing) is handle
    assert not hasattr(handle, "missing")
    with pytest.raises(AttributeError):
        handle._private
    handle.release()
    assert (bool(handle), repr(handle), kinds.released) == (False, "<Owned empty>", ["secret"])
    assert found(tracker) == []


def test_a_moved_handle_is_empty(switched, tracker, kinds):
    """The duty is the new handle's. What the old one held can still be reached, as LT203 under record."""
    first = Owned(kinds.Resource())
    second = first.move()
    assert (bool(first), bool(second), repr(first)) == (False, True, "<Owned moved>")
    assert first.get() is second.get()
    assert first.use() == "resource"
    first.release()
    assert kinds.released == []
    second.release()
    assert kinds.released == ["resource"]
    assert found(tracker) == (["LT203"] * 3 if switched == "on" else [])


def test_a_moved_handle_whose_object_is_gone(switched, kinds):
    """There is nothing to give, so using it raises, under every policy."""
    first = Owned(kinds.Resource())
    first.move().release()
    with pytest.raises(UseAfterMoveError):
        first.get()
    handle = Owned(kinds.Resource())
    handle.release()
    with pytest.raises(UseAfterReleaseError):
        handle.use()


def test_misuse_of_handles_to_what_is_gone_stays_small(tracker, kinds):
    """A thousand uses of an empty handle are one finding with a count, and one account."""
    tracker.start("stacks", policy="record", report=False)
    first = Owned(kinds.Resource())
    first.move().release()
    for _ in range(1000):
        with pytest.raises(UseAfterMoveError):
            first.get()
    assert len(tracker.ledger.kinds) < 10
    assert sum(finding.count for finding in tracker.report().findings) == 1000
    assert len(tracker.report().findings) == 1


def test_released_twice(switched, tracker, kinds):
    """LT202 through a handle; its block's end after an explicit release is none."""
    with Owned(kinds.Resource()) as handle:
        handle.release()
    assert found(tracker) == []
    handle.release()
    assert kinds.released == ["resource"]
    assert found(tracker) == (["LT202"] if switched == "on" else [])


def test_reset(switched, tracker, kinds):
    """What it held is released, and what is given is held instead."""
    handle = Owned(kinds.Resource("first"))
    handle.reset(kinds.Resource("second"))
    assert kinds.released == ["first"]
    assert handle.use() == "second"
    handle.reset()
    assert kinds.released == ["first", "second"]
    assert not handle
    handle.reset(kinds.Resource("third"))
    with handle:
        pass
    assert kinds.released == ["first", "second", "third"]
    assert found(tracker) == []


def test_a_failing_release_can_be_tried_again(switched, tracker):
    """The error comes out as it is, and the handle goes on holding."""

    @tracker.tracked
    class Broken:
        failures = 1

        def close(self):
            self.failures -= 1
            if self.failures >= 0:
                raise OSError("disk")

    for kind in (Owned, Shared):
        handle = kind(Broken())
        with pytest.raises(OSError, match="disk"):
            handle.release()
        assert handle
        handle.release()
        assert not handle
    assert found(tracker) == []


def test_what_a_handle_takes(switched, kinds):
    """A release method must be there; it may be named."""

    class Phone:
        def hang_up(self):
            kinds.released.append("phone")

    for kind in (Owned, Shared):
        with pytest.raises(DeclarationError, match="no method that looks like a release"):
            kind(Phone())
        with pytest.raises(DeclarationError, match=r"no method close\(\)"):
            kind(Phone(), release="close")
        kind(Phone(), release="hang_up").release()
    assert kinds.released == ["phone", "phone"]
    with pytest.raises(ConfigurationError, match="takes a Shared handle"):
        Weak(kinds.Resource())


def test_handles_and_owners_hand_over(switched, tracker, kinds):
    """An object has one holder: whoever takes it empties the one before."""
    thing = kinds.Resource()
    first = Owned(thing)
    pool = Owner("pool")
    transfer(first, to=pool)
    assert (bool(first), pool.owned, owner_of(thing)) == (False, (thing,), pool)
    second = Owned(thing)
    assert (bool(second), pool.owned) == (True, ())
    third = Owned(second)
    assert (bool(second), third.get()) == (False, thing)
    shared = Shared(third)
    assert (bool(third), shared.get(), Shared(thing).use_count) == (False, thing, 2)
    assert shared.use_count == 1
    pool.close()
    assert kinds.released == []
    shared.release()
    assert kinds.released == ["resource"]
    assert found(tracker) == []


def test_sharing(switched, tracker, kinds):
    """Released with the last clone; a second release of one handle counts for nothing."""
    first = Shared(kinds.Resource("name"), name="all")
    second = first.clone()
    third = second.clone("third")
    assert (first.use_count, first.name, first.kind) == (3, "all", "Shared")
    assert first.get() is second.get() is third.get()
    assert third.use() == "name"
    first.release()
    assert (bool(first), bool(second), second.use_count, kinds.released) == (False, True, 2, [])
    first.release()
    assert second.use_count == 2
    with second:
        pass
    third.release()
    assert kinds.released == ["name"]
    assert repr(third) == "<Shared released, 0 in use>"
    assert found(tracker) == (["LT202"] if switched == "on" else [])


def test_a_handle_that_let_go(switched, tracker, kinds):
    """Use through it is LT203 while others share, and raises LT201 once the object is gone."""
    first = Shared(kinds.Resource())
    second = first.clone()
    first.release()
    assert first.use() == "resource"
    second.release()
    assert found(tracker) == (["LT203"] if switched == "on" else [])
    with pytest.raises(UseAfterReleaseError):
        second.get()
    with pytest.raises(UseAfterReleaseError):
        first.clone()


def test_weak_handles(switched, tracker, kinds):
    """``lock`` gives the object as long as somebody shares it, and keeps nothing alive."""
    shared = Shared(kinds.Resource())
    weak = Weak(shared)
    assert weak.lock() is shared.get()
    assert not weak.expired
    clone = shared.clone()
    shared.release()
    assert weak.lock() is clone.get()
    clone.release()
    assert (weak.lock(), weak.expired) == (None, True)
    weak = Weak(Shared(kinds.Resource()))
    assert weak.lock() is None
    assert found(tracker) == (["LT104"] if switched == "on" else [])


def test_borrowing_through_a_handle(switched, tracker, kinds):
    """What is lent is the object; functions that borrow take a handle as well."""
    with Owned(kinds.Resource()) as handle, borrow(handle) as lent:
        assert lent is handle.get()
    with Shared(kinds.Resource()) as shared, borrow(shared) as lent:
        assert lent is shared.get()
    assert kinds.released == ["resource"] * 2
    assert found(tracker) == (["LT304"] * 0)


def test_the_line_of_a_misuse_is_the_callers(tracker, kinds):
    """Through ``get``, an attribute, a clone or a second release, the finding names the line that did it."""
    tracker.start("sites", policy="record", report=False)
    first = Owned(kinds.Resource())
    second = first.move()
    first.get()
    first.use()
    first.release()
    first.move()
    here = sys._getframe().f_lineno
    lines = [finding.misuse.stack[0].line for finding in tracker.report().findings if finding.rule == "LT203"]
    assert lines == [here - 4, here - 3, here - 2, here - 1]
    assert not second


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("kind", [Owned, Shared])
def test_a_duty_cannot_be_copied(switched, kinds, kind, way):
    """There is one duty: a handle or an owner is neither copied nor pickled."""
    with kind(kinds.Resource()) as handle, Owner("pool") as owner:
        for each in (handle, owner):
            with pytest.raises(TypeError, match="cannot be copied or pickled"):
                way(each)
    assert kinds.released == ["resource"]
