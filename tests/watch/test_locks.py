"""Watched locks: what is still held when its thread, scope or process ended (LT404), and what is no false alarm."""

from __future__ import annotations

import _thread
import asyncio
import copy
import gc
import pickle
import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.values.errors import LeakError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding
    from tests.conftest import RunPython

MAKERS = {
    "Lock": lambda: threading.Lock(),
    "RLock": lambda: threading.RLock(),
    "Condition": lambda: threading.Condition(),
    "Condition of a Lock": lambda: threading.Condition(threading.Lock()),
    "Semaphore": lambda: threading.Semaphore(2),
    "BoundedSemaphore": lambda: threading.BoundedSemaphore(2),
}


@pytest.fixture(params=["counts", "sites", "stacks"])
def locks(request: pytest.FixtureRequest, tracker: Tracker) -> Tracker:
    """A tracker that watches locks and records."""
    gc.collect()
    tracker.start(request.param, policy="record", watch="locks", report=False)
    return tracker


@pytest.fixture
def located(tracker: Tracker) -> Tracker:
    """A tracker that watches locks and records stacks."""
    gc.collect()
    tracker.start("stacks", policy="record", watch="locks", report=False)
    return tracker


def in_thread(work: Callable[[], object], name: str = "worker") -> None:
    """Do it in a thread of its own, to its end."""
    thread = threading.Thread(target=work, name=name)
    thread.start()
    thread.join()


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


# -- abandoned ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKERS)
def test_what_a_thread_still_held_at_its_end_is_abandoned(locks: Tracker, kind: str) -> None:
    """Each kind of lock that an ended thread has taken and not released is LT404."""
    lock = MAKERS[kind]()
    in_thread(lock.acquire)
    (finding,) = locks.find_leaks()
    assert finding.rule == "LT404"
    assert finding.certainty == ("suspected" if kind == "Semaphore" else "proven")
    assert finding.resource.type == f"threading.{kind.replace('Condition of a ', '')}"


def test_the_finding_names_the_thread_and_the_line(located: Tracker, line_of: Callable[[Finding], str]) -> None:
    """Who held it, and the stack of the acquisition, are in the finding and in its message."""
    lock = threading.Lock()

    def work() -> None:
        lock.acquire()  # this line

    in_thread(work, "the-worker")
    (finding,) = located.report().findings
    assert "# this line" in line_of(finding)
    assert "its thread 'the-worker' ended" in finding.message
    assert [(event.event, event.thread) for event in finding.events] == [("acquired", "the-worker")]
    assert finding.events[0].stack[0].function.endswith("work")


def test_a_release_by_somebody_else_clears_it(locks: Tracker) -> None:
    """A plain lock may be released by another thread, also after its holder has ended."""
    lock = threading.Lock()
    in_thread(lock.acquire)
    assert rules(locks.find_leaks()) == ["LT404"]
    lock.release()
    assert locks.find_leaks() == []
    assert locks.snapshot().live == ()


def test_a_lock_that_is_gone_with_its_thread_is_still_told(locks: Tracker) -> None:
    """A lock that was collected after its holder had ended while holding it is LT404 all the same."""

    def use() -> None:
        lock = threading.Lock()
        in_thread(lock.acquire)

    use()
    gc.collect()
    (finding,) = locks.find_leaks()
    assert (finding.rule, finding.certainty) == ("LT404", "proven")


def test_a_lock_that_was_dropped_while_held_is_suspected(locks: Tracker) -> None:
    """Nobody can wait for it any more, so it is not proven to do harm; the message says what happened."""

    def use() -> None:
        threading.Lock().acquire()

    use()
    (finding,) = locks.find_leaks()
    assert (finding.rule, finding.certainty) == ("LT404", "suspected")
    assert "still held when it was garbage-collected" in finding.message


def test_what_a_scope_leaves_locked_is_abandoned(locks: Tracker) -> None:
    """The end of a scope files what was locked in it; what was locked before is not its business."""
    outer, inner = threading.Lock(), threading.RLock()
    outer.acquire()
    with locks.scope("job"):
        inner.acquire()
    filed = [finding for finding in locks.report().findings if finding.scope == "job"]
    assert rules(filed) == ["LT404"]
    assert "still held when scope 'job' ended" in filed[0].message
    inner.release()
    outer.release()


