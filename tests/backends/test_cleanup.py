"""Cleaning up: every backend once, newest first, all errors together, from wherever and however often it is asked."""

from __future__ import annotations

import threading

import pytest

from lifetrack import BackendCollection, BackendError
from tests.backends.conftest import Plain


def fail(backend):
    raise OSError(backend.name)


def test_the_newest_is_released_first():
    """The result tells the names in order; a second cleanup gives the same and releases nothing."""
    backends = BackendCollection()
    all_of_them = [backends.add(Plain(name)) for name in "abc"]
    done = backends.cleanup()
    assert done.released == ("c", "b", "a")
    assert done.complete
    assert backends.cleanup() == done
    assert [each.closed for each in all_of_them] == [1, 1, 1]


def test_all_errors_are_kept_and_everything_is_released():
    """One group holds them all, with a note for each that names the backend; asked again, it is not raised again."""
    backends = BackendCollection("tls")
    all_of_them = [backends.add(Plain(name, fail if name in "ac" else lambda self: None)) for name in "abc"]
    with pytest.raises(ExceptionGroup, match="2 backends of collection 'tls'") as caught:
        backends.cleanup()
    assert [str(error) for error in caught.value.exceptions] == ["c", "a"]
    assert "released 'c'" in caught.value.exceptions[0].__notes__[0]
    assert [each.closed for each in all_of_them] == [1, 1, 1]
    assert backends.cleanup().failed == ("c", "a")


def test_an_interrupt_in_a_release_leaves_nothing_half_done():
    """Ctrl-C in one release comes out when all the others are released."""

    def interrupt(backend):
        raise KeyboardInterrupt

    backends = BackendCollection()
    first, last = backends.add(Plain("a")), backends.add(Plain("b", interrupt))
    with pytest.raises(BaseExceptionGroup) as caught:
        backends.cleanup()
    assert caught.group_contains(KeyboardInterrupt)
    assert (first.closed, last.closed) == (1, 1)


def test_a_with_block_cleans_up():
    """At the end of the block, also when it raises; both errors are shown."""
    backends = BackendCollection()
    backend = Plain("a", fail)
    with pytest.raises(ExceptionGroup) as caught, backends:
        backends.add(backend)
        raise ValueError("of the block")
    assert backend.closed == 1
    assert isinstance(caught.value.__context__, ValueError)


def test_a_release_may_ask_for_the_cleanup_and_leave_the_collection():
    """A backend whose release removes itself, or cleans up the collection, does not disturb it."""
    backends = BackendCollection()
    seen = []

    def leave(self):
        assert backends.remove(self) is self
        assert backends.remove(self.name) is self
        seen.append((backends.cleanup(), backends.names()))

    older, newer = backends.add(Plain("a", leave)), backends.add(Plain("b", leave))
    assert backends.cleanup().released == ("b", "a")
    assert (older.closed, newer.closed) == (1, 1)
    assert [(done.released, done.complete, names) for done, names in seen] == [((), False, ("a",)), (("b",), False, ())]


def test_a_release_may_use_what_is_older():
    """While it is cleaned up, what is still there can be had; nothing can be added."""
    backends = BackendCollection()
    seen = []

    def use(self):
        seen.append(backends.get("a").use())
        with pytest.raises(BackendError, match="after its cleanup has begun"):
            backends.add(Plain("new"))
        with pytest.raises(BackendError, match="which it does not have"):
            backends.get("b")

    backends.add(Plain("a"))
    backends.add(Plain("b", use))
    backends.cleanup()
    assert seen == ["a"]


def test_two_threads_clean_up_at_once():
    """The second one waits for the first, and both are told the same."""
    backends = BackendCollection()
    begun, go_on = threading.Event(), threading.Event()

    def slow(self):
        begun.set()
        go_on.wait(10)

    backends.add(Plain("a"))
    slow_one = backends.add(Plain("b", slow))
    results = []
    first = threading.Thread(target=lambda: results.append(backends.cleanup()))
    second = threading.Thread(target=lambda: results.append(backends.cleanup()))
    first.start()
    assert begun.wait(10)
    second.start()
    second.join(0.05)
    assert second.is_alive(), "the second cleanup did not wait for the first"
    go_on.set()
    first.join(10)
    second.join(10)
    assert [done.released for done in results] == [("b", "a")] * 2
    assert slow_one.closed == 1


