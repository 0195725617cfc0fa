"""Specimens of what is written in C, of exit stacks, responses, tasks and asynchronous generators."""

from __future__ import annotations

_LOOP = """
import asyncio
loop = asyncio.SelectorEventLoop()
"""


def _dbm(module: str) -> str:
    return f"""
import {module}
resource = {module}.open(path, "c")  # leak
# release
resource.close()
"""


SYSTEM: dict[tuple[str, str], str] = {
    ("mmap", "mmap"): """
import mmap
resource = mmap.mmap(-1, 16)  # leak
# release
resource.close()
""",
    ("os", "scandir"): """
import os
resource = os.scandir(folder)  # leak
# release
resource.close()
""",
    ("contextlib", "ExitStack"): """
import contextlib
resource = contextlib.ExitStack()
resource.callback(int)  # leak
# release
resource.close()
""",
    ("contextlib", "AsyncExitStack"): f"""{_LOOP}import contextlib
resource = contextlib.AsyncExitStack()
resource.callback(int)  # leak
# release
loop.run_until_complete(resource.aclose())
loop.close()
""",
    ("select", "epoll"): """
import select
resource = select.epoll()  # leak
# release
resource.close()
""",
    ("select", "kqueue"): """
import select
resource = select.kqueue()  # leak
# release
resource.close()
""",
    ("_gdbm", "open"): _dbm("dbm.gnu"),
    ("_dbm", "open"): _dbm("dbm.ndbm"),
    ("dbm.sqlite3", "_Database"): _dbm("dbm.sqlite3"),
    ("http.client", "HTTPConnection"): """
import http.client
resource = http.client.HTTPConnection("127.0.0.1", peers["http"])
resource.connect()  # leak
# release
resource.close()
""",
    ("http.client", "HTTPResponse"): """
import urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
resource = opener.open(f"http://127.0.0.1:{peers['http']}/")  # leak
# release
resource.close()
""",
    ("asyncio.base_events", "BaseEventLoop (tasks)"): f"""{_LOOP}
async def work():
    await stop.wait()

async def begin():
    return asyncio.create_task(work())  # leak

async def end():
    stop.set()
    await resource

stop = asyncio.Event()
resource = loop.run_until_complete(begin())
# release
loop.run_until_complete(end())
loop.close()
""",
    ("asyncio.base_events", "BaseEventLoop (async_generators)"): f"""{_LOOP}
async def numbers():
    with open(path, "w") as file:
        yield file

async def begin():
    await anext(resource)  # leak

resource = numbers()
loop.run_until_complete(begin())
# release
loop.run_until_complete(resource.aclose())
loop.close()
""",
}
