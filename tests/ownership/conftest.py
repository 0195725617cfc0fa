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


class Kinds:
    """Declared classes whose objects note what happens to them; ``released`` is what was released, in order."""

    def __init__(self, tracker):
        self.released = []
        self.Resource, self.Bound = tracker.tracked(self.named()), tracker.tracked(thread_bound=True)(self.named())
        self.Cursor = tracker.tracked(self.named())
        self.Session = tracker.tracked(children=("cursor",))(self.parent("Session", "cursor", lambda: self.Cursor))
        self.Backend = tracker.tracked(children=("session",))(self.parent("Backend", "session", lambda: self.Session))

    def named(self):
        """Make a class of resources that have a name."""
        kinds = self

        class Resource:
            def __init__(self, name="resource"):
                self.name = name

            def use(self):
                return self.name

            def close(self):
                kinds.released.append(self.name)

        return Resource

    def parent(self, name, method, child):
        """Make a class of resources with a method that makes others."""

        def make(self):
            return child()(method)

        made = type(name, (self.named(),), {method: make})
        made.__qualname__ = f"made.{name}"
        return made


@pytest.fixture
def kinds(tracker):
    """Declare classes: resources, thread-bound ones, and a backend that makes sessions that make cursors."""
    return Kinds(tracker)
