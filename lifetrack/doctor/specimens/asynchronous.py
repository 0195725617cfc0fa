"""Specimens of what ``asyncio`` makes."""

from __future__ import annotations

_PIPE = """
import asyncio
import os

async def connect():
    return await loop.connect_{end}_pipe(asyncio.Protocol, file)  # leak

ends = os.pipe()
file = os.fdopen(ends[{near}], "{mode}", buffering=0)
loop = asyncio.SelectorEventLoop()
resource, _ = loop.run_until_complete(connect())
# release
resource.close()
loop.run_until_complete(asyncio.sleep(0.01))
os.close(ends[1 - {near}])
loop.close()
"""

ASYNCHRONOUS: dict[tuple[str, str], str] = {
    ("asyncio.selector_events", "BaseSelectorEventLoop"): """
import asyncio
resource = asyncio.SelectorEventLoop()  # leak
# release
resource.close()
""",
    ("asyncio.selector_events", "_SelectorTransport"): """
import asyncio
import socket

async def connect():
    return await asyncio.open_connection(sock=near)  # leak

async def close():
    resource.close()
    await resource.wait_closed()

near, far = socket.socketpair()
loop = asyncio.SelectorEventLoop()
_, resource = loop.run_until_complete(connect())
# release
loop.run_until_complete(close())
far.close()
loop.close()
""",
    ("asyncio.base_events", "Server"): """
import asyncio

async def serve():
    return await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)  # leak

async def close():
    resource.close()
    await resource.wait_closed()

loop = asyncio.SelectorEventLoop()
resource = loop.run_until_complete(serve())
# release
loop.run_until_complete(close())
loop.close()
""",
    ("asyncio.base_subprocess", "BaseSubprocessTransport"): """
import asyncio
import sys

async def begin():
    return await asyncio.create_subprocess_exec(  # leak
        sys.executable, "-S", "-c", "input()", stdin=asyncio.subprocess.PIPE
    )

async def end():
    await resource.communicate(b"now")
    await asyncio.sleep(0.05)

loop = asyncio.new_event_loop()
resource = loop.run_until_complete(begin())
# release
loop.run_until_complete(end())
loop.close()
""",
    ("asyncio.unix_events", "_UnixReadPipeTransport"): _PIPE.format(end="read", mode="rb", near=0),
    ("asyncio.unix_events", "_UnixWritePipeTransport"): _PIPE.format(end="write", mode="wb", near=1),
}
