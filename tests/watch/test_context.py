"""Scopes follow work into threads: where it was submitted is where it belongs, not where its thread was started."""

from __future__ import annotations

import asyncio
import concurrent.futures
import concurrent.futures.thread
import contextvars
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.ledger.territory import OURS, classify

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker


@pytest.fixture
def place(tracker: Tracker) -> Callable[[], str]:
    """Start a tracker that watches nothing; give the name of the place where the caller runs."""
    tracker.start("sites", policy="record", report=False)
    ledger: Any = tracker.ledger
    return lambda: str(ledger.place.get().name)


def test_submitted_work_belongs_where_it_was_submitted(tracker: Tracker, place: Callable[[], str]) -> None:
    """One worker serves two scopes and the process, each in its own place, whoever started it."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with tracker.scope("first"):
            assert pool.submit(place).result() == "first"
            with tracker.scope("inner"):
                late = pool.submit(place)
            assert late.result() == "inner"
        assert pool.submit(place).result() == "process"
        with tracker.scope("second"):
            assert list(pool.map(lambda _: place(), range(2))) == ["second"] * 2


def test_what_work_acquires_belongs_to_the_scope(watching: Tracker) -> None:
    """A leak in a worker is the leak of the scope that submitted the work."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with watching.scope("job"):
            file = pool.submit(open, __file__, "rb").result()
        findings = [found for found in watching.find_leaks() if found.rule == "LT103"]
        file.close()
    assert [found.scope for found in findings] == ["job"]


def test_asyncio_executors(tracker: Tracker, place: Callable[[], str]) -> None:
    """run_in_executor() and to_thread() carry the place of the task."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        async with tracker.scope("task"):
            inside = [await loop.run_in_executor(None, place), await asyncio.to_thread(place)]
        return [*inside, await loop.run_in_executor(None, place)]

    assert asyncio.run(main()) == ["task", "task", "process"]


def test_new_threads_inherit(tracker: Tracker, place: Callable[[], str]) -> None:
    """A thread that is started in a scope works for it; the program's own variables are not carried over."""
    variable = contextvars.ContextVar("variable", default="default")
    found: list[str] = []
    variable.set("outside")
    plain = contextvars.copy_context().get(variable)

    def work() -> None:
        found.extend((place(), variable.get()))

    before = threading.Thread(target=work)
    before.start()
    before.join()
    with tracker.scope("job"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert plain == "outside"
    assert found[0::2] == ["process", "job"]
    assert found[1] == found[3]


def test_futures_are_as_before(place: Callable[[], str]) -> None:
    """A result, an exception and its traceback come as without us; so do a callback and a cancelled future."""

    def fail() -> None:
        raise KeyError("missing")

    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="named") as pool:
        failed = pool.submit(fail)
        with pytest.raises(KeyError, match="missing"):
            failed.result()
        frames = [frame.name for frame in traceback.extract_tb(failed.exception().__traceback__)]
        assert pool.submit(lambda: threading.current_thread().name).result() == "named_0"
    assert frames[-2:] == ["run", "fail"]
    files = [frame.filename for frame in traceback.extract_tb(failed.exception().__traceback__)]
    assert not any(classify(file) == OURS for file in files)
    assert place() == "process"


def test_undo(tracker: Tracker) -> None:
    """Everything is put back with the last tracker, in whatever order they stop."""
    from lifetrack.tracker import Tracker as AnotherTracker

    item = concurrent.futures.thread._WorkItem
    before = (dict(vars(item)), dict(vars(threading)))
    other = AnotherTracker()
    tracker.start("sites", policy="record", report=False)
    other.start("sites", policy="record", report=False)
    assert dict(vars(item)) != before[0]
    tracker.stop()
    assert dict(vars(item)) != before[0]
    other.stop()
    assert (dict(vars(item)), dict(vars(threading))) == before


def test_an_executor_imported_later(run_python: RunPython) -> None:
    """Tracking imports no executor, and follows into one that is imported later, from its first work on."""
    code = """import sys, lifetrack
before = len(sys.meta_path)
lifetrack.start("sites", policy="record", report=False)
print("concurrent.futures.thread" in sys.modules)
from concurrent.futures import ThreadPoolExecutor
ledger = lifetrack.tracker.default_tracker().ledger
with ThreadPoolExecutor(1) as pool:
    with lifetrack.scope("job"):
        work = [pool.submit(lambda: ledger.place.get().name) for _ in range(2)]
    print([each.result() for each in work], before)
lifetrack.stop()
print(len(sys.meta_path))
"""
    done = run_python(code)
    assert done.stderr == ""
    lines = done.stdout.split("\n")
    assert lines[0] == "False"
    assert lines[1].startswith("['job', 'job']")
    assert lines[1].rpartition(" ")[2] == lines[2]
