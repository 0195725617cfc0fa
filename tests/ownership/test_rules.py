"""Each rule of ownership: the exact site, events, stacks, exception and notes, under every policy and level."""

from __future__ import annotations

import re
import sys
import threading
import warnings
from collections import Counter
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from lifetrack import Owned, Owner, borrow, borrows, transfer
from lifetrack.values.errors import (
    DeclarationError,
    LeakWarning,
    LifetrackError,
    OwnershipError,
    UseAfterMoveError,
    UseAfterReleaseError,
)

LEVELS = ["counts", "sites", "stacks", "full"]


@lru_cache
def line(mark):
    """Give the number of the line of this file that ends with ``# @mark``."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    (found,) = [number for number, text in enumerate(lines, 1) if re.search(rf"# @{mark}$", text)]
    return found


def attempt(step):
    """Do what breaks the rule; give the error that was raised."""
    try:
        step()
    except LifetrackError as error:
        return error
    except BaseExceptionGroup as group:
        (error,) = group.exceptions
        return error
    return None


def moved(kinds):
    first = Owned(kinds.Resource(), name="first")  # @moved-acquired
    second = first.move()  # @moved-moved
    error = attempt(lambda: first.get())  # @moved-broken
    second.release()
    return error


def foreign(kinds):
    owner = Owner("pool", exclusive=True)
    thing = kinds.Resource()  # @foreign-acquired
    transfer(thing, to=owner)  # @foreign-moved
    error = attempt(lambda: thing.close())  # @foreign-broken
    kinds.ran = bool(kinds.released)
    owner.close()
    return error


def lent(kinds):
    thing = kinds.Resource()  # @lent-acquired
    with borrow(thing):  # @lent-lent
        error = attempt(lambda: thing.close())  # @lent-broken
        kinds.ran = bool(kinds.released)
    if not kinds.ran:
        thing.close()
    return error


def order(kinds):
    backend = kinds.Backend()  # @order-acquired
    session = backend.session()
    error = attempt(lambda: backend.close())  # @order-broken
    session.close()
    return error


def outlived(kinds):
    owner = Owner("pool")
    thing = kinds.Resource()  # @outlived-acquired
    transfer(thing, to=owner)  # @outlived-moved
    with borrow(thing):  # @outlived-lent
        error = attempt(lambda: owner.close())  # @outlived-broken
        kinds.ran = bool(kinds.released)
    owner.close()
    return error


def orphaned(kinds):
    backend = kinds.Backend()  # @orphaned-parent
    session = backend.session()
    cursor = session.cursor()
    attempt(lambda: backend.close())  # @orphaned-released
    error = attempt(lambda: cursor.use())  # @orphaned-broken
    cursor.close()
    session.close()
    return error


def elsewhere(kinds, step):
    def work():
        kinds.error = attempt(lambda: step(bound))

    bound = kinds.Bound()  # @bound-acquired
    thread = threading.Thread(target=work, name="other thread")
    thread.start()
    thread.join()
    kinds.ran = bool(kinds.released)
    if not kinds.ran:
        bound.close()
    return kinds.error


def used_elsewhere(kinds):
    return elsewhere(kinds, lambda bound: bound.use())  # @bound-used


def released_elsewhere(kinds):
    return elsewhere(kinds, lambda bound: bound.close())  # @bound-released


#: The rule, what breaks it, its exception, and its events: each with the mark of its line and its detail.
RULES = {
    "moved": (
        "LT203", moved, UseAfterMoveError, True,
        [("acquired", "moved-acquired", None), ("transferred", "moved-acquired", "to Owned handle 'first'"),
         ("transferred", "moved-moved", "to Owned handle 'first'"), ("used", "moved-broken", None)],
    ),
    "foreign": (
        "LT301", foreign, OwnershipError, False,
        [("acquired", "foreign-acquired", None), ("transferred", "foreign-moved", "to Owner 'pool'"),
         ("released", "foreign-broken", None)],
    ),
    "lent": (
        "LT302", lent, OwnershipError, False,
        [("acquired", "lent-acquired", None), ("borrowed", "lent-lent", None), ("released", "lent-broken", None)],
    ),
    "order": (
        "LT303", order, OwnershipError, True,
        [("acquired", "order-acquired", None), ("child-acquired", None, "Session"), ("released", "order-broken", None)],
    ),
    "outlived": (
        "LT304", outlived, OwnershipError, False,
        [("acquired", "outlived-acquired", None), ("transferred", "outlived-moved", "to Owner 'pool'"),
         ("borrowed", "outlived-lent", None), ("owner-ended", "outlived-broken", None)],
    ),
    "orphaned": (
        "LT305", orphaned, UseAfterReleaseError, True,
        [("acquired", None, None), ("parent-acquired", None, "Session"),
         ("parent-acquired", "orphaned-parent", "Backend"), ("parent-released", "orphaned-released", "Backend"),
         ("used", "orphaned-broken", None)],
    ),
    "used_elsewhere": (
        "LT401", used_elsewhere, OwnershipError, True,
        [("acquired", "bound-acquired", None), ("used", "bound-used", None)],
    ),
    "released_elsewhere": (
        "LT401", released_elsewhere, OwnershipError, False,
        [("acquired", "bound-acquired", None), ("released", "bound-released", None)],
    ),
}  # fmt: skip
OWNERS = {"moved": ("first", "Owned"), "foreign": ("pool", "Owner"), "outlived": ("pool", "Owner")}
PROCESS = ("process", "process")


@pytest.fixture
def broken(tracker, kinds):
    """Give a function that breaks one rule at a level under a policy, and tells what came of it."""

    def broken(name, level, policy):
        rule, run, exception, runs, events = RULES[name]
        expected = SimpleNamespace(rule=rule, exception=exception, runs=runs, events=events)
        tracker.start(level, policy=policy, report=False)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            error = run(kinds)
        findings = [finding for finding in tracker.report().findings if finding.rule == rule]
        return SimpleNamespace(expected=expected, error=error, caught=caught, findings=findings)

    return broken


def shown(events):
    """Give of each event its word, its innermost line and its detail, the latter without where a class was made."""
    return [
        (event.event, event.stack[0].line if event.stack else None, event.detail and event.detail.rpartition(".")[2])
        for event in events
    ]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", RULES)
def test_a_finding_tells_the_whole_story(broken, name, level):
    """Rule, owner, site and every event with its line and detail, as far as the level tells."""
    got = broken(name, level, "record")
    (finding,) = got.findings
    assert got.error is None
    assert (finding.certainty, finding.count, finding.is_leak) == ("proven", 1, False)
    assert (finding.owner.name, finding.owner.kind) == OWNERS.get(name, PROCESS)
    if level == "counts":
        assert finding.site is None
        assert all(event.stack == () for event in finding.events)
    events, expected = shown(finding.events), got.expected.events
    assert Counter((word, detail) for word, _, detail in events) == Counter(
        (word, detail) for word, _, detail in expected
    )
    if level != "counts":
        assert {(word, line(mark), detail) for word, mark, detail in expected if mark is not None} <= set(events)
        assert finding.site.line == next(event.stack[0].line for event in finding.events if event.event == "acquired")
        assert finding.misuse is finding.events[-1]
    if level in ("stacks", "full"):
        assert all(event.time is not None and event.thread for event in finding.events)
        assert all(len(event.stack) > 1 for event in finding.events)


@pytest.mark.parametrize("name", RULES)
def test_under_raise_its_exception_is_raised_with_the_history_as_notes(broken, kinds, name):
    """The exception has the rule's type and carries the finding; a refused release does not run."""
    got = broken(name, "stacks", "raise")
    assert type(got.error) is got.expected.exception
    assert got.error.finding in got.findings
    assert str(got.error).startswith(f"{got.expected.rule} {got.error.finding.name}: ")
    notes = got.error.__notes__
    assert len(notes) == len(got.expected.events)
    for _, mark, detail in got.expected.events:
        assert mark is None or any(f"{__file__}:{line(mark)}" in note for note in notes)
        assert detail is None or any(detail in note.splitlines()[0] for note in notes)
    if not got.expected.runs:
        assert kinds.ran is False


