"""What lives as long as the process: shown apart, whether the records see it, or the operating system, or both."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.reports.model import Report
    from lifetrack.tracker import Tracker
    from tests.conftest import RunPython

BOTH = [False, True]
each_way = pytest.mark.parametrize("witness", BOTH, ids=["records", "witness"])


def apart(report: Report) -> list[tuple[str, str]]:
    return sorted({(each.kind, each.why) for each in report.lasting})


def started(tracker: Tracker, witness: bool) -> Tracker:
    if witness:
        pytest.importorskip("psutil")
    tracker.start(policy="record", watch="stdlib", report=False)
    return tracker


@each_way
def test_the_default_executor_of_asyncio(tracker: Tracker, witness: bool) -> None:
    """Neither the executor that a loop makes for itself nor its threads are leaks of a scope inside the loop."""
    started(tracker, witness)

    async def work() -> None:
        with tracker.scope("job", witness=witness):
            await asyncio.to_thread(int)

    asyncio.run(work())
    report = tracker.report()
    assert [found.message for found in report.findings] == []
    assert apart(report) == [("thread", "the default executor of an asyncio loop")]


@each_way
def test_an_executor_that_a_loop_was_given(tracker: Tracker, witness: bool) -> None:
    """A loop ends its default executor when it is closed, whoever has made it; any other executor is a leak."""
    started(tracker, witness)

    async def work() -> None:
        with tracker.scope("job", witness=witness):
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="ours"))
            await asyncio.to_thread(int)

    asyncio.run(work())
    report = tracker.report()
    with tracker.scope("other", witness=witness):
        other = ThreadPoolExecutor(1)
    found = [finding.resource.type for finding in tracker.report().findings]
    other.shutdown()
    assert [finding.message for finding in report.findings] == []
    assert apart(report) == [("thread", "the default executor of an event loop")]
    assert found == ["concurrent.futures.thread.ThreadPoolExecutor"]


@each_way
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_worker_threads_of_anyio(run_python: RunPython, witness: bool, backend: str) -> None:
    """The caches of worker threads are kept by anyio and trio on purpose."""
    pytest.importorskip("anyio")
    pytest.importorskip("trio")
    if witness:
        pytest.importorskip("psutil")
    done = run_python(
        "import anyio, anyio.to_thread, lifetrack\n"
        "lifetrack.start(watch='stdlib', policy='record')\n"
        "async def work():\n"
        f"    with lifetrack.scope('job', witness={witness}):\n"
        "        await anyio.to_thread.run_sync(int)\n"
        f"anyio.run(work, backend={backend!r})\n"
        "report = lifetrack.report()\n"
        "print([found.message for found in report.findings], sorted({each.why for each in report.lasting}))\n"
    )
    library = "anyio" if backend == "asyncio" else "trio"
    assert done.stdout == f"[] ['the worker-thread cache of {library}']\n", done.stderr


@each_way
def test_workers_of_joblib(run_python: RunPython, witness: bool, tmp_path: Any) -> None:
    """Loky's executor is kept for the next call: its processes, pipes and threads are shown once, apart."""
    pytest.importorskip("joblib")
    program = tmp_path / "program.py"
    program.write_text(
        "import lifetrack\n"
        "from joblib import Parallel, delayed\n"
        "if __name__ == '__main__':\n"
        "    lifetrack.start(watch='stdlib', policy='record')\n"
        f"    with lifetrack.scope('job', witness={witness}):\n"
        "        Parallel(n_jobs=2)(delayed(abs)(number) for number in range(4))\n"
        "    report = lifetrack.report()\n"
        "    print([found.message for found in report.findings], sorted({each.why for each in report.lasting}))\n"
    )
    done = run_python(program)
    assert done.stdout.startswith("[] [")
    assert "loky's reusable executor" in done.stdout


def test_the_user_adds_what_a_record_is_about(tracker: Tracker) -> None:
    """A line of one's own holds for watched threads too, without the operating system."""
    from lifetrack.witness.lasting import add

    tracker.start(policy="record", watch="threading", report=False)
    stop, remove = threading.Event(), add("thread", "metrics-*", "the metrics of the program")
    with tracker.scope("job"):
        threads = [threading.Thread(target=stop.wait, name=name) for name in ("metrics-1", "poller")]
        for thread in threads:
            thread.start()
    report = tracker.report()
    remove()
    stop.set()
    for thread in threads:
        thread.join()
    assert [found.rule for found in report.findings] == ["LT103"]
    assert [(each.name, each.why) for each in report.lasting] == [("metrics-1", "the metrics of the program")]
    assert report.to_text().count("Lives as long as the process (1):") == 1


