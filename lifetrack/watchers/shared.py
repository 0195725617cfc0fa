"""Patches that all trackers share: put in place for the first that watches, taken away with the last."""

from __future__ import annotations

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

    def leave(self, recording: Recording) -> None:
        """Let a tracker listen no more."""
        if recording not in self.listeners:
            return
        self.listeners = tuple(each for each in self.listeners if each is not recording)
        if not self.listeners:
            self.restore()
