"""Lock orders: two locks that are ever taken in both orders are LT403, without a deadlock having happened."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lifetrack
from lifetrack.values.errors import DeclarationError, OwnershipError
from lifetrack.watchers.locking.graph import Graph, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding
    from tests.conftest import RunPython

PAIRS = {
    "Lock": lambda: (threading.Lock(), threading.Lock()),
    "RLock": lambda: (threading.RLock(), threading.RLock()),
    "Condition": lambda: (threading.Condition(), threading.Condition(threading.Lock())),
    "mixed": lambda: (threading.Lock(), threading.Condition()),
}


@pytest.fixture(params=["sites", "stacks"])
def locks(request: pytest.FixtureRequest, tracker: Tracker) -> Tracker:
    """A tracker that watches locks and records."""
    gc.collect()
    tracker.start(request.param, policy="record", watch="locks", report=False)
    return tracker


def found(tracker: Tracker) -> list[Finding]:
    return [finding for finding in tracker.report().findings if finding.rule == "LT403"]


def nest(*locks: Any) -> None:
    """Take locks in this order, and release them."""
    if locks:
        with locks[0]:
            nest(*locks[1:])


def in_thread(work: Callable[..., object], *args: object, name: str = "worker") -> None:
    thread = threading.Thread(target=work, args=args, name=name)
    thread.start()
    thread.join()


# -- found -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("threaded", [False, True])
def test_both_orders_are_an_inversion(locks: Tracker, kind: str, threaded: bool) -> None:
    """Whoever takes them, in one thread or in two: both orders together are the finding."""
    a, b = PAIRS[kind]()
    nest(a, b)
    assert found(locks) == []
    if threaded:
        in_thread(nest, b, a)
    else:
        nest(b, a)
    (finding,) = found(locks)
    assert (finding.rule, finding.name, finding.certainty) == ("LT403", "lock-order-inversion", "proven")
    assert locks.find_leaks() == []  # it is no leak


def test_both_pairs_of_stacks_are_in_the_events(tracker: Tracker) -> None:
    """The four places, with the threads that took the locks there, in the order in which it happened."""
    tracker.start("stacks", policy="record", watch="locks", report=False)
    a, b = threading.Lock(), threading.Lock()

    def one() -> None:
        with a:  # first outer
            with b:  # first inner
                pass

    def two() -> None:
        with b:  # second outer
            with a:  # second inner
                pass

    in_thread(one, name="one")
    in_thread(two, name="two")
    (finding,) = found(tracker)
    assert [(event.event, event.thread) for event in finding.events] == [
        ("acquired", "one"), ("then-acquired", "one"), ("held", "two"), ("then-acquired", "two"),
    ]  # fmt: skip
    lines = [event.stack[0].code.partition("# ")[2] for event in finding.events]
    assert lines == ["first outer", "first inner", "second outer", "second inner"]
    assert all("in_thread" not in site.function for event in finding.events for site in event.stack)
    assert finding.misuse is finding.events[-1]
    first, second = finding.events[1].detail or "", finding.events[3].detail or ""
    assert first.startswith("lock 2, threading.Lock created at")
    assert second.startswith("lock 1, threading.Lock created at")
    assert "take them in the same order everywhere" in finding.message


@pytest.mark.parametrize("size", [3, 4, 6])
def test_longer_circles_are_found(locks: Tracker, size: int) -> None:
    """Three and more locks in a circle are one finding, that names every step."""
    ring = [threading.Lock() for _ in range(size)]
    for at in range(size):
        assert found(locks) == []
        nest(ring[at], ring[(at + 1) % size])
    (finding,) = found(locks)
    assert f"a circle of {size} locks" in finding.message
    assert len(finding.events) == 2 * size


def test_an_inner_lock_that_is_far_below_counts(locks: Tracker) -> None:
    """All locks that are held count, not only the last one taken; and release in any order."""
    a, b, c = (threading.Lock() for _ in range(3))
    nest(a, b, c)
    c.acquire()
    b2 = threading.Lock()
    b2.acquire()
    c.release()
    b2.release()
    nest(c, a)
    assert len(found(locks)) == 1


def test_each_inversion_is_told_once(locks: Tracker) -> None:
    """The same pair a thousand times is one case; another pair is another."""
    a, b, c = (threading.Lock() for _ in range(3))
    for _ in range(100):
        nest(a, b)
        nest(b, a)
    assert [finding.count for finding in found(locks)] == [1]
    nest(c, a)
    nest(a, c)
    assert sum(finding.count for finding in found(locks)) == 2


def test_under_raise_the_lock_is_not_taken(tracker: Tracker) -> None:
    """The policy raise refuses the lock that would make the inversion, each time, and nothing stays locked."""
    tracker.start("stacks", policy="raise", watch="locks", report=False)
    a, b = threading.Lock(), threading.Lock()
    nest(a, b)
    for _ in range(2):
        with pytest.raises(OwnershipError, match="LT403") as raised:
            nest(b, a)
        assert not a.locked()
        assert not b.locked()
        assert any("then-acquired" in note for note in raised.value.__notes__)
    nest(a, b)


def test_under_warn_it_is_shown_when_nothing_is_locked(tracker: Tracker) -> None:
    """A warning runs the program's own code, so it waits until the thread holds no watched lock."""
    tracker.start("stacks", policy="warn", watch="locks", report=False)
    a, b = threading.Lock(), threading.Lock()
    nest(a, b)
    states: list[bool] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with b, a:
            states.append(bool(caught))
    assert states == [False]
    assert ["LT403" in str(each.message) for each in caught] == [True]


