"""Patches that all trackers share: put in place for the first that watches, taken away with the last."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

from lifetrack.instrument.codegen import generate
from lifetrack.ledger.callers import caller
from lifetrack.values.declarations import Declaration
from lifetrack.watchers.recording import Recording

#: A release method; what is told of its result may give another one in its place.
RELEASE = """
def wrapper({declare}):
    _lt_unmet = _lt_strangers({first})
    try:
        _lt_result = _lt_original({call})
    except BaseException as _lt_error:
        _lt_failed({first}, _lt_error, _lt_caller(1))
        raise
    if _lt_unmet:
        _lt_count({first}, _lt_unmet)
    return _lt_released({first}, _lt_caller(1), _lt_result)
"""


def in_place_of(original: Any, template: str, names: Mapping[str, object]) -> Any:
    """Make a wrapper that has the parameters, defaults and names of what it wraps; a traceback shows its name too."""
    made: Any = generate(template, original, {"original": original, "caller": caller, **names}, "watching")
    code = getattr(original, "__code__", None)
    if code is not None:
        made.__code__ = made.__code__.replace(co_name=code.co_name, co_qualname=code.co_qualname)
    return made


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
            try:
                self.put()
            except BaseException:
                with suppress(Exception):  # what was replaced before that
                    self.restore()
                raise
        self.listeners = (*self.listeners, recording)

    def releaser(self, declaration: Declaration, original: Any) -> Any:
        """Make a release method that tells the listeners, without asking the object for its state."""

        def failed(obj: Any, error: BaseException, frame: FrameType) -> None:
            for listener in self.listeners:
                listener.release_failed(obj, declaration, error, frame)

        def released(obj: Any, frame: FrameType, result: Any) -> Any:
            for listener in self.listeners:
                listener.released(obj, declaration, frame, asked=False)
            return result

        return in_place_of(original, RELEASE, {"failed": failed, "released": released, **self._asking()})

    def _asking(self) -> dict[str, object]:
        return {"strangers": self.strangers_to, "count": self.count_stranger}

    def strangers_to(self, obj: Any) -> tuple[Recording, ...]:  # noqa: ARG002 - most kinds cannot be asked
        """Give those to whom an object that is about to be released is new."""
        return ()

    def count_stranger(self, obj: Any, unmet: tuple[Recording, ...]) -> None:
        """Count an object that was released without a record."""

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
