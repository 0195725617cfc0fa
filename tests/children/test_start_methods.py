"""Each way of starting a child is followed: its findings stand in the parent's report, with the process named."""

from __future__ import annotations

import pytest

from tests.children.conftest import Family

WORKER = """\
import multiprocessing, os, sys
def leak(_=None):
    global kept
    kept = open(os.devnull)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_of_multiprocessing(family: Family, method: str) -> None:
    """What the child leaks is found once, under its name, whichever way it was started."""
    family.run(WORKER + "    p = context.Process(target=leak, name='worker'); p.start(); p.join()\n", method)
    assert family.leaked_in() == [("LT101", 4, ["worker"])]
    assert [(each["name"], each["ending"]) for each in family.report["processes"]] == [("worker", "normal")]
    assert "(worker)" in family.err


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_workers_of_an_executor(family: Family, method: str) -> None:
    """Every worker reports, and the same leak in several of them is one finding that names them all."""
    family.run(
        WORKER + "    from concurrent.futures import ProcessPoolExecutor\n"
        "    with ProcessPoolExecutor(2, mp_context=context) as executor:\n"
        "        list(executor.map(leak, range(8)))\n",
        method,
    )
    assert sum(each["count"] for each in family.report["findings"]) == 8
    assert {each["site"]["line"] for each in family.report["findings"]} == {4}
    assert 1 <= len(family.report["processes"]) <= 2
    assert {each["ending"] for each in family.report["processes"]} == {"normal"}


def test_the_workers_of_a_pool_that_is_terminated(family: Family) -> None:
    """The end of a pool's block kills its workers; they report all the same."""
    family.run(WORKER + "    with context.Pool(2) as pool:\n        pool.map(leak, range(8), 1)\n", "fork")
    assert sum(each["count"] for each in family.report["findings"]) == 8
    assert {each["ending"] for each in family.report["processes"]} <= {"normal", "signal"}
    # A worker that was killed before its first line has not begun, and has nothing to report.
    assert 1 <= len(family.report["processes"]) <= 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_server_of_a_manager(family: Family, method: str) -> None:
    """What the process of a manager listens on is its own; what a function leaks there that it was given is not."""
    family.run(
        WORKER + "    from multiprocessing.managers import SyncManager\n"
        "    manager = SyncManager(ctx=context)\n"
        "    with manager:\n"
        "        manager.dict()['key'] = 1\n"
        "    manager = SyncManager(ctx=context)\n"
        "    manager.start(leak)\n"
        "    manager.shutdown()\n",
        method,
    )
    assert [(each["rule"], each["site"]["line"]) for each in family.report["findings"]] == [("LT101", 4)]


TERMINATED = """\
import multiprocessing, os, signal, threading, time
def work(lock, ready):
    global kept
    kept = open(os.devnull)
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # in this thread; the other one takes the signal
    ready.set()
    with lock:
        pass
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    lock, ready = context.Lock(), context.Event()
    lock.acquire()
    p = context.Process(target=work, args=(lock, ready), name="worker")
    p.start()
    ready.wait()
    time.sleep(0.3)
    p.terminate()
    p.join()
    lock.release()
"""


def test_a_worker_that_waits_for_a_lock_hears_the_signal_that_did_not_wake_it(family: Family) -> None:
    """A signal that does not interrupt the wait, as one that comes just before it, ends the worker all the same."""
    family.run(TERMINATED)
    assert family.leaked_in() == [("LT101", 4, ["worker"])]
    assert [each["ending"] for each in family.report["processes"]] == ["signal"]


def test_a_child_that_is_terminated_before_its_first_step_dies(family: Family) -> None:
    """The signal is not lost to the handler that the child inherits, whichever of both goes on first."""
    family.run(
        "import os, signal, sys, time\n"
        "alive = 0\n"
        "for _ in range(40):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        time.sleep(1)\n"
        "        os._exit(0)\n"
        "    os.kill(pid, signal.SIGTERM)\n"
        "    alive += not os.WIFSIGNALED(os.waitpid(pid, 0)[1])\n"
        "if alive or signal.pthread_sigmask(signal.SIG_BLOCK, []):\n"
        "    sys.exit(f'{alive} live on')\n"
    )
    assert family.report["findings"] == []


def test_a_bare_fork(family: Family) -> None:
    """A forked child that ends as Python does reports what it leaked itself, and nothing that it inherited."""
    family.run(
        "import os, sys\n"
        "inherited = open(os.devnull)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    own = open(os.devnull)\n"
        "    sys.exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )
    found = {(each["site"]["line"], tuple(process["pid"] for process in each["processes"])): each["count"]
             for each in family.report["findings"]}  # fmt: skip
    (child,) = family.report["processes"]
    parent = family.report["process"]["pid"]
    assert found == {(2, (parent,)): 1, (5, (child["pid"],)): 1}
    assert child["parent_pid"] == parent
    assert family.report["totals"]["acquired"] == 2


def test_a_python_that_is_started_by_subprocess(family: Family) -> None:
    """Another Python is followed through the environment, and so is the one that it starts in turn."""
    family.run(
        "import subprocess, sys\n"
        "grandchild = \"kept = open('/dev/null')\"\n"
        "child = f'import subprocess, sys; subprocess.run([sys.executable, \"-c\", {grandchild!r}])'\n"
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
    )
    assert [each["rule"] for each in family.report["findings"]] == ["LT101"]
    child, grandchild = family.report["processes"]
    assert child["parent_pid"] == family.report["process"]["pid"]
    assert grandchild["parent_pid"] == child["pid"]
    assert family.report["findings"][0]["processes"][0]["pid"] == grandchild["pid"]


def test_without_the_option_nothing_is_followed(family: Family) -> None:
    """Children are followed only when asked for."""
    family.run(WORKER + "    p = context.Process(target=leak); p.start(); p.join()\n", "fork", options=())
    assert family.report["findings"] == []
    assert "processes" not in family.report


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_the_arguments_of_a_worker_are_its_parents(family: Family, method: str) -> None:
    """What a new Python unpickles for its process is inherited: it may be left open, or be closed by the worker."""
    family.run(
        "import multiprocessing, os, socket, sys\n"
        "def work(kept, closed, connection):\n"
        "    closed.close()\n"
        "    global left, mine\n"
        "    left = kept, connection\n"
        "    mine = open(os.devnull)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context(sys.argv[1])\n"
        "    (a, b), (c, d) = socket.socketpair(), context.Pipe()\n"
        "    with a, b, c, d:\n"
        "        p = context.Process(target=work, args=(a, b, c), name='worker'); p.start(); p.join()\n",
        method,
    )
    assert family.leaked_in() == [("LT101", 6, ["worker"])]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_manager_of_shared_memory(family: Family, method: str) -> None:
    """What it hands out goes with it, here and in the workers that it was given to."""
    family.run(
        "import multiprocessing, sys\n"
        "from multiprocessing.managers import SharedMemoryManager\n"
        "def double(numbers):\n"
        "    numbers[0] *= 2\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context(sys.argv[1])\n"
        "    with SharedMemoryManager(ctx=context) as manager:\n"
        "        numbers, memory = manager.ShareableList(range(5, 10)), manager.SharedMemory(10)\n"
        "        p = context.Process(target=double, args=(numbers,)); p.start(); p.join()\n"
        "        if numbers[0] != 10: sys.exit('it has not worked')\n",
        method,
    )
    assert family.leaked_in() == []