def test_a_scope_raises_for_it(tracker: Tracker) -> None:
    """Under the policy raise the end of the scope raises LeakError."""
    tracker.start("stacks", policy="raise", watch="locks", report=False)
    lock = threading.Lock()
    with pytest.raises(LeakError, match="still held when scope 'job' ended"), tracker.scope("job"):
        lock.acquire()
    lock.release()


def test_a_scope_does_not_mind_what_its_threads_have_in_use(locks: Tracker) -> None:
    """A thread that was started in the scope and still works holds its lock for good reason."""
    lock, holds, go_on = threading.Lock(), threading.Event(), threading.Event()

    def work() -> None:
        with lock:
            holds.set()
            go_on.wait(10)

    with locks.scope("job"):
        thread = threading.Thread(target=work)
        thread.start()
        holds.wait(10)
    assert locks.report().findings == ()
    assert locks.find_leaks() == []
    go_on.set()
    thread.join()


def test_a_lock_in_use_is_no_leak(locks: Tracker) -> None:
    """Asking inside a 'with' block of a lock finds nothing; asking while it is held by acquire() finds that."""
    lock = threading.Lock()
    with lock:
        assert locks.find_leaks() == []
    lock.acquire()
    assert rules(locks.find_leaks()) == ["LT404"]
    lock.release()
    assert locks.find_leaks() == []


PROGRAM = """
import threading
lock, other = threading.Lock(), threading.RLock()
with other:
    pass
lock.acquire()
"""


def test_the_end_of_the_process(run_python: RunPython) -> None:
    """A lock that the main thread holds when the program ends is in the report of the command."""
    done = run_python(
        "", "run", "--watch", "locks", "--error-exitcode", "7", "-c", PROGRAM, python_flags=["-m", "lifetrack"]
    )
    assert done.returncode == 7
    assert "LT404 lock-abandoned (proven): threading.Lock" in done.stderr
    assert "was still held when the process ended" in " ".join(done.stderr.split())


DAEMON = """
import threading, time
lock, held = threading.Lock(), threading.Event()
def work():
    with lock:
        held.set()
        time.sleep(60)
threading.Thread(target=work, daemon=True).start()
held.wait()
"""


def test_a_daemon_thread_may_hold_a_lock_at_the_end(run_python: RunPython) -> None:
    """A daemon thread in the middle of its work has not abandoned anything."""
    done = run_python("", "run", "--watch", "locks", "-c", DAEMON, python_flags=["-m", "lifetrack"])
    assert (done.returncode, "LT404" in done.stderr) == (0, False)


def test_locks_are_off_unless_asked_for(run_python: RunPython) -> None:
    """The usual watching leaves locks alone; so does a tracker that watches the standard library."""
    done = run_python("", "run", "-c", PROGRAM, python_flags=["-m", "lifetrack"])
    assert "LT404" not in done.stderr
    done = run_python("", "run", "--watch", "threading", "-c", PROGRAM, python_flags=["-m", "lifetrack"])
    assert "LT404" in done.stderr


# -- no false alarms ---------------------------------------------------------------------------------------------------


def test_signals_are_not_abandoned(locks: Tracker) -> None:
    """What one thread takes and another one gives belongs to nobody: a semaphore from 0, and a lock as a gate."""
    ready, slots, gate = threading.Semaphore(0), threading.Semaphore(3), threading.Lock()
    gate.acquire()

    def work() -> None:
        slots.release()
        ready.release()
        gate.release()

    slots.acquire()
    in_thread(work)
    ready.acquire()
    gate.acquire()
    slots.acquire()
    slots.acquire()
    assert locks.find_leaks() == []
    assert locks.report().findings == ()


def test_the_locks_of_the_standard_library_are_silent(locks: Tracker) -> None:
    """Events, queues, futures, executors, timers and barriers lock by what they make themselves."""
    event, items, barrier = threading.Event(), queue.Queue(), threading.Barrier(1)
    future: Future[int] = Future()
    event.set()
    items.put(1)
    items.get()
    future.set_result(1)
    barrier.wait()
    timer = threading.Timer(0, event.set)
    timer.start()
    timer.join()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(abs, [1, 2, 3]))
    assert locks.report().totals.acquired == 0


