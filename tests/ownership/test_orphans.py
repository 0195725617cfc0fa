"""Leaks with an owner: LT101, LT103, LT104 and LT105 blame the last owner and tell where it got the duty."""

from __future__ import annotations

import gc
import sys
import threading
import warnings

import pytest

from lifetrack import Owned, Owner, Shared, transfer
from lifetrack.values.errors import LeakError, LeakWarning


def here():
    """Give the number of the line that asks."""
    return sys._getframe(1).f_lineno


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_a_leak_blames_the_last_owner(tracker, kinds, level):
    """LT101 names the owner that has the duty now, and the line where it got it; the events tell the way there."""
    tracker.start(level, policy="record", report=False)
    thing = kinds.Resource()
    acquired = here() - 1
    first, second = Owner("first"), Owner("second")
    transfer(thing, to=first)
    transfer(thing, to=second)
    moved = here() - 1
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.owner.name, finding.owner.kind) == ("LT101", "second", "Owner")
    assert [(event.event, event.detail) for event in finding.events] == [
        ("acquired", None), ("transferred", "to Owner 'first'"), ("transferred", "to Owner 'second'")
    ]  # fmt: skip
    if level != "counts":
        assert finding.site.line == acquired
        assert [event.stack[0].line for event in finding.events] == [acquired, moved - 1, moved]
        assert f"its last owner, Owner 'second', got it at {__file__}:{moved}" in finding.message
    second.close()
    assert tracker.find_leaks() == []
    assert first.owned == ()


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_an_owner_that_goes_without_closing(tracker, kinds, level):
    """LT104 for what is live when its owner is collected, told once, with the place where the owner got it."""
    tracker.start(level, policy="record", report=False)
    thing = kinds.Resource()
    owner = Owner("pool")
    transfer(thing, to=owner)
    moved = here() - 1
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
    del owner
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.owner.name, finding.ended) == ("LT104", "pool", "never")
    if level != "counts":
        assert f"Owner 'pool', got it at {__file__}:{moved} and went away without being closed" in finding.message
    thing.close()
    assert [finding.rule for finding in tracker.final_report().findings] == ["LT104"]


def test_what_goes_with_its_owner_is_one_leak(tracker, kinds):
    """Where the owner alone kept it, owner and resource go together: one LT104, and nothing is kept alive."""
    tracker.start("stacks", policy="record", report=False)
    owner = Owner("pool")
    transfer(kinds.Resource(), to=owner)
    del owner
    gc.collect()
    assert [(finding.rule, finding.owner.name) for finding in tracker.final_report().findings] == [("LT104", "pool")]
    assert kinds.released == []


@pytest.mark.parametrize("kind", ["Owned", "Shared"])
def test_a_handle_that_goes_without_release(tracker, kinds, kind):
    """LT104 with the handle's kind and name; of a shared one the last handle is named with where it was made."""
    tracker.start("stacks", policy="record", report=False)
    handle = {"Owned": Owned, "Shared": Shared}[kind](kinds.Resource(), name="the one")
    made = here() - 1
    del handle
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.owner.name, finding.owner.kind) == ("LT104", "the one", kind)
    if kind == "Shared":
        assert [event.stack[0].line for event in finding.events if event.event == "shared"] == [made]


def test_the_handle_that_was_never_dropped_is_named(tracker, kinds):
    """Of three handles that share something two let go; the leak tells where the third was made, and its name."""
    tracker.start("stacks", policy="record", report=False)
    first = Shared(kinds.Resource())
    second = first.clone("the culprit")
    line = here() - 1
    third = first.clone("another")
    third.release()
    first.release()
    (finding,) = tracker.find_leaks()
    sharing = [event for event in finding.events if event.event == "shared"]
    assert [(event.stack[0].line, event.detail) for event in sharing] == [(line, "by 'the culprit'")]
    assert "1 handle still shares it" in finding.message
    second.release()
    assert kinds.released == ["resource"]
    assert tracker.find_leaks() == []


