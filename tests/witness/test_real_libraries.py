"""Event loops and executors as they are: what they keep is shown apart, and a clean program has no finding."""

from __future__ import annotations

import asyncio
import concurrent.futures
import subprocess
import sys
import time

import pytest

pytest.importorskip("psutil")

PATIENCE = 5.0


@pytest.fixture
def on(tracker):
    tracker.start(policy="record", watch="stdlib", report=False)
    return tracker


def _assert_only_lasting(tracker, why: str) -> None:
    report = tracker.report()
    assert [finding.message for finding in report.findings] == []
    assert {each.why for each in report.lasting} == {why}


def test_a_clean_asyncio_program(on) -> None:
    """A loop with a server, a client, threads and a child process leaves nothing behind when it is done well."""

    async def talk() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()
            writer.close()
            await writer.wait_closed()
        await asyncio.to_thread(time.sleep, 0.01)
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(1)", stdout=subprocess.PIPE)
        await child.communicate()

    with on.scope("job", witness=True):
        asyncio.run(talk())
    assert [finding.message for finding in on.report().findings] == []


def test_the_thread_that_waits_for_a_child(on) -> None:
    """A child process that outlives its scope is one finding; the thread by which asyncio waits for it is none."""

    async def work() -> None:
        with on.scope("job", witness=True):
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=subprocess.PIPE)
        await child.communicate(b"\n")

    asyncio.run(work())
    found = [(finding.rule, finding.resource.type.rpartition(".")[2]) for finding in on.report().findings]
    assert found == [("LT103", "_UnixSubprocessTransport")]


def test_the_default_executor_of_asyncio(on) -> None:
    """Its threads outlive the scope that first needed them, as long as the loop lives."""

    async def work() -> None:
        with on.scope("job", witness=True):
            await asyncio.to_thread(time.sleep, 0.01)

    asyncio.run(work())
    _assert_only_lasting(on, "the default executor of an asyncio loop")


def test_the_worker_threads_of_anyio(on) -> None:
    """The cache of anyio is known."""
    anyio = pytest.importorskip("anyio")

    async def work() -> None:
        async with on.scope("job", witness=True):
            await anyio.to_thread.run_sync(time.sleep, 0.01)

    anyio.run(work)
    _assert_only_lasting(on, "the worker-thread cache of anyio")


def test_the_worker_threads_of_trio(on) -> None:
    """The cache of trio is known, and outlives its loop for a while."""
    trio = pytest.importorskip("trio")

    async def work() -> None:
        await trio.to_thread.run_sync(time.sleep, 0.01)

    with on.scope("job", witness=True):
        trio.run(work)
    _assert_only_lasting(on, "the worker-thread cache of trio")


def test_an_executor_that_was_shut_down(on) -> None:
    """Its threads have ended; one that was not shut down is a leak of its threads."""
    with on.scope("job", witness=True):
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            list(executor.map(time.sleep, [0.01, 0.01]))
    assert on.report().findings == ()
    with on.scope("job", witness=True):
        left = concurrent.futures.ThreadPoolExecutor(1)
        left.submit(time.sleep, 0.01).result(PATIENCE)
    assert [finding.rule for finding in on.report().findings] == ["LT103"]
    left.shutdown()


def test_a_process_pool_that_was_shut_down(on) -> None:
    """Workers, pipes and the threads that serve them are gone when the block ends."""
    from multiprocessing import get_context

    with on.scope("job", witness=True):
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            assert list(executor.map(abs, [-1])) == [1]
        del executor
    assert [finding.message for finding in on.report().findings] == []
