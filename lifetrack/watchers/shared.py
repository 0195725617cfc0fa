"""Patches that all trackers share: put in place for the first that watches, taken away with the last."""

from __future__ import annotations

from typing import Any

from lifetrack.ledger.callers import caller
from lifetrack.values.declarations import Declaration
from lifetrack.watchers.recording import Recording


class Shared:
    """Something that is replaced once, however many trackers watch it, so that they may stop in any order."""

    def __init__(self) -> None:
        self.listeners: tuple[Recording, ...] = ()

    def put(self) -> None:
        """Replace it."""
        raise NotImplementedError

    def restore(self) -> None:
        """Undo the replacement exactly."""
        raise NotImplementedError

    def join(self, recording: Recording) -> None:
        """Let a tracker listen."""
        if not self.listeners:
            self.put()
        self.listeners = (*self.listeners, recording)

    def releaser(self, declaration: Declaration, original: Any) -> Any:
        """Make a release method that tells the listeners, without asking the object for its state."""

        def release(obj: Any, /, *args: Any, **kwargs: Any) -> Any:
            try:
                result = original(obj, *args, **kwargs)
            except BaseException as error:
                for listener in self.listeners:
                    listener.release_failed(obj, declaration, error, caller(1))
                raise
            for listener in self.listeners:
                listener.released(obj, declaration, caller(1), asked=False)
            return result

        return release

    def leave(self, recording: Recording) -> None:
        """Let a tracker listen no more."""
        if recording not in self.listeners:
            return
        self.listeners = tuple(each for each in self.listeners if each is not recording)
        if not self.listeners:
            self.restore()


class Absent(Shared):
    """What a row names and this version of its library does not have: nothing is replaced."""

    def put(self) -> None:
        """Replace nothing."""

    def restore(self) -> None:
        """Restore nothing."""
