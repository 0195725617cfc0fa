"""What each thread has of its own is there whoever asks first, also from within the making of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from lifetrack.ledger import moment
from lifetrack.values.each_thread import Made, thread_name
from lifetrack.watchers.locking import holders


class Local(threading.local):
    things = Made(list[str])


def test_each_thread_has_its_own() -> None:
    """It is made once in each thread."""
    local, seen = Local(), []

    def ask() -> None:
        seen.append((local.things, local.things))

    for _ in range(2):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert all(first is second for first, second in seen)
    assert seen[0][0] is not seen[1][0]


class Nested(threading.local):
    thing = Made(lambda: _asking_meanwhile())


nested = Nested()
asked: list[object] = []


def _asking_meanwhile() -> object:
    """Ask for it while it is made, as a finalizer may that the collector runs then."""
    if not asked:
        asked.append(None)
        asked.append(nested.thing)
    return object()


def test_asked_while_it_is_made() -> None:
    """There is one, and both have the same."""
    thing = nested.thing
    assert asked[1] is thing is nested.thing


@pytest.mark.parametrize("ask", [lambda: moment.this_thread(), lambda: holders.local.holder], ids=["who", "holder"])
def test_what_events_and_locks_ask_for(ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread's name is asked for while it is made; a finalizer that runs then has an event of its own."""
    seen: list[object] = []

    def name() -> str:
        if not seen:
            seen.append(None)
            seen.append(ask())
        return "worker"

    for module in (moment, holders):
        monkeypatch.setattr(module, "thread_name", name)
    thread = threading.Thread(target=lambda: seen.append(ask()))
    thread.start()
    thread.join()
    assert len(seen) == 3
    assert seen[1] is seen[2] is not None


@pytest.mark.parametrize("name", ["worker", ""])
def test_name(name: str) -> None:
    """That of the running thread."""
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(thread_name()), name=name or None)
    thread.start()
    thread.join()
    assert seen == [thread.name]
    assert thread_name() == threading.current_thread().name
