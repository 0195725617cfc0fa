"""Functions of libraries that are handed over as they are: to executors, tasks, threads, loops and exit stacks."""

from __future__ import annotations

import asyncio
import functools
import gc
import gzip
import mmap
import os
import select
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding

#: What can be handed over, with its arguments, and how many resources it makes; looked up once it is watched.
MAKERS: dict[str, Callable[[], tuple[Any, tuple[Any, ...], int]]] = {
    "open": lambda: (open, (__file__,), 1),
    "os.open": lambda: (os.open, (__file__, os.O_RDONLY), 1),
    "os.pipe": lambda: (os.pipe, (), 2),
    "os.dup": lambda: (os.dup, (0,), 1),
    "scandir": lambda: (os.scandir, ("/",), 1),
    "mmap": lambda: (mmap.mmap, (-1, 10), 1),
    "epoll": lambda: (select.epoll, (), 1),
    "socket": lambda: (socket.socket, (), 1),
    "sqlite": lambda: (functools.partial(sqlite3.connect, check_same_thread=False), (":memory:",), 1),
    "gzip": lambda: (gzip.open, (__file__,), 1),
    "temporary": lambda: (tempfile.TemporaryFile, (), 1),
    "method": lambda: (Path(__file__).open, (), 1),
    "partial": lambda: (functools.partial(open, __file__), (), 1),
}
KINDS = [kind for kind in MAKERS if kind != "epoll" or hasattr(select, "epoll")]


def _by_submit(executor: ThreadPoolExecutor, make: Any, args: tuple[Any, ...]) -> Any:
    return executor.submit(make, *args).result()  # here


def _by_map(executor: ThreadPoolExecutor, make: Any, args: tuple[Any, ...]) -> Any:
    return next(executor.map(make, *([each] for each in args))) if args else executor.submit(make).result()  # here


def _by_thread(_: ThreadPoolExecutor, make: Any, args: tuple[Any, ...]) -> Any:
    async def main() -> Any:
        return await asyncio.to_thread(make, *args)  # here

    return asyncio.run(main())


def _by_loop(executor: ThreadPoolExecutor, make: Any, args: tuple[Any, ...]) -> Any:
    async def main() -> Any:
        return await asyncio.get_running_loop().run_in_executor(executor, make, *args)  # here

    return asyncio.run(main())


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """One worker, which has worked before."""
    with ThreadPoolExecutor(1) as made:
        made.submit(int).result()
        yield made


def _give_back(made: Any) -> None:
    for each in made if isinstance(made, tuple) else (made,):
        os.close(each) if isinstance(each, int) else each.close()


def _leaks(tracker: Tracker) -> list[Finding]:
    return [each for each in tracker.find_leaks() if "Executor" not in each.resource.type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [_by_submit, _by_map, _by_thread, _by_loop])
def test_work_for_an_executor(
    way: Callable[..., Any],
    kind: str,
    executor: ThreadPoolExecutor,
    watching: Tracker,
    line_of: Callable[[Finding], str],
) -> None:
    """It is found, and the site is the line that handed it over; what is given back is not."""
    make, args, count = MAKERS[kind]()
    _give_back(way(executor, make, args))
    gc.collect()
    assert _leaks(watching) == []
    made = way(executor, make, args)
    found = _leaks(watching)
    assert sum(each.count for each in found) == count
    assert [line_of(each)[-6:] for each in found] == ["# here"] * len(found)
    _give_back(made)
    assert _leaks(watching) == []


def test_the_line_does_not_stay(
    executor: ThreadPoolExecutor, watching: Tracker, line_of: Callable[[Finding], str]
) -> None:
    """What runs in the same worker later has a line of its own."""

    def work() -> Any:
        return open(__file__, "rb")  # own

    first = executor.submit(open, __file__, "rb").result()  # here
    second = executor.submit(work).result()
    third = executor.submit(open, __file__, "rb").result()  # later
    with pytest.raises(FileNotFoundError):
        executor.submit(open, "/no/such/file").result()
    found = watching.find_leaks()
    assert sorted(line_of(each).rpartition("# ")[2] for each in found) == ["here", "later", "own"]
    for each in (first, second, third):
        each.close()


