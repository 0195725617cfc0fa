"""The examples of the rules about ownership are programs: each one, run as it stands, breaks its rule."""

from __future__ import annotations

import os

import pytest

from lifetrack.values.rules import RULES
from tests.conftest import RunPython

SETTING = """
import os, threading
import lifetrack


@lifetrack.tracked(children=("cursor",))
class Connection:
    def cursor(self):
        return Cursor()

    def close(self):
        pass


@lifetrack.tracked
class Cursor:
    def fetch(self):
        pass

    def close(self):
        pass


@lifetrack.tracked(thread_bound=True)
class Window:
    def close(self):
        pass


lifetrack.start(policy="warn", report=False)
owner, connection, session = lifetrack.Owner("owner"), Connection(), Connection()
"""
END = """
print("rules:", *(finding.rule for finding in lifetrack.report().findings))
"""
RULES_OF_OWNERSHIP = ("LT104", "LT203", "LT301", "LT302", "LT303", "LT304", "LT305", "LT401", "LT402")


@pytest.mark.parametrize("rule", RULES_OF_OWNERSHIP)
def test_an_example_breaks_its_rule(rule: str, run_python: RunPython) -> None:
    """The example is no sketch: it runs, and what it does is found."""
    if rule == "LT402" and not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    done = run_python(SETTING + RULES[rule].example + END)
    assert done.returncode == 0, done.stderr
    assert f"LeakWarning: {rule} " in done.stderr or rule in done.stdout.split("rules:")[1].split(), done.stdout


def test_the_setting_alone_breaks_none_of_them(run_python: RunPython) -> None:
    """What stands around the examples is innocent of what they show."""
    done = run_python(SETTING + END)
    assert done.stdout == "rules: LT101\n"
    assert "LeakWarning" not in done.stderr