@each_way
def test_a_scope_with_nothing_pending_does_not_wait(
    tracker: Tracker, witness: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settle time is spent on threads that may just be ending, not on other leaks and not on an empty scope."""
    monkeypatch.setattr("lifetrack.values.budgets.SECONDS", -1e9)  # time is not to be spent on who holds it either
    started(tracker, witness)
    kept = []
    begun = time.monotonic()
    for _ in range(10):
        with tracker.scope("leaky", witness=witness):
            kept.append(open(__file__))
        with tracker.scope("idle", witness=witness):
            pass
    assert time.monotonic() - begun < 0.5  # once would be half a second
    for file in kept:
        file.close()


@each_way
def test_the_settle_time_has_a_ceiling(tracker: Tracker, witness: bool) -> None:
    """A thread that goes on is told after half a second; one that ends is waited for no longer than it takes."""
    started(tracker, witness)
    begun = time.monotonic()
    with tracker.scope("ending", witness=witness):
        threading.Thread(target=time.sleep, args=(0.05,)).start()
    ending = time.monotonic() - begun
    silent = tracker.find_leaks()
    stop = threading.Event()
    begun = time.monotonic()
    with tracker.scope("going on", witness=witness):
        thread = threading.Thread(target=stop.wait)
        thread.start()
    going_on = time.monotonic() - begun
    found = tracker.find_leaks()
    stop.set()
    thread.join()
    assert silent == []
    assert [finding.rule for finding in found] == ["LT103"]
    assert ending < going_on
    assert 0.45 < going_on


def test_the_end_of_the_process_waits_for_threads_too(run_python: RunPython) -> None:
    """A thread that Python has joined may be a moment longer in the system: it is given time, and is no finding."""
    pytest.importorskip("psutil")
    program = (
        "import threading, time, _thread\n"
        "threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(20)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "_thread.start_new_thread(time.sleep, (0.2,))\n"
    )
    done = run_python("", "run", "--witness", "-c", program, python_flags=["-m", "lifetrack"])
    assert "no findings" in done.stderr, done.stderr


def test_a_pipe_of_multiprocessing_is_told_once(tracker: Tracker) -> None:
    """A recorded connection explains its descriptor: it is LT103 alone."""
    started(tracker, True)
    with tracker.scope("job", witness=True):
        reader, writer = multiprocessing.Pipe(duplex=False)
    found = [finding.rule for finding in tracker.report().findings for _ in range(finding.count)]
    reader.close()
    writer.close()
    assert found == ["LT103", "LT103"]


def test_what_loops_have_is_looked_for_once(run_python: RunPython) -> None:
    """In one pass over the records: not for each executor and its threads, as everything in memory is asked."""
    done = run_python(
        "import lifetrack, sys, threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "import asyncio\n"
        "asked, go_on = [], threading.Event()\n"
        "def listen(event, arguments):\n"
        "    if event == 'gc.get_referrers' and asyncio.AbstractEventLoop in arguments[0]:\n"
        "        asked.append(event)\n"
        "sys.addaudithook(listen)\n"
        "lifetrack.start(watch='stdlib', policy='record')\n"
        "executors = [ThreadPoolExecutor(4) for _ in range(2)]\n"
        "for number in range(8):\n"
        "    executors[number % 2].submit(go_on.wait)\n"
        "for _ in range(2):\n"
        "    found = lifetrack.report().findings\n"
        "    print(len(asked), len(found) > 0)\n"
        "go_on.set()\n"
        "for executor in executors:\n"
        "    executor.shutdown()\n"
    )
    assert done.stdout == "1 True\n2 True\n", done.stderr


def test_a_thread_that_ends_while_it_is_judged_is_no_leak(run_python: RunPython) -> None:
    """Between two questions about a thread it may end, and be gone: it is looked at once more before it is filed."""
    program = (
        "import threading, time\n"
        "class Ending(threading.Thread):\n"
        "    go, judged = threading.Event(), False\n"
        "    @property\n"
        "    def daemon(self):\n"
        "        if not self.judged:\n"
        "            return True\n"
        "        self.go.set()\n"
        "        while self.is_alive(): time.sleep(0.001)\n"
        "        return False\n"
        "    @daemon.setter\n"
        "    def daemon(self, value): pass\n"
        "Ending(target=Ending.go.wait).start()\n"
        "Ending.judged = True\n"
    )
    done = run_python("", "run", "-c", program, python_flags=["-m", "lifetrack"])
    assert done.stderr.startswith("lifetrack: no findings; 1 acquired"), done.stderr