@pytest.mark.parametrize("policy", ["warn", "record"])
@pytest.mark.parametrize("name", RULES)
def test_under_warn_and_record_the_program_goes_on(broken, kinds, name, policy):
    """The release runs; under warn one warning stands at the line of the misuse, under record there is none."""
    got = broken(name, "sites", policy)
    assert got.error is None
    assert kinds.released != []
    if not got.expected.runs:
        assert kinds.ran is True
    places = [
        (each.category, each.filename, each.lineno) for each in got.caught if got.expected.rule in str(each.message)
    ]
    assert places == ([(LeakWarning, __file__, line(got.expected.events[-1][1]))] if policy == "warn" else [])


def test_a_wrong_thread_is_named_with_the_right_one(broken):
    """LT401 names both threads, and the events their own."""
    (finding,) = broken("released_elsewhere", "stacks", "record").findings
    here = threading.current_thread().name
    assert f"is bound to thread '{here}' and was released in thread 'other thread'" in finding.message
    assert [event.thread for event in finding.events] == [here, "other thread"]


def test_every_link_of_a_chain_has_a_stack(broken):
    """LT305 tells of the child, of each parent up to the top, and of the release, with a stack for each."""
    (finding,) = broken("orphaned", "stacks", "record").findings
    assert [event.event for event in finding.events] == [
        "parent-acquired", "parent-acquired", "acquired", "parent-released", "used"
    ]  # fmt: skip
    assert all(any(site.file == __file__ for site in event.stack) for event in finding.events)
    assert "Backend" in finding.message


