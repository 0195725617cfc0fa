"""Names of threads and tasks, where classes of the program's answer for them: those of the interpreter are noted."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

import lifetrack

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker


class Nameless(threading.Thread):
    """A thread whose name cannot be asked for."""

    @property
    def name(self) -> str:
        """Raise."""
        raise RuntimeError("no name")

    @name.setter
    def name(self, given: str) -> None:
        self._name = given


class NamelessTask(asyncio.Task):
    """A task whose name cannot be asked for."""

    def get_name(self) -> str:
        """Raise."""
        raise RuntimeError("no name")


def test_a_thread_whose_name_raises_works_as_ever(tracker: Tracker) -> None:
    """What it acquires, uses and releases is recorded, with the name that it was given, and nothing raises in it."""
    tracker.start("stacks", policy="record", watch="stdlib", report=False)
    kept: list[Any] = []

    def work() -> None:
        with open(os.devnull, encoding="utf-8") as file:
            kept.append(file.name)
        kept.append(open(os.devnull, encoding="utf-8"))

    thread = Nameless(target=work, name="worker 7")
    thread.start()
    thread.join()
    assert len(kept) == 2
    (finding,) = (each for each in tracker.find_leaks() if each.resource.type.endswith("TextIOWrapper"))
    assert finding.events[0].thread == "worker 7"
    kept[1].close()


def test_a_task_whose_name_raises_works_as_ever(tracker: Tracker) -> None:
    """It has no name then."""
    tracker.start("stacks", policy="record", watch="stdlib", report=False)

    async def work() -> None:
        os.close(os.open(os.devnull, os.O_RDONLY))

    async def main() -> None:
        await NamelessTask(work())

    asyncio.run(main())
    assert not tracker.find_leaks()


@pytest.mark.parametrize("made", [Nameless, threading.Thread])
def test_such_a_thread_may_own(tracker: Tracker, made: type[threading.Thread]) -> None:
    """As the owner of something it is told by the name that it was given."""

    @tracker.tracked
    class Resource:
        def close(self) -> None:
            pass

    tracker.start("stacks", policy="record", report=False)
    kept, thread = Resource(), made(name="worker 7")
    lifetrack.transfer(kept, to=thread)
    (finding,) = tracker.find_leaks()
    assert finding.owner.name == "worker 7"
    kept.close()