def test_a_tracked_owner_that_is_released_before_its_parts(tracker, kinds):
    """Released while it still owns something, a tracked object leaves that behind: LT104."""
    tracker.start("stacks", policy="record", report=False)
    plugin, part = kinds.Resource("plugin"), kinds.Resource("part")
    transfer(part, to=plugin)
    plugin.close()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.owner.kind) == ("LT104", "object")
    assert finding.owner.name.endswith("Resource")
    part.close()
    assert tracker.find_leaks() == []


@pytest.mark.parametrize("alive", [True, False])
def test_a_thread_that_ends_without_release(tracker, kinds, alive):
    """What was given to a thread is the thread's while it runs, and left behind when it has ended."""
    tracker.start("stacks", policy="record", report=False)
    go = threading.Event()
    thread = threading.Thread(target=go.wait, name="worker")
    thread.start()
    thing = transfer(kinds.Resource(), to=thread)
    if not alive:
        go.set()
        thread.join()
    (finding,) = tracker.find_leaks()
    go.set()
    thread.join()
    assert (finding.rule, finding.owner.name, finding.owner.kind) == ("LT101" if alive else "LT104", "worker", "thread")
    thing.close()


def test_policies_of_what_is_left_behind(tracker, kinds):
    """Under warn it is one warning at the line of the acquisition; under raise the end of the scope raises for it."""
    tracker.start("stacks", policy="warn", report=False)
    owner = Owner("pool")
    thing = transfer(kinds.Resource(), to=owner)
    acquired = here() - 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del owner
        tracker.find_leaks()
    assert [(each.category, each.lineno, str(each.message)[:5]) for each in caught] == [
        (LeakWarning, acquired, "LT104")
    ]
    thing.close()
    tracker.start("stacks", policy="raise", report=False)
    with pytest.raises(LeakError) as raised, tracker.scope("job"):
        owner = Owner("inside")
        transfer(kinds.Resource(), to=owner)
        del owner
    assert [(finding.rule, finding.owner.name) for finding in raised.value.findings] == [("LT104", "inside")]
    with tracker.scope("clean"):
        pass


@pytest.mark.parametrize("policy", ["raise", "warn", "record"])
def test_a_scope_blames_the_owner_that_was_made_in_it(tracker, kinds, policy):
    """LT103 for what an owner inside the scope has not released, with that owner's name, under every policy."""
    tracker.start("stacks", policy=policy, report=False)
    outside = kinds.Resource("outside")
    acquired = here() - 1
    errors = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with tracker.scope("job"):
                owner = Owner("inner")
                transfer(outside, to=owner)
        except LeakError as error:
            errors = [finding.rule for finding in error.findings]
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.scope, finding.owner.name, finding.site.line) == ("LT103", "job", "inner", acquired)
    assert "was still live when scope 'job' ended; its last owner, Owner 'inner', got it at" in finding.message
    assert errors == (["LT103"] if policy == "raise" else [])
    assert [each.lineno for each in caught] == ([acquired] if policy == "warn" else [])
    owner.close()


def test_what_was_transferred_out_of_a_scope_is_not_its_leak(tracker, kinds):
    """A scope asks for what it owns when it ends, not for what was acquired in it."""
    tracker.start("stacks", policy="raise", report=False)
    owner = Owner("outer")
    with tracker.scope("job") as job:
        transfer(kinds.Resource("given"), to=owner)
        kept = job.keep(kinds.Resource("kept"))
    assert [finding.owner.name for finding in tracker.find_leaks()] == ["outer", "process"]
    owner.close()
    kept.close()
    assert tracker.find_leaks() == []


def test_a_failed_release_names_the_last_owner(tracker):
    """LT105 tells which owner released it, and where the error came from."""

    @tracker.tracked
    class Broken:
        def close(self):
            raise OSError("disk")

    tracker.start("stacks", policy="record", report=False)
    owner = Owner("pool")
    broken = transfer(Broken(), to=owner)
    with pytest.raises(ExceptionGroup) as caught:
        owner.close()
    closed = here() - 1
    (error,) = caught.value.exceptions
    assert type(error) is OSError
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.owner.name) == ("LT105", "pool")
    (failed,) = (event for event in finding.events if event.event == "release-failed")
    assert failed.stack[0].function.endswith("Broken.close")
    assert closed in [site.line for site in failed.stack]
    del broken
