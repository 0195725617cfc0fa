"""Decorators that finish a class after ours: dataclasses and attrs add a constructor, or make the class a second time.

Both look at what stands on the class to decide what they add. So what is ours is taken off before they look, and put on
the class that comes out. The hooks are in place only while somebody listens, once for all trackers.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from lifetrack.guards.patches import Patches


class Listener(Protocol):
    """Who instruments classes."""

    def unfinished(self, cls: type) -> None:
        """Take everything off a class that is about to be finished."""

    def finished(self, cls: type, made: type) -> None:
        """Put it on again, on what ``cls`` has become."""


_listeners: list[Listener] = []
_dataclasses = Patches()
_attrs = Patches()
_attrs_hooked: list[Any] = []
_lock = threading.RLock()


def listen(listener: Listener) -> None:
    """Begin to tell ``listener``, unless it is told already."""
    with _lock:
        if not _listeners:
            _hook_dataclasses()
        if listener not in _listeners:
            _listeners.append(listener)
        look_for_attrs()


def unlisten(listener: Listener) -> None:
    """End it; with the last listener the hooks go."""
    with _lock:
        if listener in _listeners:
            _listeners.remove(listener)
        if not _listeners:
            _dataclasses.undo()
            _attrs.undo()
            _attrs_hooked.clear()


def look_for_attrs() -> None:
    """Hook attrs once it is imported; it is never imported for that."""
    make = sys.modules.get("attr._make")
    with _lock:
        if make is not None and make not in _attrs_hooked and _listeners:
            _attrs_hooked.append(make)
            _hook_attrs(make)


def _before(cls: object) -> None:
    if isinstance(cls, type):
        for listener in _listeners:
            listener.unfinished(cls)


def _after(cls: object, made: object) -> None:
    if isinstance(cls, type) and isinstance(made, type):
        for listener in _listeners:
            listener.finished(cls, made)


def _hook_dataclasses() -> None:
    original: Callable[..., Any] | None = getattr(dataclasses, "_process_class", None)
    if original is None:
        return
    process = original

    def _process_class(cls: Any, *args: Any, **kwargs: Any) -> Any:
        _before(cls)
        made = cls
        try:
            made = process(cls, *args, **kwargs)
            return made
        finally:
            _after(cls, made)

    _dataclasses.put(dataclasses, "_process_class", _process_class)


def _hook_attrs(make: Any) -> None:
    decide = getattr(make, "_determine_whether_to_implement", None)
    build = getattr(getattr(make, "_ClassBuilder", None), "build_class", None)
    if decide is None or build is None:
        return

    def _determine_whether_to_implement(cls: Any, *args: Any, **kwargs: Any) -> Any:
        _before(cls)
        return decide(cls, *args, **kwargs)

    def build_class(self: Any) -> Any:
        made = build(self)
        _after(self._cls, made)
        return made

    _attrs.put(make, "_determine_whether_to_implement", _determine_whether_to_implement)
    _attrs.put(make._ClassBuilder, "build_class", build_class)