def test_nobody_is_kept_alive(executor: ThreadPoolExecutor, watching: Tracker) -> None:
    """Of the work nothing stays but where it was handed over."""
    import weakref

    class Callable_:
        def __call__(self) -> None:
            pass

    work = Callable_()
    gone = weakref.ref(work)
    executor.submit(work).result()
    del work
    executor.submit(int).result()
    gc.collect()
    assert gone() is None
    assert watching.find_leaks() == []


def _is(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except OSError:
        return False


def test_threads_pools_and_loops(watching: Tracker, tmp_path: Path) -> None:
    """No line of the program's is above it there, and none is made up; it is found all the same."""
    path = tmp_path / "file"
    path.touch()
    kept: list[int] = []
    dup = functools.partial(os.dup, 0)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda make: kept.append(make()), dup)

    asyncio.run(main())
    thread = threading.Thread(target=os.open, args=(path, os.O_RDONLY))
    thread.start()
    thread.join()
    with ThreadPool(1) as pool:
        kept += pool.map(os.dup, [0])
        pool.close()
        pool.join()
    found = [each for each in watching.find_leaks() if each.resource.type in ("os.dup", "os.open")]
    assert sum(each.count for each in found) == 3
    kept += [number for number in range(3, 1000) if _is(number, path)]
    for number in kept:
        os.close(number)


def test_closed_twice(executor: ThreadPoolExecutor, watching: Tracker) -> None:
    """A number that was made so and is another's by now."""
    number = executor.submit(os.open, __file__, os.O_RDONLY).result()
    os.close(number)
    taken = open(__file__, "rb", closefd=True)
    assert taken.fileno() == number
    os.close(number)
    assert [(each.rule, each.certainty.value) for each in watching.report().findings if each.rule == "LT202"] == [
        ("LT202", "proven")
    ]
    with pytest.raises(OSError, match="Bad file descriptor"):
        taken.close()


def test_what_the_standard_library_makes_for_itself(executor: ThreadPoolExecutor, watching: Tracker) -> None:
    """It names what it calls; an executor in between changes nothing."""
    command = [sys.executable, "-c", "pass"]
    executor.submit(subprocess.run, command, capture_output=True, check=True).result()
    executor.submit(os.listdir, "/").result()
    assert len(executor.submit(list, os.walk(Path(__file__).parent)).result()) > 0
    asyncio.run(asyncio.sleep(0))
    assert watching.find_leaks() == []


_IN_THREADS = """
import asyncio, os, sys
import lifetrack
lifetrack.start("{level}", watch="stdlib", policy="record", report=False)
import anyio, trio

async def by_anyio():
    kept.append(await anyio.to_thread.run_sync(open, os.devnull))  # here
    async with await anyio.open_file(os.devnull):
        pass

async def by_file():
    kept.append(await anyio.open_file(os.devnull))  # here

async def by_trio():
    kept.append(await trio.to_thread.run_sync(os.open, os.devnull, os.O_RDONLY))  # here

async def by_own():
    kept.append(await anyio.to_thread.run_sync(lambda: open(os.devnull)))  # here

async def by_method():
    kept.append(await anyio.Path(os.devnull).open())  # here

kept = []
for backend in ("asyncio", "trio"):
    for work in (by_anyio, by_file, by_own, by_method):
        anyio.run(work, backend=backend)
trio.run(by_trio)
lines = [""] + {source}.splitlines()
for found in lifetrack.report().findings:
    print(found.rule, found.count, lines[found.site.line].endswith("# here"), found.site.function)
lifetrack.stop()
import anyio._backends._asyncio, contextvars
print(anyio._backends._asyncio.copy_context is contextvars.copy_context)
print(trio._threads.start_thread_soon is trio.lowlevel.start_thread_soon)
os._exit(0)
"""


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_threads_of_anyio_and_trio(level: str, run_python: RunPython) -> None:
    """Their threads have frames of theirs alone, and the site is the line that handed the work to one."""
    source = _IN_THREADS.replace("{level}", level)
    done = run_python(source.replace("{source}", repr(source)))
    *found, anyio_undone, trio_undone = done.stdout.splitlines()
    assert done.stderr == ""
    assert sorted(found) == [
        "LT101 1 True by_trio", "LT101 2 True by_anyio", "LT101 2 True by_file", "LT101 2 True by_method",
        "LT101 2 True by_own.<locals>.<lambda>",
    ]  # fmt: skip
    assert anyio_undone == trio_undone == "True"
