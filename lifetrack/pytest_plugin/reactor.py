"""Where pytest-twisted runs tests and asynchronous fixtures: in the greenlet of its reactor.

The context of that greenlet is as old as the run, and so what is acquired there would be nobody's but the process's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.tracker import Tracker

_PLUGIN = "pytest_twisted"
#: The function of that plugin that hands another one to the reactor, and waits for what becomes of it.
_RUN = "_run_inline_callbacks"


class ReactorHooks:
    """Lets the reactor acquire for whoever has handed it something to run, until somebody else does."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._patches = Patches()
        plugin = sys.modules[_PLUGIN]
        run = getattr(plugin, _RUN, None)
        if run is not None:
            self._patches.put(plugin, _RUN, self._inside(run))

    def pytest_unconfigure(self) -> None:
        """Put everything back."""
        self._patches.undo()

    def _inside(self, run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def run_inside(function: Callable[..., Any], *args: Any) -> Any:
            ledger = self._tracker.ledger
            if ledger is None:
                return run(function, *args)
            variable, place = ledger.place, ledger.place.get()

            def begin(*given: Any) -> Any:
                variable.set(place)  # stays, for what the reactor itself does meanwhile: connections that come in
                return function(*given)

            return run(begin, *args)

        return run_inside
