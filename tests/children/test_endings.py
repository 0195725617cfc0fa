"""Children that are killed, that leave without a word, or that become another program."""

from __future__ import annotations

from tests.children.conftest import Family


def test_a_child_that_leaves_by_os_exit_is_lost(family: Family) -> None:
    """The parent knows that it began and says that it left no report."""
    family.run(
        "import os\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )  # fmt: skip
    (child,) = family.report["processes"]
    assert child["ending"] == "lost"
    assert child["parent_pid"] == family.report["process"]["pid"]
    assert family.report["tracker"]["complete"] is False
    assert f"Lost: process {child['pid']}" in family.err


def test_a_child_that_is_killed_is_lost_and_its_siblings_are_not(family: Family) -> None:
    """SIGKILL leaves no time for a report; what the others found is there."""
    family.run(
        "import multiprocessing, os, signal\n"
        "def die():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "def leak():\n"
        "    global kept\n"
        "    kept = open(os.devnull)\n"
        "context = multiprocessing.get_context('fork')\n"
        "children = [context.Process(target=die, name='dies'), context.Process(target=leak, name='leaks')]\n"
        "for child in children:\n"
        "    child.start()\n"
        "for child in children:\n"
        "    child.join()\n"
    )
    assert {each["name"]: each["ending"] for each in family.report["processes"]} == {"dies": "lost", "leaks": "normal"}
    assert family.leaked_in() == [("LT101", 6, ["leaks"])]


def test_a_child_that_is_terminated_reports(family: Family) -> None:
    """SIGTERM ends a child by that signal, as without lifetrack, and what is live then is suspected."""
    family.run(
        "import multiprocessing, os, time\n"
        "def wait(ready):\n"
        "    kept = open(os.devnull)\n"
        "    ready.set()\n"
        "    time.sleep(60)\n"
        "context = multiprocessing.get_context('fork')\n"
        "ready = context.Event()\n"
        "child = context.Process(target=wait, args=(ready,))\n"
        "child.start()\n"
        "ready.wait()\n"
        "child.terminate()\n"
        "child.join()\n"
        "print(child.exitcode)\n"
    )
    assert family.out == "-15\n"
    assert [each["ending"] for each in family.report["processes"]] == ["signal"]
    assert [(each["rule"], each["certainty"]) for each in family.report["findings"]] == [("LT101", "suspected")]


def test_a_child_that_raises_says_so(family: Family) -> None:
    """A worker that ends by an exception is told from one that ends by sys.exit, in whatever version."""
    family.run(
        "import multiprocessing, sys\n"
        "def fail():\n"
        "    raise ValueError\n"
        "context = multiprocessing.get_context('fork')\n"
        "for target in (fail, sys.exit):\n"
        "    child = context.Process(target=target)\n"
        "    child.start()\n"
        "    child.join()\n"
    )
    failed, left = (each["ending"] for each in family.report["processes"])
    assert failed == "exception"
    assert left in {"exit", "normal"}  # from Python 3.13 on a worker without a status is as good as normal


def test_a_child_that_becomes_another_program_is_not_lost(family: Family) -> None:
    """After exec it is no Python process of this run any more, in whichever way it was forked."""
    family.run(
        "import os, subprocess\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.execvp('true', ['true'])\n"
        "os.waitpid(pid, 0)\n"
        "subprocess.run(['true'], preexec_fn=lambda: None, check=True)\n"
        "subprocess.run(['true'], check=True)\n"
    )
    assert "processes" not in family.report
    assert family.report["findings"] == []


def test_a_child_that_outlives_the_run_harms_nothing(family: Family) -> None:
    """A child that is still running when the report is made is told as lost, and finds no folder to write to."""
    family.run(
        "import os, time\nif os.fork() == 0:\n    os.close(1); os.close(2)\n    time.sleep(3)\ntime.sleep(0.3)\n"
    )
    assert [each["ending"] for each in family.report["processes"]] == ["lost"]
