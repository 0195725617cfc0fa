"""What the tests of scopes share: a tracker that is on, and a class of resources."""

from __future__ import annotations

import pytest


@pytest.fixture
def resource(tracker):
    """A declared class, while tracking is on with the policy record."""

    @tracker.tracked
    class Resource:
        def close(self):
            pass

    tracker.start("stacks", policy="record", report=False)
    return Resource


@pytest.fixture
def found(tracker):
    """Give a function that tells what was found so far: rule and scope of each finding, oldest first."""

    def found(rule=None):
        return [(f.rule, f.scope) for f in tracker.find_leaks() if rule is None or f.rule == rule]

    return found
