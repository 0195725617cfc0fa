"""What the tests of the zoo share: a specimen declared before or after tracking starts, and places in this source."""

from __future__ import annotations

import gc
import sys

import pytest

from tests.guards import zoo_builtin, zoo_generated, zoo_written
from tests.guards.zoo import CALLS, SPECIMENS

__all__ = ["zoo_builtin", "zoo_generated", "zoo_written"]  # importing them fills the zoo


@pytest.fixture(params=sorted(SPECIMENS))
def kind(request):
    """One specimen of the zoo."""
    CALLS.clear()
    yield SPECIMENS[request.param]
    if "finalizer" in request.param:
        gc.collect()  # so that what it notes stands in its own test


@pytest.fixture(params=["declared before start", "declared after start"])
def declared(request, tracker, kind):
    """Give a function that declares the specimen and starts tracking, in the one order or the other."""

    def declared(policy="raise", **options):
        decorator = tracker.tracked(**options)
        if request.param == "declared before start":
            cls = kind.declare(decorator)
            tracker.start(policy=policy, report=False)
        else:
            tracker.start(policy=policy, report=False)
            cls = kind.declare(decorator)
        return cls

    return declared


@pytest.fixture
def here():
    """Give a function that tells the line on which it is called."""
    return lambda: sys._getframe(1).f_lineno
