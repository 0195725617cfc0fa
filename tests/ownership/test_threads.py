"""Eight threads at once while the collector runs all the time: nothing stops, and every total is exact."""

from __future__ import annotations

import faulthandler
import gc
import sys
import threading
import time
from collections import Counter, deque

import pytest

from lifetrack.ownership.borrowing import borrow
from lifetrack.ownership.handles import Owned
from lifetrack.ownership.owners import Owner
from lifetrack.ownership.sharing import Shared, Weak
from lifetrack.ownership.transfers import owner_of, transfer
from lifetrack.values.errors import OwnershipError

THREADS = 8
TIMEOUT = 60.0


@pytest.fixture(params=[1, 10])
def collecting(request):
    """Let threads change as often as they can, and the collector run in all of them and in one of its own."""
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    stop = threading.Event()

    def collect():
        while not stop.wait(0.002):
            gc.collect(1)

    collector = threading.Thread(target=collect, daemon=True)
    # CPython 3.11 does not survive callbacks of the collector, as Hypothesis has one, where it runs as often as here.
    callbacks, gc.callbacks[:] = gc.callbacks[:], []
    gc.freeze()
    gc.set_threshold(request.param, 3, 3)
    sys.setswitchinterval(1e-6)
    faulthandler.dump_traceback_later(TIMEOUT)
    collector.start()
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        stop.set()
        collector.join()
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.unfreeze()
        gc.callbacks[:] = callbacks


def together(work):
    """Run ``work(number)`` in eight threads that begin at once; raise what one of them raised."""
    errors, barrier = [], threading.Barrier(THREADS)

    def run(number):
        barrier.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert not any(thread.is_alive() for thread in threads), "deadlock: the stacks are on standard error"
    if errors:
        raise errors[0]


@pytest.fixture(params=["sites", "stacks"])
def thing(request, tracker):
    """A declared class whose objects count how often they were released, while tracking records."""

    @tracker.tracked
    class Thing:
        def __init__(self):
            self.closes = []

        def use(self):
            return 1

        def close(self):
            self.closes.append(1)

    tracker.start(request.param, policy="record", report=False)
    return Thing


def totals(tracker):
    found = tracker.report().totals
    return found.acquired, found.released, found.live


