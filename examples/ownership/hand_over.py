"""A hand-over: one acquires, somebody else releases. First a thread, then a task, then one that forgets.

Run it, and read the report that it ends with:  python examples/ownership/hand_over.py
"""

import asyncio
import threading

import lifetrack


@lifetrack.tracked
class Connection:
    def send(self, text):
        self.sent = text

    def close(self):
        self.open = False


def write_and_close(handle):
    with handle:  # the end of the block releases what the handle owns
        handle.get().send("from a thread")


def to_a_thread():
    handle = lifetrack.Owned(Connection())
    writer = threading.Thread(target=write_and_close, args=[handle.move()], name="writer")
    writer.start()
    writer.join()
    print("this end has nothing left to release:", not handle)


async def forgets(connection):
    connection.send("from a task")  # and does not close it


async def closes(connection):
    connection.send("from a task")
    connection.close()


async def to_a_task(work, name):
    connection = Connection()
    task = asyncio.create_task(work(connection), name=name)
    lifetrack.transfer(connection, to=task)  # the duty is the task's from here on
    await task


if __name__ == "__main__":
    lifetrack.start(policy="record")
    to_a_thread()
    asyncio.run(to_a_task(closes, "good task"))
    asyncio.run(to_a_task(forgets, "forgetful task"))
