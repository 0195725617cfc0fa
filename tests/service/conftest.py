"""A tracked class, a way to wait, and the servers that metrics are sent to."""

from __future__ import annotations

import time
from collections.abc import Callable

from lifetrack.tracker import Tracker
from tests.servers.fixtures import prometheus, server_folder

__all__ = ["Session", "prometheus", "server_folder", "session_class", "until"]


class Session:
    """The usual resource of these tests, declared anew by each tracker."""

    def close(self) -> None:
        """Give it back."""


def session_class(tracker: Tracker, name: str = "Session", **options: object) -> type[Session]:
    """Make a class of resources that no other tracker knows."""
    made: type[Session] = type(name, (Session,), {"__module__": "app", "close": lambda self: None})
    return tracker.tracked_as(made, **options)


def until(question: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until a question is answered by yes; give whether it was in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return True
        time.sleep(0.005)
    return bool(question())