def test_children_may_still_be_released_after_their_parent(tracker, kinds):
    """A child whose parent is gone is used in error, but releasing it is right, and then it is closed like any."""
    tracker.start("stacks", policy="raise", report=False)
    backend = kinds.Backend()
    session = backend.session()
    with pytest.raises(OwnershipError, match="LT303"):
        backend.close()
    with pytest.raises(UseAfterReleaseError, match="LT305"):
        session.use()
    session.close()
    with pytest.raises(UseAfterReleaseError, match="LT201"):
        session.use()
    assert kinds.released == ["resource", "session"]
    assert tracker.find_leaks() == []


def test_a_parent_that_closes_its_children_is_in_order(tracker):
    """LT303 is judged when the release of the parent is complete."""

    @tracker.tracked(children=("child",))
    class Parent:
        def __init__(self):
            self.children = []

        def child(self):
            self.children.append(Child())
            return self.children[-1]

        def close(self):
            for child in self.children:
                child.close()

    @tracker.tracked
    class Child:
        def close(self):
            pass

    tracker.start("stacks", policy="raise", report=False)
    parent = Parent()
    parent.child()
    parent.child()
    parent.close()
    assert tracker.report().findings == ()


def test_the_release_of_a_lent_resource_through_its_owner_is_the_same_mistake(tracker, kinds):
    """LT302 from ``Owner.release`` and ``Owned.release``: the owner goes on; refused, it keeps its duty."""
    tracker.start("stacks", policy="raise", report=False)
    with Owner("pool") as owner:
        one = transfer(kinds.Resource("one"), to=owner)
        with borrow(one), pytest.raises(OwnershipError, match="LT302"):
            owner.release(one)
        assert owner.owned == (one,)
        handle = Owned(kinds.Resource("two"))
        with borrow(handle), pytest.raises(OwnershipError, match="LT302"):
            handle.release()
        assert handle
        assert kinds.released == []
        handle.release()
    assert kinds.released == ["two", "one"]
    assert tracker.find_leaks() == []


def test_a_handle_that_ends_while_its_object_is_lent(tracker, kinds):
    """The end of a handle's block releases the object as any release does: LT302."""
    tracker.start("stacks", policy="record", report=False)
    with Owned(kinds.Resource()) as handle:
        lent = borrow(handle)
        lent.__enter__()
    lent.__exit__(None, None, None)
    assert [finding.rule for finding in tracker.report().findings] == ["LT302"]
    assert kinds.released == ["resource"]


def test_what_an_owner_was_refused_can_be_closed_again(tracker, kinds):
    """Under raise a close that is refused for a borrow keeps the resource; when the borrow ends it is closed."""
    tracker.start("stacks", policy="raise", report=False)
    owner = Owner("pool")
    lent, free = (transfer(kinds.Resource(name), to=owner) for name in ("lent", "free"))
    with borrow(lent), pytest.raises(ExceptionGroup) as caught:
        owner.close()
    assert [error.finding.rule for error in caught.value.exceptions] == ["LT304"]
    assert (kinds.released, owner.owned, owner.closed) == (["free"], (lent,), True)
    owner.close()
    assert kinds.released == ["free", "lent"]
    assert tracker.find_leaks() == []
    del free


