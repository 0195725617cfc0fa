"""The mechanism for pools: a check-out is an acquire, the check-in its release, and the pool is the parent.

What is lent may be recorded itself, under its own address, and lives on in the pool. So each stretch of its use is
represented by a lease, an object that lives until the next one begins, or until what is lent is collected.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Iterable
from types import FrameType, FunctionType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own, resolve
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import OPEN_STATES, RELEASED, STATE, type_name
from lifetrack.ledger.unseen import NO_REFERENCE
from lifetrack.watchers.coroutines import is_coroutine_function
from lifetrack.watchers.custody import OUT, Lease, Out, find, keeping, lease_of, lend, use
from lifetrack.watchers.greenlets import asking_frame
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.rows import Lending, Row, asked
from lifetrack.watchers.shared import Shared

_NOTHING: Iterable[object] = ()


class WatchedPool(Shared):
    """The check-outs of one class of pools."""

    def __init__(self, row: Row, cls: type) -> None:
        super().__init__()
        self._row = row
        self._cls = cls
        self._lending = row.lending or Lending()
        self._patches = Patches()
        self._types: dict[str, type[Lease]] = {}

    def put(self) -> None:
        """Wrap the methods of the pool, and those of what it lends."""
        declaration, lending = self._row.declaration, self._lending
        self._wrap(self._cls, declaration.acquire, self._lender)
        for name in declaration.release:
            self._wrap(self._cls, name, self._taker)
        if lending.borrower is not None:
            module, name = lending.borrower
            borrower = getattr(sys.modules.get(module), name, None)
            for name in lending.ends if isinstance(borrower, type) else ():
                self._wrap(borrower, name, self._ender)

    def restore(self) -> None:
        """Put the methods back, and forget what is out."""
        self._patches.undo()
        for key, out in OUT.copy().items():
            if out.by is self:
                OUT.pop(key, None)

    def _wrap(self, cls: Any, name: str, wrapping: Callable[[Any], Any]) -> None:
        original = own(cls).get(name)
        if original is None and isinstance(resolve(cls, name), FunctionType):
            original = resolve(cls, name)  # undo takes it away again
        if original is not None:
            self._patches.put(cls, name, functools.wraps(original)(wrapping(original)))

    # -- what the methods do -------------------------------------------------------------------------------------

    def _lender(self, original: Any) -> Any:
        watched = self
        if is_coroutine_function(original):

            async def lend_later(pool: Any, /, *args: Any, **kwargs: Any) -> Any:
                with keeping(watched.listeners, pool):
                    result = await original(pool, *args, **kwargs)
                watched._lent(pool, result, caller(1))
                return result

            return lend_later

        def lend_now(pool: Any, /, *args: Any, **kwargs: Any) -> Any:
            with keeping(watched.listeners, pool):
                result = original(pool, *args, **kwargs)
            watched._lent(pool, result, caller(1))
            return result

        return lend_now

    def _taker(self, original: Any) -> Any:
        watched = self
        if is_coroutine_function(original):

            async def take_later(pool: Any, /, *args: Any, **kwargs: Any) -> Any:
                item = watched._coming_back(pool, args, kwargs, caller(1))
                result = await original(pool, *args, **kwargs)
                watched._back(item, caller(1))
                return result

            return take_later

        def take_now(pool: Any, /, *args: Any, **kwargs: Any) -> Any:
            item = watched._coming_back(pool, args, kwargs, caller(1))
            result = original(pool, *args, **kwargs)
            watched._back(item, caller(1))
            return result

        return take_now

    def _ender(self, original: Any) -> Any:
        watched = self
        if is_coroutine_function(original):

            async def end_later(item: Any, /, *args: Any, **kwargs: Any) -> Any:
                try:
                    return await original(item, *args, **kwargs)
                finally:
                    watched._back(item, caller(1))

            return end_later

        def end_now(item: Any, /, *args: Any, **kwargs: Any) -> Any:
            try:
                return original(item, *args, **kwargs)
            finally:
                watched._back(item, caller(1))

        return end_now

    # -- what becomes of it --------------------------------------------------------------------------------------

    def _item(self, result: Any) -> object:
        return result if self._lending.item is None else asked(self._lending.item, None, result)

    def _below(self, item: Any) -> Iterable[object]:
        return (item,) if self._lending.below is None else asked(self._lending.below, _NOTHING, item)

    def _type(self, pool: object) -> type[Lease]:
        """Give the class of the leases of one class of pools; it bears the library's and the pool's name."""
        library = self._row.watch[0]
        name = f"{library} {type(pool).__name__} {self._lending.noun}"
        if name not in self._types:
            # The module is part of the name already, which reads as words rather than as a class.
            self._types[name] = type(name, (Lease,), {"__slots__": (), "__module__": "builtins"})
        return self._types[name]

    def _is_open(self, out: Out) -> bool:
        return any(
            entry is not None and entry[STATE] in OPEN_STATES
            for entry in (listener.ledger.entries.get(id(out.lease)) for listener in self.listeners)
        )

    def _lent(self, pool: Any, result: Any, frame: FrameType) -> None:
        item = self._item(result)
        if item is None or not self.listeners:
            return
        known = find(item)
        if known is not None and self._is_open(known):
            return  # lent once more to the one who has it
        try:
            out = Out(item, _dropped)
            out.pool = weakref.ref(pool)
        except TypeError:
            for listener in self.listeners:
                listener.ledger.gaps.untrackable(type_name(type(item)), NO_REFERENCE)
            return
        out.key, out.lease, out.by = id(item), self._type(pool)(), self
        OUT[id(item)] = out
        frame = asking_frame(frame)
        for listener in self.listeners:
            listener.acquired(out.lease, self._row.declaration, frame)
            lend(listener, out.lease, pool, self._below(item))

    def _coming_back(self, pool: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> object:
        """Give what a pool is about to take back, after a look at whether it may."""
        result = args[0] if args else next(iter(kwargs.values()), None)
        item = self._item(result)
        out = None if item is None else find(item)
        if out is None:
            return None
        came_from = out.pool()
        is_anothers = came_from is not None and came_from is not pool
        for listener in self.listeners:
            self._judge(listener, out, is_anothers, asking_frame(frame))
        return None if is_anothers else item

    def _judge(self, listener: Recording, out: Out, is_anothers: bool, frame: FrameType) -> None:
        entry = listener.ledger.entries.get(id(out.lease))
        if entry is None:
            return
        if entry[STATE] == RELEASED and self._lending.strict:
            listener.engine.violation("LT202", entry, "released", frame)
        elif entry[STATE] in OPEN_STATES and is_anothers and not self._lending.refuses:
            words = {"through": "another pool", "owner": "the pool that it came from"}
            listener.engine.violation("LT206", entry, "released", frame, words=words)

    def _back(self, item: object, frame: FrameType) -> None:
        out = None if item is None else find(item)
        if out is None:
            return
        frame = asking_frame(frame)
        for listener in self.listeners:
            listener.released(out.lease, self._row.declaration, frame, asked=False)


class WatchedUse(Shared):
    """A method by which something begins to use a check-out, and which returns what that is lent as."""

    def __init__(self, row: Row, cls: type) -> None:
        super().__init__()
        self._row = row
        self._cls = cls
        self._patches = Patches()

    def put(self) -> None:
        """Wrap the method."""
        name = self._row.declaration.acquire
        original = own(self._cls).get(name)
        if original is not None:
            self._patches.put(self._cls, name, functools.wraps(original)(self._using(original)))

    def restore(self) -> None:
        """Put it back."""
        self._patches.undo()

    def _using(self, original: Any) -> Any:
        keeper, parts = self._row.keeper or _itself, self._row.parts or _itself

        def using(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            for item in asked(parts, _NOTHING, result) if watched.listeners else ():
                for listener in watched.listeners:
                    use(listener, asked(keeper, None, self), lease_of(item))
            return result

        watched = self
        return using


def _itself(obj: Any) -> Any:
    return obj


def _dropped(reference: Out) -> None:
    """Hear that something was collected. Its lease goes with it, and is recorded as lost if it was open."""
    if OUT.get(reference.key) is reference:
        OUT.pop(reference.key, None)
