"""What only the collector would take away is found, whenever it comes: also between two questions of a judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

_PROGRAM = """
import gc, subprocess, sys, lifetrack
from lifetrack.tracker import default_tracker

class Node:
    pass

def leak():
    node = Node()
    node.me = node
    node.file = open("/dev/null")

class Child(subprocess.Popen):
    @property
    def returncode(self):
        asked.append(1)
        if len(asked) == TIMES:
            gc.collect()
        return self.code

    @returncode.setter
    def returncode(self, code):
        self.code = code

asked = []
gc.disable()
lifetrack.start("stacks", watch="stdlib", policy="POLICY", report=False)
"""
_AT_THE_END = """
leak()
kept = Child([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
asked.clear()
print(sorted((finding.rule, finding.resource.type) for finding in default_tracker().final_report().findings))
kept.communicate()
"""
_AT_THE_END_OF_A_SCOPE = """
try:
    with lifetrack.scope("job"):
        leak()
        kept = Child([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        asked.clear()
except lifetrack.LeakError as error:
    print(error)
kept.communicate()
"""


@pytest.mark.parametrize("times", range(1, 5))
def test_at_the_end_of_the_process(run_python: RunPython, times: int) -> None:
    """Whichever question the collector comes at, a dropped resource in a cycle is one finding."""
    done = run_python(_PROGRAM.replace("TIMES", str(times)).replace("POLICY", "record") + _AT_THE_END)
    assert done.stdout.count("TextIOWrapper") == 1, done.stdout + done.stderr


@pytest.mark.parametrize("times", range(1, 5))
def test_at_the_end_of_a_scope(run_python: RunPython, times: int) -> None:
    """The end of the scope raises for it, too."""
    done = run_python(_PROGRAM.replace("TIMES", str(times)).replace("POLICY", "raise") + _AT_THE_END_OF_A_SCOPE)
    assert "2 resources were not released" in done.stdout, done.stdout + done.stderr