def test_an_abandoned_borrow_is_told_from_a_later_one(tracker, kinds):
    """A borrow that was begun and dropped stays open, whatever is borrowed and returned after it."""
    tracker.start("stacks", policy="record", report=False)
    thing = kinds.Resource()
    borrow(thing).__enter__()
    first = sys._getframe().f_lineno - 1
    for _ in range(5):
        with borrow(thing):
            pass
    thing.close()
    (finding,) = tracker.report().findings
    assert finding.rule == "LT302"
    assert first in [event.stack[0].line for event in finding.events if event.event == "borrowed"]


def test_a_function_that_releases_is_judged_as_a_method_is(tracker, kinds):
    """Releasing by a declared function what is owned by somebody else, or lent, is refused too."""
    done = []

    @tracker.releases("thing")
    def free(thing):
        done.append(thing.name)

    tracker.start("stacks", policy="raise", report=False)
    thing = kinds.Resource()
    with Owned(thing) as handle, pytest.raises(OwnershipError, match="LT301"):
        free(thing)
    with Owned(kinds.Resource()) as handle, borrow(handle) as lent, pytest.raises(OwnershipError, match="LT302"):
        free(lent)
    assert done == []


@pytest.mark.parametrize("way", ["plain", "handle", "generator", "coroutine"])
def test_a_function_that_borrows_its_argument(tracker, kinds, way):
    """While it runs, and a generator until it ends, the argument is lent, also where a handle was passed."""
    import asyncio

    @borrows("thing")
    def plain(thing, step):
        step()

    @borrows("thing")
    def generator(thing, step):
        yield step()

    @borrows("thing")
    async def coroutine(thing, step):
        await asyncio.sleep(0)
        step()

    tracker.start("stacks", policy="raise", report=False)
    thing = kinds.Resource()
    run = {
        "plain": lambda: plain(thing, thing.close),
        "handle": lambda: plain(step=handle.release, thing=handle),
        "generator": lambda: list(generator(thing, thing.close)),
        "coroutine": lambda: asyncio.run(coroutine(thing, thing.close)),
    }[way]
    handle = Owned(thing) if way == "handle" else None
    with pytest.raises(OwnershipError, match="LT302"):
        run()
    (handle.release if handle else thing.close)()
    assert kinds.released == ["resource"]
    assert [event.event for event in tracker.history(thing)].count("returned") == 1
    with pytest.raises(DeclarationError, match="no parameter 'other' to borrow"):
        borrows("other")(run)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("way", ["plain", "subclass", "opened", "single", "allowed"])
def test_an_exclusive_scope(tracker, kinds, level, way):
    """Code that does not run inside the scope may not release what the scope owns, however it was acquired."""

    class Sub(kinds.Resource):
        def __init__(self):
            super().__init__("sub")

    @tracker.tracked(acquire="open")
    class Opened:
        def open(self):
            return self

        def close(self):
            kinds.released.append("opened")

    class Single:
        def close(self):
            kinds.released.append("single")

    def allowed():
        with tracker.allow("for a test"):
            return kinds.Resource("allowed")

    def work():
        go.wait()
        errors.append(attempt(lambda: thing.close()))

    errors, go = [], threading.Event()
    thread = threading.Thread(target=work, name="stranger")
    tracker.start(level, policy="raise", report=False)
    thread.start()
    with tracker.scope("only here", exclusive=True):
        thing = {
            "plain": kinds.Resource, "subclass": Sub, "opened": lambda: Opened().open(),
            "single": lambda: tracker.track(Single()), "allowed": allowed,
        }[way]()  # fmt: skip
        go.set()
        thread.join()
        assert kinds.released == []
        thing.close()
    (error,) = errors
    assert (type(error), error.finding.rule, error.finding.owner.name) == (OwnershipError, "LT301", "only here")
    assert len(kinds.released) == 1
    assert tracker.find_leaks() == []


def test_after_an_exclusive_scope_anybody_may_release(tracker, kinds):
    """What a scope has left behind is a leak of the scope; releasing it late is no second finding."""
    tracker.start("stacks", policy="record", report=False)
    with tracker.scope("only here", exclusive=True):
        thing = kinds.Resource()
    thing.close()
    assert [finding.rule for finding in tracker.report().findings] == ["LT103"]