def test_a_warning_made_an_error_does_not_hit_the_release(tracker: Tracker) -> None:
    """A filter that makes errors of warnings leaves the 'with' block alone; the finding is printed."""
    shown: list[str] = []
    tracker.start("stacks", policy="warn", watch="locks", report=False)
    a, b = threading.Lock(), threading.Lock()
    nest(a, b)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.showwarning = lambda message, *_: shown.append(str(message))
        nest(b, a)
    assert ["LT403" in text for text in shown] == [True]


DEADLOCK = """
import threading, sys, lifetrack
lifetrack.start(policy="record", watch="locks", report=False)
a, b = threading.Lock(), threading.Lock()
meet = threading.Barrier(2)
def one():
    with a:
        meet.wait()
        with b: pass
def two():
    with b:
        meet.wait()
        with a: pass
threads = [threading.Thread(target=each, daemon=True) for each in (one, two)]
for thread in threads: thread.start()
for thread in threads: thread.join(0.5)
print([thread.is_alive() for thread in threads], [each.rule for each in lifetrack.report().findings])
"""


def test_a_deadlock_that_happens_is_told_too(run_python: RunPython) -> None:
    """The order is looked at before the wait, so a real deadlock is in the report."""
    assert run_python(DEADLOCK)[:2] == ("[True, True] ['LT403']\n", "")


def test_at_level_counts_it_is_found_without_places(tracker: Tracker) -> None:
    """Where no places are recorded the inversion is still found."""
    tracker.start("counts", policy="record", watch="locks", report=False)
    a, b = threading.Lock(), threading.Lock()
    nest(a, b)
    nest(b, a)
    (finding,) = found(tracker)
    assert finding.site is None


# -- no false alarms ---------------------------------------------------------------------------------------------------


def test_the_same_order_is_fine(locks: Tracker) -> None:
    """However often, by however many threads."""
    a, b, c = (threading.Lock() for _ in range(3))
    for _ in range(10):
        nest(a, b, c)
        in_thread(nest, a, c)
        in_thread(nest, b, c)
    assert found(locks) == []


def test_reentrant_use_is_fine(locks: Tracker) -> None:
    """Taking an RLock again, with another one held meanwhile, is no order: its holder cannot wait for itself."""
    a, b = threading.RLock(), threading.RLock()
    nest(a, b, a)
    nest(a, a, b, b, a)
    assert found(locks) == []


