"""Settings that change while something is open: what is watched goes on as if nothing had happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

_PROGRAM = """
import asyncio, concurrent.futures, contextlib, gzip, logging, mmap, multiprocessing, os, select, selectors, shelve
import socket, sqlite3, subprocess, sys, tempfile, threading
from multiprocessing import shared_memory
import lifetrack

def start(level):
    lifetrack.start(level, watch="stdlib", policy="record", report=False)

start("stacks")
ends = contextlib.ExitStack()
folder = tempfile.TemporaryDirectory()
ends.callback(folder.cleanup)
path = os.path.join(folder.name, "file")
for each in (
    open(path, "w"), socket.socket(), mmap.mmap(-1, 100), os.scandir("."), selectors.DefaultSelector(), select.epoll(),
    tempfile.NamedTemporaryFile(), gzip.open(path + ".gz", "w"), shelve.open(path + ".db"), logging.FileHandler(path),
):
    ends.callback(each.close)
connection = sqlite3.connect(":memory:")
ends.callback(connection.close)
ends.callback(connection.cursor().close)
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
ends.callback(child.communicate)
may_end = threading.Event()
thread = threading.Thread(target=may_end.wait)
thread.start()
ends.callback(thread.join)
ends.callback(may_end.set)
executor = concurrent.futures.ThreadPoolExecutor(1)
executor.submit(int).result()
ends.callback(executor.shutdown)
segment = shared_memory.SharedMemory(create=True, size=10)
ends.callback(segment.unlink)
ends.callback(segment.close)
for number in (os.open(path, os.O_RDONLY), os.dup(1), *os.pipe()):
    ends.callback(os.close, number)
lock = threading.Lock()
lock.acquire()
ends.callback(lock.release)

def reads():
    with open(path) as file:
        yield file

generator = reads()
next(generator)
ends.callback(generator.close)

async def main():
    async def answer(reader, writer):
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    task = asyncio.create_task(asyncio.sleep(60))
    start("LEVEL")
    writer.close()
    await writer.wait_closed()
    task.cancel()
    await asyncio.wait([task])
    server.close()
    await server.wait_closed()

asyncio.run(main())
left_open = open(path)
start("stacks")
LEAK
ends.close()
print(sorted({(finding.rule, finding.resource.type) for finding in lifetrack.report().findings}))
"""


@pytest.mark.parametrize("level", ["counts", "sites", "stacks"])
def test_what_is_open_meanwhile_is_released_as_ever(run_python: RunPython, level: str) -> None:
    """Whatever is released after a change was acquired before it, and nothing is found."""
    done = run_python(_PROGRAM.replace("LEVEL", level).replace("LEAK", "left_open.close()"))
    assert done.stdout == "[]\n", done.stderr


def test_what_is_dropped_afterwards_is_found(run_python: RunPython) -> None:
    """What nobody releases is found by those who come after the one that saw it acquired."""
    done = run_python(_PROGRAM.replace("LEVEL", "sites").replace("LEAK", "del left_open"))
    assert done.stdout == "[('LT102', '_io.TextIOWrapper')]\n", done.stderr