def test_no_deadlock_where_a_release_waits_for_a_thread_that_cleans_up(monkeypatch):
    """The waiting thread goes on after its patience, and is told that the cleanup is not complete."""
    monkeypatch.setattr("lifetrack.backends.turns.PATIENCE", 0.05)
    backends = BackendCollection()
    results = []

    def join_another(self):
        thread = threading.Thread(target=lambda: results.append(backends.cleanup()))
        thread.start()
        thread.join(10)
        results.append(thread.is_alive())

    backends.add(Plain("a", join_another))
    assert backends.cleanup().complete
    assert not results[0].complete
    assert results[1] is False


@pytest.mark.parametrize(
    ("options", "method"), [({}, "shutdown"), ({"release": "hang_up"}, "hang_up"), ({"release": None}, "shutdown")]
)
def test_the_release_method_is_named_or_recognised(options, method):
    """What the collection names comes first, then the usual names."""

    class Phone:
        name = "phone"

        def __init__(self):
            self.called = []

        def hang_up(self):
            self.called.append("hang_up")

        def shutdown(self):
            self.called.append("shutdown")

    backends = BackendCollection(**options)
    phone = backends.add(Phone())
    backends.cleanup()
    assert phone.called == [method]


def test_a_release_function_and_backends_without_a_release():
    """`release` may be a function; a backend without any release method needs none."""

    class Bare:
        name = "bare"

    seen = []
    backends = BackendCollection(release=seen.append)
    bare = backends.add(Bare())
    backends.cleanup()
    assert seen == [bare]
    other = BackendCollection()
    other.add(Bare())
    assert other.cleanup().released == ("bare",)


def test_a_backend_that_can_only_be_released_in_an_event_loop_is_an_error():
    """A coroutine that nobody awaits is not taken for a release; one that is not a coroutine goes before it."""

    class Async:
        name = "async"

        async def aclose(self): ...

    class Both(Async):
        name = "both"
        closed = False

        def close(self):
            self.closed = True

    backends = BackendCollection()
    backends.add(Async())
    both = backends.add(Both())
    with pytest.raises(ExceptionGroup) as caught:
        backends.cleanup()
    assert both.closed
    assert "is a coroutine" in str(caught.value.exceptions[0])


def test_at_exit(run_python):
    """A cleanup registered with atexit releases all, and prints the group when a release fails."""
    stdout, stderr, status = run_python("""
import atexit
from lifetrack import BackendCollection
class B:
    def __init__(self, name): self.name = name
    def close(self):
        print("closed", self.name, flush=True)
        backends.cleanup()
        if self.name == "b": raise OSError("stuck")
backends = BackendCollection("tls")
atexit.register(backends.cleanup)
for name in "abc": backends.add(B(name))
""")
    assert stdout == "closed c\nclosed b\nclosed a\n"
    assert status == 0
    assert "ExceptionGroup: 1 backend of collection 'tls' failed to be released: OSError" in stderr


def test_a_forked_child_can_go_on(run_python):
    """A child of a process in the middle of a cleanup neither hangs nor waits for a thread that it does not have."""
    stdout, stderr, status = run_python("""
import os, sys, threading, time
from lifetrack import BackendCollection
inside, go_on = threading.Event(), threading.Event()
class B:
    name = "b"
    def close(self):
        inside.set(); go_on.wait(20)
backends = BackendCollection("tls")
backends.add(B())
thread = threading.Thread(target=backends.cleanup); thread.start(); inside.wait(20)
child = os.fork()
if child == 0:
    backends.cleanup()
    os._exit(7)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
go_on.set(); thread.join()
print(status)
""", python_flags=["-W", "ignore"])  # fmt: skip
    assert (stdout, stderr, status) == ("7\n", "", 0)
