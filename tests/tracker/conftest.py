"""What the tests of the tracker share: classes of resources, and a program that declares one."""

from __future__ import annotations

import pytest

#: The beginning of a program run in a process of its own.
PROGRAM = """
import os, sys
import lifetrack

@lifetrack.tracked
class Resource:
    def close(self):
        pass
    def use(self):
        pass

"""


def plain_class():
    """Make a class with a release method and one to use."""

    class Resource:
        def close(self):
            pass

        def use(self):
            return "used"

    return Resource


@pytest.fixture
def make_class():
    """Give a function that makes a class."""
    return plain_class


@pytest.fixture
def program(run_python):
    """Run the rest of a program that has a declared class ``Resource``, in a fresh interpreter."""

    def program(rest, **options):
        return run_python(PROGRAM + rest, **options)

    return program
