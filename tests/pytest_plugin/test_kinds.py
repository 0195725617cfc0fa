"""Every kind of test and fixture keeps its own: asynchronous ones, subtests, doctests, properties, reruns, timeouts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Run

HEAD = "from resources import *\n"


def owners(pytester: pytest.Pytester) -> dict[str, str | None]:
    """Read the report: whose each finding is, and in which test it was acquired. Each is one resource."""
    findings: list[dict[str, Any]] = json.loads((pytester.path / "out.json").read_text())["findings"]
    return {
        each["owner"]["name"].rpartition("::")[2]: None if each["test"] is None else each["test"].rpartition("::")[2]
        for each in findings
    }


def test_a_function_fixture_is_named_as_the_owner(pytester: pytest.Pytester, run: Run) -> None:
    """Its leak fails the test that used it; what its setup, its teardown and its helpers made has its name."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture
def at_setup():
    return keep()
@pytest.fixture
def at_teardown():
    yield
    KEPT.append(Backend())
@pytest.fixture
def with_finalizer(request):
    request.addfinalizer(lambda: KEPT.append(Backend()))
@pytest.fixture(autouse=True)
def inner(): return Backend().close()
def test_setup(at_setup): pass
def test_teardown(at_teardown): pass
def test_finalizer(with_finalizer): pass
def test_late(request):
    request.getfixturevalue("at_setup")
    Backend().close()
def test_itself(at_setup):
    at_setup.close()
    KEPT.append(Backend())
"""
    )
    result = run("--lifetrack-report=out.json")
    result.assert_outcomes(passed=5, errors=5)
    assert owners(pytester) == {
        "at_setup (function)": "test_setup",
        "at_teardown (function)": "test_teardown",
        "with_finalizer (function)": "test_finalizer",
        "test_itself": "test_itself",
    }


def test_a_test_closes_what_a_fixture_opened_and_the_other_way_round(pytester: pytest.Pytester, run: Run) -> None:
    """Who releases does not matter, as long as somebody does in time."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture
def handed(): return Backend()
@pytest.fixture
def closing():
    made = []
    yield made
    for backend in made: backend.close()
@pytest.fixture(scope="session")
def lent():
    backend = Backend()
    yield backend
    backend.close()
def test_closes(handed): handed.close()
def test_leaves(closing): closing.append(Backend())
@pytest.mark.parametrize("number", range(3))
def test_borrows(lent, number):
    holder = [lent]
    holder.append(holder)
"""
    )
    result = run()
    result.assert_outcomes(passed=5)
    assert result.ret == pytest.ExitCode.OK


def test_fixtures_that_fail(pytester: pytest.Pytester, run: Run) -> None:
    """What a failing setup or teardown leaves is shown as its consequence; what was made before is judged as ever."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="module")
def healthy():
    backend = Backend()
    yield backend
    backend.close()
@pytest.fixture
def broken_setup(healthy):
    backend = Backend()
    raise OSError("no setup")
@pytest.fixture
def broken_teardown(healthy):
    yield Backend()
    raise OSError("no teardown")
def test_setup(broken_setup): pass
def test_teardown(broken_teardown): pass
def test_after(healthy): keep()
"""
    )
    result = run("-rA")
    result.assert_outcomes(passed=2, errors=3)
    result.stdout.fnmatch_lines_random(["*no setup*", "*no teardown*", "leaked resources.Backend from *in keep"])
    assert result.stdout.str().count("lifetrack: left open, after the failure above") == 2


def test_a_fixture_that_is_torn_down_early(pytester: pytest.Pytester, run: Run) -> None:
    """Each setup of a parametrised fixture is judged when the next one begins, with what stands on it."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture(scope="session", params=["a", "b"])
def outer(request):
    backend = Backend()
    yield backend
    backend.close()
@pytest.fixture(scope="session")
def inner(outer):
    backend = Backend()
    yield backend
    if len(KEPT): KEPT.append(Backend())
    backend.close()
def test_one(inner): pass
def test_two(inner, outer): KEPT.append(1)
"""
    )
    result = run("--lifetrack-report=out.json")
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert owners(pytester) == {"inner (session)": None}


def test_threads_and_executors(pytester: pytest.Pytester, run: Run) -> None:
    """A thread acquires for whoever started it, work of an executor for whoever submitted it, whatever runs then."""
    pytester.makepyfile(
        HEAD
        + """
