"""What is done around forks and at the exit, and that nothing of ours outlives the modules for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from lifetrack.values import process

#: Plugins of the tests have threads; the child does nothing that could wait for them.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


class Steps:
    """Notes which of its methods were called."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def before(self) -> None:
        self.done.append("before")

    def in_parent(self) -> None:
        self.done.append("in parent")

    def in_child(self) -> None:
        self.done.append("in child")


def told_by_child(act: Callable[[], list[str]]) -> list[str]:
    """Fork, and give what the child has to say."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, "\n".join(act()).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as pipe:
        return pipe.read().split("\n")


@needs_fork
def test_steps_are_taken_around_a_fork() -> None:
    """Before it, and after it in the parent and in the child, each in its own."""
    steps = Steps()
    process.when_forking(before=steps.before, in_parent=steps.in_parent, in_child=steps.in_child)
    assert told_by_child(lambda: steps.done) == ["before", "in child"]
    assert steps.done == ["before", "in parent"]


@needs_fork
def test_whoever_is_gone_is_not_called() -> None:
    """Nobody is kept for the sake of forks."""
    steps = Steps()
    done = steps.done
    process.when_forking(before=steps.before, in_child=steps.in_child)
    del steps
    assert told_by_child(lambda: done) == [""]


@needs_fork
def test_one_step_may_let_go_of_the_next() -> None:
    """As in a child that replaces what it has inherited: the inherited one still has its turn."""
    held = [Steps()]
    done = held[0].done

    def let_go() -> None:
        held.clear()

    process.when_forking(in_child=let_go)
    process.when_forking(in_child=held[0].in_child)
    assert told_by_child(lambda: done) == ["in child"]


EXIT = """
import atexit
from lifetrack.values.process import when_exiting
def begin():
    print("begins")
atexit.register(print, "hook")
when_exiting(begin)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)


def test_the_exit_is_told_before_the_hooks_of_the_program() -> None:
    """Though they were registered before."""
    assert run(EXIT).stdout.split() == ["begins", "hook"]


def test_what_the_interpreter_keeps_leads_nowhere() -> None:
    """Of what it calls around forks and at the exit no module of ours can be reached but the one, nor `typing`."""
    code = """
import gc, sys, types
import lifetrack.account, lifetrack.children.following
from lifetrack.values import process
known = {id(sys.modules), id(vars(sys)), id(process.__spec__)}
ours = {id(vars(each)): name for name, each in sys.modules.items() if name.startswith("lifetrack.") or name == "typing"}
waiting, seen, found = [process._do.__globals__], set(), set()
while waiting:
    each = waiting.pop()
    if id(each) in seen or id(each) in known or each is sys:
        continue
    seen.add(id(each))
    if id(each) in ours:
        found.add(ours[id(each)])
    if isinstance(each, type) and each.__module__ == "builtins" or type(each).__module__ == "weakref":
        continue
    waiting += gc.get_referents(each)
print(sorted(found))
"""
    assert run(code).stdout.strip() == "['lifetrack.values.process']"