def test_a_condition_waits_as_ever(locks: Tracker) -> None:
    """A wait releases the lock, so that another thread can notify, and takes it again, as often as it was held."""
    for condition in (
        threading.Condition(),
        threading.Condition(threading.Lock()),
        threading.Condition(threading.RLock()),
    ):
        seen: list[int] = []

        def work(condition: threading.Condition = condition, seen: list[int] = seen) -> None:
            with condition:
                seen.append(1)
                condition.notify()

        with condition:
            thread = threading.Thread(target=work)
            thread.start()
            assert condition.wait_for(lambda seen=seen: bool(seen), timeout=10)
            thread.join()
            assert len(locks.snapshot().live) == 1
        assert locks.snapshot().live == ()
    nested = threading.Condition()
    with nested, nested:
        nested.wait(0.01)
        assert nested._is_owned()
    assert locks.snapshot().live == ()
    assert locks.report().findings == ()


def test_tries_that_fail_hold_nothing(locks: Tracker) -> None:
    """A try that did not get the lock is no hold."""
    lock = threading.Lock()
    with lock:
        got: list[bool] = []
        in_thread(lambda: got.append(lock.acquire(False)))
        in_thread(lambda: got.append(lock.acquire(timeout=0.01)))
        assert got == [False, False]
        assert locks.find_leaks() == []
    assert locks.report().totals.acquired == 1


def test_reentrant_locks_are_held_once(locks: Tracker) -> None:
    """Taking an RLock again is no further hold; the last release ends it."""
    lock = threading.RLock()
    with lock, lock, lock:
        assert len(locks.snapshot().live) == 1
        lock.acquire()
        lock.release()
    assert locks.snapshot().live == ()
    assert locks.report().totals.acquired == 1


# -- what stays as it was ----------------------------------------------------------------------------------------------


def test_a_watched_lock_looks_and_fails_as_the_real_one(locks: Tracker) -> None:
    """Type, isinstance, repr, errors of misuse, pickling and copying are the real one's."""
    real, lock = _thread.allocate_lock(), threading.Lock()
    assert type(lock) is not type(real)  # or this would test nothing
    assert isinstance(lock, type(real))
    assert isinstance(lock, type(threading.Lock()))
    assert isinstance(real, type(lock))
    assert lock.__class__ is type(real)
    assert type(lock) == type(real)  # noqa: E721 - equal, though not the same
    assert repr(lock).startswith("<unlocked _thread.lock object at 0x")
    assert hex(id(lock)) in repr(lock)
    assert not hasattr(lock, "__dict__")
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        errors = []
        for each in (real, lock):
            with pytest.raises(TypeError) as raised:
                act(each)
            errors.append(str(raised.value))
        assert errors[0] == errors[1]
    for each in (real, lock):
        with pytest.raises(RuntimeError, match="release unlocked lock"):
            each.release()
        assert each.acquire() is True
        assert each.locked()
        assert each.acquire(blocking=False) is False
        with pytest.raises(ValueError, match="can't specify a timeout"):
            each.acquire(False, 1)
        each.release()
        with each as got:
            assert got is True


def test_a_watched_rlock_looks_and_fails_as_the_real_one(locks: Tracker) -> None:
    """Type, isinstance, repr, errors of misuse and pickling are the real one's; it can be derived from."""
    real, lock = _thread.RLock(), threading.RLock()
    assert type(lock) is not type(real)
    assert isinstance(lock, _thread.RLock)
    assert isinstance(lock, type(threading.RLock()))
    assert lock.__class__ is _thread.RLock
    assert repr(lock).startswith("<unlocked RLock object") or "RLock" in repr(lock)
    for each in (real, lock):
        with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
            each.release()
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(each)
    lock.acquire()
    errors: list[type] = []

    def foreign() -> None:
        try:
            lock.release()
        except RuntimeError as error:
            errors.append(type(error))

    in_thread(foreign)
    assert errors == [RuntimeError]
    assert lock._is_owned()
    lock.release()

    class Named(type(lock)):
        pass

    with Named() as got:
        assert got is True