import queue, threading
from concurrent.futures import ThreadPoolExecutor
class Worker(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.jobs, self.done = queue.Queue(), queue.Queue()
    def run(self):
        while (job := self.jobs.get()) is not None:
            job()
            self.done.put(1)
@pytest.fixture(scope="session")
def worker():
    worker = Worker()
    worker.start()
    yield worker
    worker.jobs.put(None)
    worker.join()
@pytest.fixture(scope="session")
def executor():
    with ThreadPoolExecutor(1) as executor: yield executor
def test_a(executor): executor.submit(Backend().close).result()
def test_submits(executor): executor.submit(lambda: KEPT.append(Backend())).result()
def test_server(worker):
    worker.jobs.put(lambda: KEPT.append(Backend()))
    worker.done.get(timeout=20)
def test_thread():
    thread = threading.Thread(target=lambda: KEPT.append(Backend()))
    thread.start()
    thread.join()
"""
    )
    result = run("--lifetrack-report=out.json", "-v")
    result.assert_outcomes(passed=4, errors=2)
    assert owners(pytester) == {
        "test_submits": "test_submits",
        "test_thread": "test_thread",
        "worker (session)": None,
    }


def test_a_thread_that_outlives_its_test(pytester: pytest.Pytester, run: Run) -> None:
    """What it acquires during another test, or drops there, is still the first one's, told at the end of the run."""
    pytester.makepyfile(
        HEAD
        + """
import threading
GO = threading.Event()
THREADS = []
def work():
    GO.wait(20)
    KEPT.append(Backend())
def test_starter():
    THREADS.append(threading.Thread(target=work))
    THREADS[0].start()
def test_meanwhile():
    GO.set()
    THREADS[0].join()
"""
    )
    result = run("--lifetrack-report=out.json")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert owners(pytester) == {"test_starter": "test_starter"}


ANYIO = """
import anyio
@pytest.fixture(scope="session")
def anyio_backend(): return "{backend}"
@pytest.fixture(scope="session")
async def shared(anyio_backend):
    backend = Backend()
    yield backend
    backend.close()
@pytest.fixture(scope="module")
async def forgetful(anyio_backend):
    yield 1
    LATE.append(Backend())
LATE = []  # of its own: what its teardown names is due after it
@pytest.fixture
async def narrow(anyio_backend): KEPT.append(Backend())
@pytest.mark.anyio
async def test_clean(shared, forgetful):
    Backend().close()
    await anyio.sleep(0)
@pytest.mark.anyio
async def test_leaky(shared):
    await anyio.sleep(0)
    KEPT.append(Backend())
@pytest.mark.anyio
async def test_group(shared):
    async def work():
        await anyio.sleep(0)
        KEPT.append(Backend())
    async with anyio.create_task_group() as group: group.start_soon(work)
@pytest.mark.anyio
async def test_thread(shared): await anyio.to_thread.run_sync(lambda: KEPT.append(Backend()))
@pytest.mark.anyio
async def test_narrow(shared, narrow): pass
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(pytester: pytest.Pytester, run: Run, backend: str) -> None:
    """One task runs all of them, and still each test and fixture acquires for itself."""
    pytest.importorskip("anyio")
    pytester.makepyfile(HEAD + ANYIO.format(backend=backend))
    result = run("--lifetrack-report=out.json", "-v")
    result.assert_outcomes(passed=5, errors=4)
    assert owners(pytester) == {
        "test_leaky": "test_leaky",
        "test_group": "test_group",
        "test_thread": "test_thread",
        "narrow (function)": "test_narrow",
        "forgetful (module)": None,
    }


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
def test_asyncio_loops_of_every_scope(pytester: pytest.Pytester, run: Run, scope: str) -> None:
    """Under pytest-asyncio, a loop that several tests share changes nothing about who acquires."""
    pytest.importorskip("pytest_asyncio")
    pytester.makepyfile(
        HEAD
        + f"""
import asyncio, pytest_asyncio
@pytest_asyncio.fixture(scope={scope!r}, loop_scope={scope!r})
async def shared():
    backend = Backend()
    yield backend
    backend.close()
@pytest_asyncio.fixture(loop_scope={scope!r})
async def narrow(): KEPT.append(Backend())
@pytest.mark.asyncio(loop_scope={scope!r})
class TestIt:
    async def test_clean(self, shared): Backend().close()
    async def test_leaky(self, shared):
        await asyncio.sleep(0)
        KEPT.append(Backend())
    async def test_task(self, shared):
        async def work(): KEPT.append(Backend())
        await asyncio.create_task(work())
    async def test_thread(self, shared): await asyncio.to_thread(lambda: KEPT.append(Backend()))
    async def test_narrow(self, narrow): pass
"""
    )
    result = run("--lifetrack-report=out.json")
    result.assert_outcomes(passed=5, errors=4)
    assert owners(pytester) == {
        "test_leaky": "test_leaky",
        "test_task": "test_task",
        "test_thread": "test_thread",
        "narrow (function)": "test_narrow",
    }


def test_trio(pytester: pytest.Pytester, run: Run) -> None:
    """Under pytest-trio, a test owns what its nursery and its asynchronous fixtures make."""
    pytest.importorskip("pytest_trio")
    pytester.makepyfile(
        HEAD
        + """
import trio
@pytest.fixture
async def shared():
    backend = Backend()
    yield backend
    backend.close()
@pytest.mark.trio
async def test_clean(shared): await trio.sleep(0)
@pytest.mark.trio
async def test_leaky(shared, nursery):
    async def work(): KEPT.append(Backend())
    nursery.start_soon(work)
"""
    )
    result = run("--lifetrack-report=out.json", "-p", "no:asyncio", "-p", "no:anyio")
    result.assert_outcomes(passed=2, errors=1)
    assert owners(pytester) == {"test_leaky": "test_leaky"}


def test_asyncio_test_cases(pytester: pytest.Pytester, run: Run) -> None:
    """IsolatedAsyncioTestCase: its setups, cleanups and its loop are the test's own; subTest is a part of its test."""
    pytester.makepyfile(
        HEAD
        + """
import unittest
class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.own = Backend()
        self.addAsyncCleanup(self.done)
    async def done(self): self.own.close()
    async def test_clean(self): self.own.use()
    async def test_leaky(self): KEPT.append(Backend())
class TestParts(unittest.TestCase):
    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                if number == 1: KEPT.append(Backend())
    @unittest.expectedFailure
    def test_expected(self):
        KEPT.append(Backend())
        self.fail("as expected")
    @unittest.skip("not now")
    def test_skipped(self): KEPT.append(Backend())
"""
    )
    result = run("--lifetrack", "--lifetrack-report=out.json", "-v", flag=False)
    result.stdout.fnmatch_lines_random(["*test_leaky ERROR*", "*test_parts ERROR*", "*test_expected XFAIL*"])
    assert set(owners(pytester)) == {"test_leaky", "test_parts", "test_expected"}
    result.stdout.no_fnmatch_line("*test_expected ERROR*")


def test_subtests(pytester: pytest.Pytester, run: Run) -> None:
    """What a subtest leaks is its test's; a failing subtest shows it as a consequence."""
    if not hasattr(pytest, "Subtests"):
        pytest.skip("this pytest has no subtests")
    pytester.makepyfile(
        HEAD
        + """
def test_parts(subtests):
    for number in range(3):
        with subtests.test(number=number):
            if number == 1: KEPT.append(Backend())
def test_failing(subtests):
    with subtests.test("bad"):
        KEPT.append(Backend())
        raise OSError("of itself")
"""
    )
    result = run("--lifetrack-report=out.json", "-v")
    result.stdout.fnmatch_lines_random(["*test_parts ERROR*", "*of itself*"])
    assert set(owners(pytester)) == {"test_parts", "test_failing"}
    result.stdout.no_fnmatch_line("*test_failing ERROR*")


def test_doctests_that_leak(pytester: pytest.Pytester, run: Run) -> None:
    """A doctest is blamed like any test."""
    pytester.makepyfile(mine='def f():\n    """\n    >>> import resources; _ = resources.keep()\n    """\n')
    result = run("--doctest-modules", "mine.py")
    result.assert_outcomes(passed=1, errors=1)


def test_hypothesis(pytester: pytest.Pytester, run: Run) -> None:
    """All examples of a property are one test."""
    pytest.importorskip("hypothesis")
    pytester.makepyfile(
        HEAD
        + """
from hypothesis import given, settings, strategies as st
@given(st.integers())
@settings(max_examples=5, database=None, derandomize=True)
def test_clean(number): Backend().close()
@given(st.integers())
@settings(max_examples=5, database=None, derandomize=True)
def test_leaky(number): KEPT.append(Backend())
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_leaky ERROR*", "*5 x resources.Backend*"])


def test_reruns(pytester: pytest.Pytester, run: Run) -> None:
    """Each run of a test is judged for itself: what a failing one left is its consequence, the last one counts."""
    pytest.importorskip("pytest_rerunfailures")
    pytester.makepyfile(
        HEAD
        + """
TIMES = []
@pytest.fixture(scope="module")
def shared():
    backend = Backend()
    yield backend
    backend.close()
def test_flaky(shared):
    backend = Backend()
    TIMES.append(1)
    if len(TIMES) == 1:
        KEPT.append(backend)
        raise OSError("once")
    backend.close()
"""
    )
    result = run("--reruns=2", "-p", "no:flaky")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*1 passed, 1 rerun*"])


def test_timeouts(pytester: pytest.Pytester, run: Run) -> None:
    """A test that is timed out by a signal fails of that; what it left is a consequence, and the next one is clean."""
    pytest.importorskip("pytest_timeout")
    pytester.makepyfile(
        HEAD
        + """
import time
@pytest.mark.timeout(0.2, method="signal")
def test_slow():
    KEPT.append(Backend())
    time.sleep(20)
def test_after(): Backend().close()
"""
    )
    result = run("-p", "timeout", "-v", fresh=True)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*left open, after the failure above*"])


@pytest.mark.parametrize("strict", [True, False])
def test_expected_failures(pytester: pytest.Pytester, run: Run, strict: bool) -> None:
    """A test that fails as expected leaks as a consequence; one that passes against expectation is judged as it is."""
    pytester.makepyfile(
        HEAD
        + f"""
@pytest.mark.xfail(strict={strict})
def test_fails():
    KEPT.append(Backend())
    raise OSError
@pytest.mark.xfail(strict={strict})
def test_passes(): Backend().close()
"""
    )
    result = run()
    result.assert_outcomes(xfailed=1, failed=int(strict), xpassed=int(not strict))


def test_the_last_failed_are_those_that_leak(pytester: pytest.Pytester, run: Run) -> None:
    """``--lf`` runs a leaking test again, and ``--maxfail`` counts it."""
    pytester.makepyfile(HEAD + "def test_a(): Backend().close()\ndef test_b(): keep()\ndef test_c(): keep()\n")
    run("-p", "cacheprovider").assert_outcomes(passed=3, errors=2)
    run("--lf").assert_outcomes(passed=2, errors=2)
    run("--maxfail=1").assert_outcomes(passed=2, errors=1)


def test_a_run_that_is_ended_by_a_test(pytester: pytest.Pytester, run: Run) -> None:
    """``pytest.exit`` keeps its status; what was found before it is told, what was open then is no leak."""
    pytester.makepyfile(HEAD + "def test_a(): keep()\ndef test_b():\n    keep()\n    pytest.exit('enough', 7)\n")
    result = run("--lifetrack-report=out.json")
    assert result.ret == 7
    assert owners(pytester) == {"test_a": "test_a"}


def test_pytester_inside_a_test(pytester: pytest.Pytester, run: Run) -> None:
    """A run inside a test, in its process, is watched with that test, and its tests are not blamed for others'."""
    pytester.makeconftest("pytest_plugins = ['pytester']")
    pytester.makepyfile(
        HEAD
        + """
def test_inner(pytester):
    pytester.makepyfile("def test_it(): open(__file__).close()")
    pytester.runpytest_inprocess("-p", "no:rerunfailures", "-p", "no:twisted").assert_outcomes(passed=1)
def test_tools(tmp_path, monkeypatch, capfd, caplog, recwarn, capsys_dummy):
    monkeypatch.setenv("A", "b")
    (tmp_path / "a").write_text("x")
    capfd.readouterr()
@pytest.fixture
def capsys_dummy(): return None
"""
    )
    result = run("--lifetrack", flag=False, fresh=True)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK


TWISTED = """
import pytest, pytest_twisted, socket
from twisted.internet import protocol, reactor, task

def soon(what=lambda: None): return task.deferLater(reactor, 0.01, what)

@pytest_twisted.async_fixture
async def narrow():
    await soon()
    KEPT.append(Backend())
@pytest_twisted.async_yield_fixture
async def ending():
    yield
    await soon()
    KEPT.append(Backend())
@pytest_twisted.async_yield_fixture(scope="module")
async def shared():
    backend = Backend()
    yield backend
    await soon()
    backend.close()
class Server(protocol.Protocol):
    def connectionMade(self):
        KEPT.append(Backend())
        self.transport.loseConnection()

def test_plain(shared): KEPT.append(Backend())
@pytest_twisted.inlineCallbacks
def test_generator(shared):
    yield soon()
    KEPT.append(Backend())
@pytest_twisted.ensureDeferred
async def test_coroutine(shared): await soon(lambda: Backend().close())
@pytest_twisted.ensureDeferred
async def test_narrow(narrow): pass
@pytest_twisted.ensureDeferred
async def test_ending(ending): pass
@pytest_twisted.ensureDeferred
async def test_server():
    port = reactor.listenTCP(0, protocol.Factory.forProtocol(Server), interface="127.0.0.1")
    with socket.create_connection(("127.0.0.1", port.getHost().port)) as peer:
        await soon()
        await soon()
    await port.stopListening()
def test_clean(): Backend().close()
"""


def test_twisted(pytester: pytest.Pytester, run: Run) -> None:
    """The greenlet of the reactor runs all of them, and still each test and fixture acquires for itself."""
    pytest.importorskip("pytest_twisted")
    pytester.makepyfile(HEAD + TWISTED)
    result = run("--lifetrack-report=out.json", "-v", fresh=True)
    result.assert_outcomes(passed=7, errors=5)
    assert owners(pytester) == {
        "test_plain": "test_plain",
        "test_generator": "test_generator",
        "narrow (function)": "test_narrow",
        "ending (function)": "test_ending",
        "test_server": "test_server",
    }
