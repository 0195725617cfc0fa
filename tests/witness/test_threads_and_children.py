"""Threads and child processes that no record explains; those that live as long as the process; those just ending."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("psutil")


def _found(tracker):
    return [finding for finding in tracker.report().findings if finding.rule.startswith("LT5")]


@pytest.fixture
def on(tracker):
    tracker.start(policy="record", report=False)  # watches nothing
    return tracker


def test_a_thread_that_goes_on(on) -> None:
    """A thread that was not there before is found by its name and, from Python 3.12 on, the line that started it."""
    stop = threading.Event()
    with on.scope("job", witness=True):
        thread = threading.Thread(target=stop.wait, name="poller")
        thread.start()
    (found,) = _found(on)
    stop.set()
    thread.join()
    assert (found.rule, found.resource.label) == ("LT502", "poller")
    assert found.site is None if sys.version_info < (3, 12) else found.site.file == __file__


def test_a_thread_that_is_just_ending_is_waited_for(on) -> None:
    """It is given a moment; and the moment is only spent when there is one."""
    with on.scope("job", witness=True):
        threading.Thread(target=time.sleep, args=(0.1,)).start()
    assert _found(on) == []
    begun = time.monotonic()
    for _ in range(20):
        with on.scope("idle", witness=True):
            pass
    assert time.monotonic() - begun < 0.2


def test_a_recorded_thread_is_not_told_twice(tracker) -> None:
    """A watched thread that goes on is LT103 alone."""
    tracker.start(policy="record", watch="threading", report=False)
    stop = threading.Event()
    with tracker.scope("job", witness=True):
        thread = threading.Thread(target=stop.wait)
        thread.start()
    assert _found(tracker) == []
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT103"]
    stop.set()
    thread.join()


def test_a_thread_of_the_list_is_shown_apart(tracker) -> None:
    """What lives as long as the process by design is no leak: neither the records' nor the system's."""
    for watch in ((), ("threading",)):
        tracker.start(policy="record", watch=watch, report=False)
        stop = threading.Event()
        with tracker.scope("job", witness=True):
            thread = threading.Thread(target=stop.wait, name="asyncio_0")
            thread.start()
        report = tracker.report()
        stop.set()
        thread.join()
        assert report.findings == ()
        assert [(each.kind, each.name) for each in report.lasting] == [("thread", "asyncio_0")]
        assert "default executor" in report.to_text()
        tracker.stop()


def test_the_resource_tracker_is_shown_apart(run_python) -> None:
    """What multiprocessing starts for itself, a process and a pipe to it, is no leak."""
    done = run_python(
        "import lifetrack\n"
        "from multiprocessing import shared_memory\n"
        "lifetrack.start(witness=True, policy='record', watch='stdlib')\n"
        "with lifetrack.scope('job', witness=True):\n"
        "    memory = shared_memory.SharedMemory(create=True, size=10)\n"
        "    memory.close()\n"
        "    memory.unlink()\n"
        "report = lifetrack.report()\n"
        "print([finding.message for finding in report.findings])\n"
        "print(sorted((each.kind, each.why) for each in report.lasting))\n"
    )
    why = "the resource tracker of multiprocessing"
    assert done.stdout.splitlines() == ["[]", str([("descriptor", why), ("process", why)])], done.stderr


def test_a_user_adds_to_the_list(on) -> None:
    """A line of one's own counts as the shipped ones, until it is taken away."""
    from lifetrack.witness.lasting import add

    stop = threading.Event()
    remove = add("thread", "metrics-*", "the metrics of the program")
    with on.scope("job", witness=True):
        thread = threading.Thread(target=stop.wait, name="metrics-1")
        thread.start()
    try:
        assert _found(on) == []
        assert [each.why for each in on.report().lasting] == ["the metrics of the program"]
    finally:
        remove()
        stop.set()
        thread.join()


@pytest.mark.parametrize("line", [("thing", "x", "y"), ("thread", "", "y"), ("thread", "x", " ")])
def test_a_bad_line_is_refused(line) -> None:
    """A kind that is not known, or no pattern, or no reason."""
    from lifetrack.values.errors import ConfigurationError
    from lifetrack.witness.lasting import add

    with pytest.raises(ConfigurationError):
        add(*line)


def test_a_child_that_goes_on(on) -> None:
    """A child is named by its program alone, for its arguments may be secret; the line that started it is told."""
    with on.scope("job", witness=True):
        pid = os.posix_spawnp("sleep", ["sleep", f"12.{300 + 45}"], dict(os.environ))
    (found,) = _found(on)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    assert (found.rule, found.resource.label) == ("LT503", f"{pid} (sleep)")
    assert found.site.file == __file__
    assert "12.345" not in on.report().to_json()


def test_a_child_that_nobody_waited_for(on) -> None:
    """One that has ended is there until somebody waits for it."""
    with on.scope("job", witness=True):
        pid = os.posix_spawnp("true", ["true"], dict(os.environ))
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    (found,) = _found(on)
    os.waitpid(pid, 0)
    assert "ended but not waited for" in found.resource.label


def test_a_recorded_child_is_not_told_twice(tracker) -> None:
    """A watched Popen is LT103 alone; one that was waited for is nothing."""
    tracker.start(policy="record", watch="subprocess", report=False)
    with tracker.scope("job", witness=True):
        subprocess.run(["true"], check=True)
        child = subprocess.Popen(["sleep", "60"])
    assert _found(tracker) == []
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT103"]
    child.kill()
    child.wait()


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
@pytest.mark.parametrize(("watch", "rules"), [("subprocess", ["LT102"]), ("socket", ["LT503"])])
def test_a_dropped_child_is_told_once(tracker, watch, rules) -> None:
    """Popen lives on in a list of its module then, until somebody waits for it: it is none from before, either."""
    tracker.start(policy="record", watch=watch, report=False)
    with tracker.scope("job", witness=True):
        pid = subprocess.Popen(["sleep", "60"]).pid
    report = tracker.report()
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    assert [finding.rule for finding in report.findings] == rules
    assert [each.type for each in report.tracker.unseen if "Popen" in each.type] == []
