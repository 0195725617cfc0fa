"""Lending and replacing: nothing is released under its borrower's hands."""

from __future__ import annotations

import threading

import pytest

from lifetrack import BackendCollection, BackendError
from tests.backends.conftest import Plain


def test_a_replaced_backend_is_released_when_its_last_borrow_ends():
    """New borrowers get the new one at once; the old one lives as long as somebody has it."""
    backends = BackendCollection()
    old, new = backends.add(Plain("tls")), Plain("tls")
    backends.add(Plain("other"))
    first, second = backends.borrowed("tls"), backends.borrowed("tls")
    assert first.__enter__() is old
    assert second.__enter__() is old
    backends.replace("tls", new)
    assert backends.names() == ("tls", "other")
    assert backends.get("tls") is new
    with backends.borrowed("tls") as now:
        assert now is new
    first.__exit__(None, None, None)
    assert old.closed == 0
    second.__exit__(None, None, None)
    assert old.closed == 1
    backends.cleanup()
    assert (old.closed, new.closed) == (1, 1)


def test_what_nobody_borrows_is_released_at_once():
    """The replacing thread releases it, and is told what its release raises; the new one is in place all the same."""

    def fail(backend):
        raise OSError("stuck")

    backends = BackendCollection()
    backends.add(Plain("tls", fail))
    new = Plain("tls")
    with pytest.raises(OSError, match="stuck") as caught:
        backends.replace("tls", new)
    assert "released 'tls'" in caught.value.__notes__[0]
    assert backends.get("tls") is new


class Report(OSError):
    """An error with an attribute that groups have, too, and which is something else here."""

    exceptions = None


@pytest.mark.parametrize("kind", [OSError, Report])
def test_a_late_release_that_fails_is_no_error_of_the_borrower(caplog, kind):
    """It is logged when it happens, and raised by the cleanup, without the frames of the borrower."""

    def fail(backend):
        raise kind("stuck")

    backends = BackendCollection("tls")
    backends.add(Plain("a", fail))
    with backends.borrowed("a"):
        backends.replace("a", Plain("a"))
    assert "the release of 'a' failed" in caplog.text
    with pytest.raises(ExceptionGroup) as caught:
        backends.cleanup()
    (error,) = caught.value.exceptions
    assert str(error) == "stuck"
    assert error.__traceback__ is None


def test_the_cleanup_lists_what_is_still_borrowed(caplog):
    """Borrowed or not, everything is released; who held it, and where, is in the result, the log and the error."""
    backends = BackendCollection("tls")
    backend, replaced = backends.add(Plain("a")), backends.add(Plain("b"))
    loans = [backends.borrowed("a"), backends.borrowed("b")]
    for loan in loans:
        loan.__enter__()
    backends.replace("b", Plain("b"))
    done = backends.cleanup()
    assert sorted(each.name for each in done.held) == ["a", "b"]
    assert all("test_lending.py:" in each.place and each.thread == "MainThread" for each in done.held)
    assert "still borrowed at" in caplog.text
    assert (backend.closed, replaced.closed) == (1, 1)
    for loan in loans:
        loan.__exit__(None, None, None)
    assert (backend.closed, replaced.closed) == (1, 1)


def test_a_removed_backend_is_released_after_its_borrow_on_request():
    """`remove(release=True)` waits for the borrower as `replace` does."""
    backends = BackendCollection()
    backend = backends.add(Plain("a"))
    with backends.borrowed("a"):
        backends.remove("a", release=True)
        with pytest.raises(BackendError):
            backends.get("a")
        assert backend.closed == 0
    assert backend.closed == 1


def test_replacing_under_many_users():
    """While threads borrow and use, another one swaps: nobody ever holds what is released, each is released once."""
    backends = BackendCollection()
    made = [backends.add(Plain("tls"))]
    wrong, stop = [], threading.Event()

    def use():
        while not stop.is_set():
            with backends.borrowed("tls") as backend:
                before = backend.closed
                if before or backend.use() != "tls" or backend.closed:
                    wrong.append(backend)

    threads = [threading.Thread(target=use) for _ in range(20)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        made.append(Plain("tls"))
        backends.replace("tls", made[-1])
    stop.set()
    for thread in threads:
        thread.join(20)
    backends.cleanup()
    assert wrong == []
    assert {each.closed for each in made} == {1}


def test_one_borrow_object_in_several_threads():
    """Each thread gives back what it has borrowed itself, though they share the context manager."""
    backends = BackendCollection()
    old = backends.add(Plain("a"))
    shared = backends.borrowed("a")
    inside, go_on = threading.Event(), threading.Event()

    def use():
        with shared:
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=use)
    thread.start()
    assert inside.wait(10)
    backends.replace("a", Plain("a"))
    with shared as new:
        assert new is not old
    assert old.closed == 0
    go_on.set()
    thread.join(10)
    assert old.closed == 1
    backends.cleanup()


REGISTRY = {}


def test_who_still_has_a_released_backend_is_told():
    """After the cleanup the holders are named, with the way to the backend; what nobody has is not listed."""
    backends = BackendCollection()
    REGISTRY["tls"] = [backends.add(Plain("kept"))]
    backends.add(Plain("gone"))
    backends.cleanup()
    (held,) = backends.find_held()
    assert (held.name, held.type) == ("kept", "tests.backends.conftest.Plain")
    assert held.held_by == ((f"{__name__} (module)", "REGISTRY (dict)", "['tls'] (list)", "[0]"),)
    assert "'kept' (tests.backends.conftest.Plain) was released and is still held by" in str(held)
    assert str(held).endswith(f"{__name__}.REGISTRY['tls'][0]")
    REGISTRY.clear()
    assert backends.find_held() == ()