def test_undo_is_exact(tracker: Tracker) -> None:
    """The names and methods are the very same after stop(); locks made meanwhile go on working."""
    touched = [threading, threading.Semaphore, threading.BoundedSemaphore, asyncio.Lock, asyncio.Semaphore]

    def everything() -> list[dict[str, int]]:
        return [{name: id(value) for name, value in vars(each).items()} for each in touched]

    before = everything()
    tracker.start("stacks", policy="record", watch="locks", report=False)
    assert everything() != before
    lock, rlock, semaphore = threading.Lock(), threading.RLock(), threading.Semaphore()
    held = threading.Lock()
    held.acquire()
    tracker.stop()
    assert everything() == before
    held.release()
    for each in (lock, rlock, semaphore, held):
        with each:
            pass
    with pytest.raises(RuntimeError):
        held.release()


def test_names_imported_before_are_watched_too(tracker: Tracker, run_python: RunPython) -> None:
    """``from threading import Lock`` before the start makes no difference, and the undo reaches it."""
    code = """
from threading import Lock, RLock
import threading, lifetrack
natives = Lock, RLock
lifetrack.start(policy="record", watch="locks", report=False)
for make in (Lock, RLock):
    make().acquire()
print(lifetrack.report().totals.acquired)
lifetrack.stop()
print((Lock, RLock) == natives == (threading.Lock, threading.RLock), Lock is natives[0], RLock is natives[1])
"""
    assert run_python(code)[:2] == ("2\nTrue True True\n", "")


def test_two_trackers_side_by_side(tracker: Tracker) -> None:
    """Each has its own account; they stop in any order."""
    from lifetrack.tracker import Tracker as Another

    other = Another()
    tracker.start("stacks", policy="record", watch="locks", report=False)
    lock, condition = threading.Lock(), threading.Condition()
    with lock:
        other.start("sites", policy="record", watch="locks", report=False)
    with condition:
        condition.wait(0.001)
    in_thread(lock.acquire)
    assert [rules(each.find_leaks()) for each in (tracker, other)] == [["LT404"], ["LT404"]]
    assert other.report().totals.acquired == 2
    tracker.stop()
    assert rules(other.find_leaks()) == ["LT404"]
    lock.release()
    assert other.find_leaks() == []
    other.stop()


def test_locks_go_with_their_objects(located: Tracker) -> None:
    """Locks made in numbers leave nothing behind in the ledger or the graph."""
    gate = threading.Lock()
    for _ in range(2000):
        one, two = threading.Lock(), threading.RLock()
        with gate, one, two:
            pass
    del one, two
    with gate, threading.Lock():
        pass
    assert located.ledger is not None
    # Addresses are positive; a negative one marks where an exception was on its way, in whatever thread.
    assert [key for key in located.ledger.entries if key >= 0] == []
    node: Any = gate._node  # type: ignore[attr-defined]
    assert len(node.after) < 10
    assert len(node.seen) < 300


# -- asyncio -----------------------------------------------------------------------------------------------------------


def test_asyncio_locks(locks: Tracker) -> None:
    """What is still held when its scope or its loop has ended is LT404; a block and a wait leave nothing."""
    kept: list[Any] = []

    async def work() -> None:
        lock, condition, semaphore = asyncio.Lock(), asyncio.Condition(), asyncio.Semaphore(2)
        async with lock, condition, semaphore:
            try:
                await asyncio.wait_for(condition.wait(), 0.01)
            except TimeoutError:
                pass
        assert locks.snapshot().live == ()
        async with locks.scope("job"):
            await lock.acquire()
        kept.append(lock)

    asyncio.run(work())
    (finding,) = locks.report().findings
    assert (finding.rule, finding.resource.type, finding.scope) == ("LT404", "asyncio.Lock", "job")