@pytest.mark.parametrize("how", [{"blocking": False}, {"timeout": 0.5}])
def test_a_try_is_fine(locks: Tracker, how: dict[str, Any]) -> None:
    """Who only tries, or gives up after a time, is not caught in a deadlock."""
    a, b = threading.Lock(), threading.RLock()
    nest(a, b)
    with b:
        assert a.acquire(**how)
        a.release()
    assert found(locks) == []
    with a:
        assert b.acquire(**how)
        b.release()
    assert found(locks) == []


def test_a_lock_taken_by_a_try_counts_when_it_is_held(locks: Tracker) -> None:
    """Two that hold by a try and then wait for each other's lock do deadlock."""
    a, b = threading.Lock(), threading.Lock()
    assert a.acquire(False)
    with b:
        a.release()
    assert b.acquire(timeout=1)
    with a:
        b.release()
    assert len(found(locks)) == 1


def test_a_wait_is_fine(locks: Tracker) -> None:
    """The wait of a condition gives its lock up and takes it again, whatever is held meanwhile."""
    a, condition, plain = threading.Lock(), threading.Condition(), threading.Condition(threading.Lock())
    for each in (condition, plain):
        with each:
            with a:
                each.wait(0.001)
            each.wait(0.001)
    assert found(locks) == []


def test_a_gate_is_fine(locks: Tracker) -> None:
    """A lock that is held in both cases keeps them apart; without it, the other order is an inversion."""
    gate, a, b = (threading.Lock() for _ in range(3))
    nest(gate, a, b)
    in_thread(nest, gate, b, a)
    assert found(locks) == []
    other, c, d = (threading.Lock() for _ in range(3))
    nest(gate, c, d)
    nest(other, d, c)
    assert len(found(locks)) == 1  # two different gates keep nobody apart
    nest(a, b)
    assert sum(finding.count for finding in found(locks)) == 2


def test_a_gate_on_any_two_steps_of_a_circle_is_fine(locks: Tracker) -> None:
    """Two steps that need the same lock cannot happen at once, so the whole circle cannot."""
    gate, a, b, c = (threading.Lock() for _ in range(4))
    nest(gate, a, b)
    nest(b, c)
    nest(gate, c, a)
    assert found(locks) == []
    nest(c, a)
    assert len(found(locks)) == 1


def test_locks_by_instance(locks: Tracker) -> None:
    """Locks made at the same line are different locks: taking them in a fixed order of their own is fine."""
    accounts = [threading.Lock() for _ in range(20)]
    choice = random.Random(7)
    for _ in range(200):
        one, two = sorted(choice.sample(range(20), 2))
        nest(accounts[one], accounts[two])
    assert found(locks) == []
    nest(accounts[5], accounts[3])
    nest(accounts[3], accounts[5])
    assert len(found(locks)) == 1


def test_hand_over_hand_can_be_declared(locks: Tracker) -> None:
    """Among locks of one declared group the program answers for the order; against other locks it does not."""
    nodes = [lifetrack.lock_order(threading.Lock(), "nodes of a list") for _ in range(3)]
    for pairs in ((0, 1), (1, 2), (2, 0), (1, 0)):
        nest(*(nodes[at] for at in pairs))
    assert found(locks) == []
    other = threading.Lock()
    nest(other, nodes[0])
    nest(nodes[1], other)
    assert len(found(locks)) == 1


def test_a_group_is_known_by_its_name(locks: Tracker) -> None:
    """Locks of different groups, and of none, are judged among each other."""
    a = lifetrack.lock_order(threading.RLock(), "a")
    b = lifetrack.lock_order(threading.Condition(), "b")
    nest(a, b)
    nest(b, a)
    assert len(found(locks)) == 1


