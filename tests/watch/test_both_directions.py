"""A scope that looks in both directions: what it released of what had been acquired before it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.records import Record


def test_released_inside_and_acquired_before(watching: Tracker) -> None:
    """What was open before the block and released in it is told with its site; all else is not."""
    file, sock, number = open(__file__, "rb"), socket.socket(), os.dup(0)
    folder, kept = tempfile.TemporaryDirectory(), open(__file__, "rb")
    with watching.scope("job", both=True) as scope:
        file.close()
        sock.close()
        os.close(number)
        folder.cleanup()
        open(__file__, "rb").close()
    told = scope.released_before
    with scope:
        kept.close()
    assert [record.resource.type for record in told] == [
        "_io.BufferedReader", "socket.socket", "os.dup", "tempfile.TemporaryDirectory",
    ]  # fmt: skip
    assert {record.state for record in told} == {"released"}
    assert all(record.site is not None and record.site.file == __file__ for record in told)
    assert [record.resource.type for record in scope.released_before] == ["_io.BufferedReader"]


def test_declared_resources(tracker: Tracker) -> None:
    """Declared resources are told of too, with the site of their release; what was only dropped was not released."""
    tracker.start("sites", policy="record", report=False)

    @tracker.tracked
    class Backend:
        def close(self) -> None:
            """Release nothing."""

    backends = [Backend(), Backend()]
    with tracker.scope("job", both=True) as scope:
        backends[0].close()
        del backends[1]
        gc.collect()
    (record,) = scope.released_before
    assert [event.event for event in record.events] == ["acquired", "released"]


def test_not_asked(watching: Tracker) -> None:
    """Without ``both`` nothing is told; each call of a decorated function looks for itself."""
    file: Any = open(__file__, "rb")
    with watching.scope("job") as scope:
        file.close()
    assert scope.released_before == ()
    again = watching.scope("job", both=True)
    other: Any = open(__file__, "rb")
    again(lambda: other.close())()
    assert again.released_before == ()


def test_when_an_exception_goes_out_and_in_a_task(watching: Tracker) -> None:
    """The account is there however the block ends, and has what a worker thread of a task has released."""
    file, sock = open(__file__, "rb"), socket.socket()
    scope = watching.scope("job", both=True)
    with contextlib.suppress(LookupError), scope:
        file.close()
        raise LookupError
    assert [record.resource.type for record in scope.released_before] == ["_io.BufferedReader"]

    async def work() -> tuple[Record, ...]:
        async with watching.scope("task", both=True) as inner:
            await asyncio.to_thread(sock.close)
        return inner.released_before

    assert [record.resource.type for record in asyncio.run(work())] == ["socket.socket"]
