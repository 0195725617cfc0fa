"""What is left unfinished: a generator that keeps its file, a stack that is never closed, a task that nobody awaits.

Run it:  python examples/watching/unfinished.py
"""

import asyncio
import contextlib
import tempfile

import lifetrack

lifetrack.start(watch="stdlib", policy="record")


def lines(path):
    with open(path, encoding="utf-8") as file:
        yield from file


with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as temporary:
    temporary.write("first\nsecond\n")
    temporary.flush()

    finished = lines(temporary.name)
    print(list(finished))  # gone through to its end: its file is closed

    with contextlib.closing(lines(temporary.name)) as closed:
        print(next(closed))  # closed where it stands: its file is closed, too

    unfinished = lines(temporary.name)
    print(next(unfinished))  # LT101: its file is open; the finding says where the generator stands

stack = contextlib.ExitStack()
stack.enter_context(tempfile.TemporaryFile())  # LT101: one finding, with the file below it


async def main():
    loop = asyncio.get_running_loop()
    cancelled = loop.create_task(asyncio.sleep(60))  # by asyncio.run(): no finding
    await asyncio.create_task(asyncio.sleep(0))
    print(cancelled.done())


asyncio.run(main())
