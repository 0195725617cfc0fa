"""Strangers: objects of a watched class that no record is about, for they were there before anybody watched."""

from __future__ import annotations

import weakref
from typing import Any

from lifetrack.guards.shapes import resolve
from lifetrack.values.declarations import INIT
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.rows import Row

#: Kinds of which the object can be asked, but only for whether it has a duty at all.
NEVER_ASKED = frozenset({"TemporaryDirectory"})


class Strangers:
    """Those of one row and its class."""

    def __init__(self, row: Row, cls: type) -> None:
        self._row = row
        self._cls = cls
        #: Those that the standard library made for itself, by address.
        self._passed_over: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

    def pass_over(self, obj: Any) -> None:
        """Take an object as known, though it is not recorded."""
        if type(obj).__weakrefoffset__:  # no other one outlives its finalizer unseen
            self._passed_over[id(obj)] = obj

    def has(self, obj: Any) -> bool:
        """Whether an object that nobody has recorded is open, and would have been recorded if it had been seen."""
        return self._passed_over.get(id(obj)) is not obj and self._is_seen(type(obj)) and self.is_open(obj)

    def _is_seen(self, cls: type) -> bool:
        """Whether all of a class are recorded when they are acquired, by this row's own method."""
        row, acquire = self._row, self._row.declaration.acquire
        if row.made_by or row.only_from:
            return False
        return acquire == INIT or resolve(cls, acquire) is resolve(self._cls, acquire)

    def is_open(self, obj: Any) -> bool:
        """Whether it has something to release, as far as can be said."""
        if self._row.name in NEVER_ASKED:
            return bool(getattr(getattr(obj, "_finalizer", None), "alive", False))
        when = self._row.declaration.released_when
        return bool(self._row.declaration.release) and when is not None and not when(obj)

    def to(self, listeners: tuple[Recording, ...], obj: Any) -> tuple[Recording, ...]:
        """Give those to whom an object that is about to be released is new."""
        unmet = [listener for listener in listeners if not listener.is_met(obj)]
        return tuple(unmet) if unmet and self.has(obj) else ()

    def count(self, obj: Any, unmet: tuple[Recording, ...]) -> None:
        """Count an object that was released without a record, if it was."""
        for listener in () if self.is_open(obj) else unmet:
            listener.unmet(obj, self._row.declaration)
