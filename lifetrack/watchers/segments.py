"""The mechanism for shared memory: the object that maps a segment, and the segment, which lives until its unlink()."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any

from lifetrack.instrument.codegen import parameters_of
from lifetrack.ledger.holds import Nobodys
from lifetrack.ownership.kinship import bind
from lifetrack.watchers.provenance import comes_from
from lifetrack.watchers.python_classes import WatchedClass
from lifetrack.watchers.rows import Row, declare
from lifetrack.watchers.shared import in_place_of

#: Where the system shows the segments, if it does.
_FOLDER = "/dev/shm"  # noqa: S108 - nothing is made there
_MAKE = """
def wrapper({declare}):
    _lt_result = _lt_original({call})
    _lt_made({first}, {arguments}, _lt_caller(1))
    return _lt_result
"""
_UNLINK = """
def wrapper({declare}):
    _lt_result = _lt_original({call})
    _lt_unlinked({first}, _lt_caller(1))
    return _lt_result
"""


class Segment(Nobodys):
    """One segment, from its making to its end, whatever is mapped meanwhile."""

    __slots__ = ("__weakref__", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def is_gone(self) -> bool:
        """Whether somebody has unlinked it, in whatever process."""
        if os.path.isdir(_FOLDER):
            return not os.path.exists(os.path.join(_FOLDER, self._name.lstrip("/")))
        try:
            number = sys.modules["_posixshmem"].shm_open(self._name, os.O_RDONLY, mode=0o600)
        except FileNotFoundError:
            return True
        os.close(number)
        return False


Segment.__module__, Segment.__qualname__ = "multiprocessing.shared_memory", "segment"
SEGMENT = declare(
    "unlink", released_when=Segment.is_gone,
    hint="call unlink() once, in a 'finally' clause, when no process needs the segment any more",
)  # fmt: skip


def _in_child() -> bool:
    """Whether this process was started by multiprocessing: it may make segments for its parent."""
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


class WatchedSegments(WatchedClass):
    """``SharedMemory``, for all trackers."""

    def __init__(self, row: Row) -> None:
        super().__init__(row, getattr(sys.modules[row.module], row.name))
        self._segments: dict[str, Segment] = {}

    def put(self) -> None:
        """Wrap the methods."""
        super().put()
        self._wrap("unlink", self._unlinking)

    def restore(self) -> None:
        """Put the methods back, and forget the names."""
        super().restore()
        self._segments.clear()

    def _acquirer(self, original: Any) -> Any:
        names = parameters_of(original).names
        return in_place_of(original, _MAKE, {"made": lambda *made: self._opened(names, *made)})

    def _opened(self, names: tuple[str, ...], obj: Any, values: tuple[Any, ...], frame: FrameType) -> None:
        """Record what was mapped, and the segment if it was made now and is the program's own to unlink."""
        if not self.listeners:
            return
        self._acquired(obj, frame, None)
        given = dict(zip(names, values, strict=False))
        if given.get("create") and given.get("track", True):
            self._made(obj, frame)

    def _made(self, obj: Any, frame: FrameType) -> None:
        if not getattr(obj, "_mmap", None) or not hasattr(obj, "_fd") or sys.platform == "win32" or _in_child():
            return
        if comes_from(frame, self._row.not_from):
            return
        segment = self._segments[obj._name] = Segment(obj._name)
        for listener in self.listeners:
            listener.acquired(segment, SEGMENT, frame)
            entries = listener.ledger.entries
            mapped, made = entries.get(id(obj)), entries.get(id(segment))
            if mapped is not None and made is not None:
                bind(made, segment, mapped)

    def _unlinking(self, original: Any) -> Any:
        return in_place_of(original, _UNLINK, {"unlinked": self._unlinked})

    def _unlinked(self, obj: Any, frame: FrameType) -> None:
        segment = self._segments.pop(obj._name, None)
        for listener in self.listeners if segment is not None else ():
            listener.released(segment, SEGMENT, frame, asked=False)