def test_asyncio_locks_at_the_end_of_the_loop(locks: Tracker) -> None:
    """A lock that is held when its loop is closed is abandoned; one that another task released is not."""
    kept: list[Any] = []

    async def work() -> None:
        first, second = asyncio.Lock(), asyncio.Lock()
        kept.extend([first, second])
        await asyncio.create_task(first.acquire(), name="taker")
        await asyncio.create_task(second.acquire(), name="giver")
        second.release()
        await asyncio.wait_for(second.acquire(), 1)
        second.release()

    asyncio.run(work())
    (finding,) = locks.find_leaks()
    assert (finding.rule, finding.resource.type) == ("LT404", "asyncio.Lock")
    assert "its task 'taker' ended" in finding.message


def test_many_threads_at_once(located: Tracker) -> None:
    """Under threads that lock and unlock all the time the account is exact at the end."""
    shared = [threading.Lock() for _ in range(4)] + [threading.RLock() for _ in range(4)]
    counts = [0] * len(shared)
    until = time.monotonic() + 0.5

    def work(start: int) -> None:
        at = start
        while time.monotonic() < until:
            at = (at * 5 + 3) % len(shared)
            with shared[at]:
                counts[at] += 1

    threads = [threading.Thread(target=work, args=(each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = located.report().totals
    assert totals.acquired == sum(counts) > 0
    assert (totals.live, totals.findings) == (0, 0)


def test_forks_begin_with_nothing(run_python: RunPython) -> None:
    """A child is not blamed for what its parent held; it may release what it inherited and lock anew."""
    code = """
import os, sys, threading, warnings, lifetrack
warnings.simplefilter("ignore", DeprecationWarning)
lifetrack.start(policy="record", watch="locks", report=False)
mine, other, again = threading.Lock(), threading.Lock(), threading.RLock()
held, go = threading.Event(), threading.Event()
def work():
    with other:
        held.set()
        go.wait()
thread = threading.Thread(target=work)
thread.start()
held.wait()
mine.acquire()
again.acquire()
child = os.fork()
if child == 0:
    print([each.rule for each in lifetrack.find_leaks()], flush=True)
    mine.release()
    again.release()
    other._at_fork_reinit()
    with other, mine, again:
        pass
    print([each.rule for each in lifetrack.report().findings], lifetrack.snapshot().live, flush=True)
    os._exit(0)
os.waitpid(child, 0)
mine.release()
again.release()
go.set()
thread.join()
print(lifetrack.report().findings, lifetrack.snapshot().live)
"""
    assert run_python(code)[:2] == ("[]\n[] ()\n() ()\n", "")


def test_an_exception_while_it_is_noted_gives_the_lock_back(located: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes from outside just after the lock was taken leaves neither the lock nor an entry behind."""
    from lifetrack.watchers.locking.desk import THREADS

    class Interrupt(BaseException):
        pass

    real = THREADS.take
    assert real is not None

    def interrupted(*arguments: Any) -> Any:
        real(*arguments)
        raise Interrupt

    for lock in (threading.Lock(), threading.RLock()):
        monkeypatch.setattr(THREADS, "take", interrupted)
        with pytest.raises(Interrupt), lock:
            pass
        monkeypatch.undo()
        in_thread(lambda lock=lock: lock.acquire(timeout=5) and lock.release())
        assert located.report().totals.acquired > 0
        assert located.snapshot().live == ()
        assert located.find_leaks() == []


def test_a_program_that_has_replaced_the_maker_keeps_it(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks of somebody else's making are left alone, before and after."""

    def mine() -> object:
        return object()

    monkeypatch.setattr(threading, "Lock", mine)
    tracker.start("sites", policy="record", watch="locks", report=False)
    assert threading.Lock is mine
    tracker.stop()
    assert threading.Lock is mine


def test_the_finalizer_of_a_held_lock_waits_for_nobody(located: Tracker) -> None:
    """Locks that are collected in cycles, held and with orders, under threads that lock all the time."""
    shared, until = threading.Lock(), time.monotonic() + 0.5

    class Node:
        def __init__(self) -> None:
            self.lock, self.me = threading.RLock(), self

        def __del__(self) -> None:
            with shared:
                pass

    def work() -> None:
        while time.monotonic() < until:
            node = Node()
            with node.lock:
                pass
            del node
            with threading.Lock():
                gc.collect(0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    gc.collect()
    assert located.snapshot().live == ()
    assert [finding for finding in located.report().findings if finding.rule == "LT404"] == []