def test_lock_order_takes_locks_only() -> None:
    """What is no lock, or no name, is one clear error; an unwatched lock comes back as it is."""
    lock = threading.Lock()
    assert lifetrack.lock_order(lock, "any") is lock
    for arguments in ((object(), "any"), (lock, ""), (lock, 3)):
        with pytest.raises(DeclarationError, match="lock_order"):
            lifetrack.lock_order(*arguments)


def test_signals_have_no_order(locks: Tracker) -> None:
    """A lock that another thread releases is a signal: who waits for it may hold what the other one takes."""
    gate, a = threading.Lock(), threading.Lock()
    gate.acquire()
    in_thread(gate.release)
    nest(gate, a)
    nest(a, gate)
    semaphore = threading.Semaphore(1)
    nest(semaphore, a)
    nest(a, semaphore)
    assert found(locks) == []


def test_locks_that_are_gone_have_no_order(locks: Tracker) -> None:
    """A lock that was collected takes its orders with it: another one at its address begins anew."""
    a = threading.Lock()
    for turn in range(200):
        b = threading.Lock()
        nest(*((a, b) if turn % 2 else (b, a)))
        del b
    assert found(locks) == []


def test_starting_again_begins_anew(tracker: Tracker) -> None:
    """Orders of an earlier account are forgotten."""
    a, b = None, None
    for turn in range(2):
        tracker.start("sites", policy="record", watch="locks", report=False)
        if a is None:
            a, b = threading.Lock(), threading.Lock()
        nest(*((a, b) if turn else (b, a)))
        assert found(tracker) == []
        tracker.stop()


def test_asyncio_orders(locks: Tracker) -> None:
    """Locks of asyncio have orders too; waits of conditions and semaphores have none."""

    async def nest_async(*each: Any) -> None:
        if each:
            async with each[0]:
                await nest_async(*each[1:])

    async def work() -> None:
        a, b, condition, semaphore = asyncio.Lock(), asyncio.Lock(), asyncio.Condition(), asyncio.Semaphore(1)
        await asyncio.gather(nest_async(a, b), nest_async(a, condition), nest_async(semaphore, a))
        await nest_async(a, semaphore)
        async with condition, b:
            try:
                await asyncio.wait_for(condition.wait(), 0.001)
            except TimeoutError:
                pass
        assert found(locks) == []
        await asyncio.gather(nest_async(b, a))

    asyncio.run(work())
    (finding,) = found(locks)
    assert finding.resource.type == "asyncio.Lock"


# -- the graph against a plain model ---------------------------------------------------------------------------------


def model_has_inversion(runs: list[tuple[int, ...]]) -> bool:
    """Whether two locks are taken in both orders with nothing held in common."""
    steps = [(run[i], run[at], set(run[:at])) for run in runs for at in range(1, len(run)) for i in range(at)]
    return any(a == d and b == c and not (h & k) for a, b, h in steps for c, d, k in steps)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=4, unique=True).map(tuple), max_size=8))
def test_pairs_are_found_exactly(runs: list[tuple[int, ...]]) -> None:
    """For all ways to nest five locks: a circle of two is found exactly where the definition has one."""
    graph = Graph()
    nodes = [Node("threading.Lock", None) for _ in range(5)]
    circles = []
    for run in runs:
        for at in range(1, len(run)):
            holds: list[Any] = [
                [1, 0, None, None, None, None, None, None, None, None, None, None, nodes[i], False] for i in run[:at]
            ]
            if not graph.is_known(holds, nodes[run[at]]):
                circles += graph.add(holds, nodes[run[at]], (None, None))
    # A pair that is also part of a longer circle may be told by that one.
    assert any(len(circle) == 2 for circle in circles) == model_has_inversion(runs) or any(len(c) > 2 for c in circles)
    if model_has_inversion(runs):
        assert circles
    for circle in circles:
        for at, edge in enumerate(circle):
            assert edge.inner is circle[(at + 1) % len(circle)].outer
            assert all(edge.held.isdisjoint(other.held) for other in circle if other is not edge)