def test_every_thread_with_things_of_its_own(tracker, thing, collecting):
    """Transfers, borrows, clones and handles: what each thread leaks, and nothing else, is found."""
    rounds = 40
    kept = []

    def work(number):
        for turn in range(rounds):
            with Owner("mine") as owner:
                first = transfer(thing(), to=owner)
                with borrow(first) as lent:
                    lent.use()
                other = Owned(thing())
                other = other.move()
                shared = Shared(other)
                clones = [shared.clone() for _ in range(3)]
                weak = Weak(shared)
                for handle in (shared, *clones):
                    handle.release()
                assert weak.lock() is None
            if turn % 4 == 0:
                Owned(thing())  # LT104
            elif turn % 4 == 1:
                thing()  # LT102
            elif turn % 4 == 2:
                kept.append(thing())  # LT101

    together(work)
    gc.collect()
    each = THREADS * rounds
    assert totals(tracker) == (each * 2 + each // 4 * 3, each * 2, each // 4)
    counts = Counter()
    for finding in tracker.report().findings:
        counts[finding.rule] += finding.count
    assert counts == {"LT104": each // 4, "LT102": each // 4, "LT101": each // 4}


class Emptied(deque):
    """A line that another thread empties whenever somebody has seen that something is in it."""

    def __bool__(self):
        return True


def test_an_owner_that_another_thread_takes_in_is_no_error(tracker, thing):
    """The program that acquires next hears nothing of it, and what the owner had is found once."""
    tracker.ledger.orphaned = Emptied()
    left = thing()
    owner = Owner("lost")
    transfer(left, to=owner)
    del owner
    gc.collect()
    thing().close()
    assert [finding.rule for finding in tracker.report().findings] == ["LT104"]
    left.close()


def test_all_threads_with_the_same_things(tracker, thing, collecting):
    """Things wander between owners of all threads, are lent and shared meanwhile, and are released once each."""
    things = [thing() for _ in range(12)]
    owners = [Owner(f"owner {number}") for number in range(THREADS)]

    def work(number):
        for turn in range(150):
            obj = things[(turn * (number + 1)) % len(things)]
            transfer(obj, to=owners[(number + turn) % THREADS])
            with borrow(obj), borrow(obj):
                obj.use()

    together(work)
    holders = Counter(id(obj) for owner in owners for obj in owner.owned)
    assert holders == Counter(map(id, things))
    for obj in things:
        assert any(held is obj for held in owner_of(obj).owned)
    together(lambda number: [owner.close() for owner in owners])
    assert [len(obj.closes) for obj in things] == [1] * len(things)
    assert totals(tracker) == (len(things), len(things), 0)
    assert tracker.find_leaks() == []


def test_a_borrow_of_another_thread_is_never_overlooked(tracker, thing, collecting):
    """Eight borrows that begin at once all count: the release is found, and each is given back."""
    for _ in range(40):
        obj = thing()
        inside, released = threading.Barrier(THREADS + 1), threading.Event()

        def work(number, obj=obj, inside=inside, released=released):
            with borrow(obj):
                inside.wait()
                released.wait()

        def release(obj=obj, inside=inside, released=released):
            inside.wait()
            obj.close()
            released.set()

        releaser = threading.Thread(target=release)
        releaser.start()
        together(work)
        releaser.join()
        words = Counter(event.event for event in tracker.history(obj))
        assert words["borrowed"] == words["returned"] == THREADS
    findings = tracker.report().findings
    assert [(finding.rule, finding.count) for finding in findings] == [("LT302", 40)]


def test_one_object_shared_by_all_threads(tracker, thing, collecting):
    """Clones come and go in all threads; the last one that lets go releases, once."""
    for _ in range(30):
        obj = thing()
        first = Shared(obj)
        handles = [first.clone() for _ in range(THREADS)]

        def work(number, handles=handles):
            for _ in range(5):
                clone = handles[number].clone()
                clone.get().use()
                clone.release()
            handles[number].release()

        assert first.use_count == THREADS + 1
        first.release()
        together(work)
        assert (len(obj.closes), handles[0].use_count) == (1, 0)
    assert totals(tracker) == (30, 30, 0)
    assert tracker.report().findings == ()


def test_an_owner_that_all_threads_close_and_fill(tracker, thing, collecting):
    """Whatever a closing owner took is released once; whatever it refused belongs to whom it belonged."""
    refused = []
    made = []
    for _ in range(25):
        owner = Owner("pool")
        for _ in range(20):
            made.append(transfer(thing(), to=owner))

        def work(number, owner=owner):
            for turn in range(6):
                if turn == 3:
                    owner.close()
                obj = thing()
                made.append(obj)
                try:
                    transfer(obj, to=owner)
                except OwnershipError:
                    refused.append(obj)

        together(work)
        owner.close()
        assert owner.owned == ()
    for obj in refused:
        obj.close()
    assert {len(obj.closes) for obj in made} == {1}
    assert totals(tracker) == (len(made), len(made), 0)
    assert tracker.report().findings == ()


def test_finalizers_that_use_lifetrack_themselves(tracker, thing, collecting):
    """The collector runs finalizers in the middle of everything; these transfer, borrow, share, ask and release."""
    finalized = []
    pool = Owner("pool")
    lock = threading.Lock()

    class Tangled:
        def __init__(self):
            self.itself = self

        def __del__(self):
            with lock:  # as a finalizer of a program may
                obj = thing()
            with borrow(obj):
                owner_of(obj)
            Shared(Owned(obj)).release()
            transfer(thing(), to=pool)
            tracker.find_leaks()
            finalized.append(1)

    count = 15

    def work(number):
        for _ in range(count):
            Tangled()
            with Owner("mine") as owner:
                transfer(thing(), to=owner)

    together(work)
    deadline = time.monotonic() + TIMEOUT
    while len(finalized) < THREADS * count and time.monotonic() < deadline:
        gc.collect()  # does nothing while another thread collects
    pool.close()
    done = len(finalized)
    assert done == THREADS * count
    assert totals(tracker) == (done * 3, done * 3, 0)
    assert tracker.report().findings == ()


def test_scopes_find_what_came_to_them_while_others_transfer(tracker, thing, collecting):
    """Each scope tells of what it was given and did not release, however many transfers run beside it."""
    rounds = 60
    early = [[thing() for _ in range(rounds)] for _ in range(THREADS)]

    def work(number):
        for obj in early[number]:
            with tracker.scope(f"scope {number}") as scope:
                transfer(obj, to=scope)
            obj.close()

    together(work)
    count = sum(finding.count for finding in tracker.report().findings)
    assert count == THREADS * rounds
    assert totals(tracker) == (THREADS * rounds, THREADS * rounds, 0)
