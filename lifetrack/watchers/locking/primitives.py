"""The stand-ins of ``threading.Lock`` and ``threading.RLock``: they lock by the real ones, and tell the desk.

The bookkeeping of a lock is done by who holds it, after it was taken and before it is given, so that it needs no
protection of its own. An exception that comes from outside in between, as by Ctrl-C, gives the lock back.
"""

from __future__ import annotations

import _thread
import threading
from sys import _getframe
from types import FrameType
from typing import Any

from lifetrack.ledger.entries import Entry
from lifetrack.ledger.holds import HOLDER, Holder
from lifetrack.watchers.locking.desk import Desk, Shelved, caller_frame, site_for
from lifetrack.watchers.locking.graph import Node
from lifetrack.watchers.locking.holders import local

NativeLock: Any = _thread.LockType
NativeRLock: Any = _thread.RLock
_allocate = _thread.allocate_lock

_take_again = NativeRLock.acquire
_give = NativeRLock.release
_is_mine = NativeRLock._is_owned
_save = NativeRLock._release_save
_restore = NativeRLock._acquire_restore


#: From Python 3.13 on ``threading.Lock`` is the class of the locks.
_CLASS_MAKES = isinstance(threading.Lock, type)


class Saved(tuple[int, int]):
    """What a reentrant lock gives up for the wait of a condition: its own state, and the hold."""

    shelved: Shelved | None = None


class LockMeta(type):
    """The class of the stand-in's class, which answers for the real one: both kinds of locks are instances of it."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, NativeLock) or type.__instancecheck__(cls, instance)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is NativeLock

    def __hash__(cls) -> int:
        return hash(NativeLock)

    def __repr__(cls) -> str:
        return repr(NativeLock)


def make_lock_class(desk: Desk) -> Any:
    """Make the class that stands in for ``_thread.lock``, which can be neither changed nor derived from."""

    def take(self: Any, blocking: Any, timeout: Any, by_block: bool, frame: FrameType) -> bool:
        holder: Holder = local.holder
        node: Node = self._node
        if holder.held and blocking:
            desk.check(node, holder, frame, forever=timeout == -1)
        if not self._take(blocking, timeout):
            return False
        try:
            note = desk.take
            if note is not None:
                node.entry = entry = note(id(self), node, frame, holder, by_block)
                holder.held.append(entry)
        except BaseException:
            self._give()
            raise
        return True

    def give(self: Any) -> None:
        later: Any = None
        try:
            node = self._node
            entry = node.entry
            if entry is not None:
                node.entry = None
                desk.drop(id(self), None)
                holder = local.holder
                held = holder.held
                if held and held[-1] is entry:
                    held.pop()
                else:
                    desk.leave(node, entry, holder)
                if not held and holder.later:
                    later = holder
        finally:
            self._give()
        if later is not None:
            desk.show(later)

    class Meta(LockMeta):
        """Makes locks too, where the class itself is what makes them."""

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            site = None if args or kwargs or desk.take is None or not _CLASS_MAKES else site_for(caller_frame(1))
            return NativeLock(*args, **kwargs) if site is None else make_lock(cls, Node("threading.Lock", site))

    class lock(metaclass=Meta):  # noqa: N801 - the name of the real one
        __slots__ = ("__weakref__", "_give", "_native", "_node", "_take")

        def acquire(self, blocking: Any = True, timeout: Any = -1) -> bool:
            if desk.take is None:
                return bool(self._take(blocking, timeout))
            return take(self, blocking, timeout, False, caller_frame(1))

        def __enter__(self) -> bool:
            if desk.take is None:
                return bool(self._take())
            try:
                frame = _getframe(1)
            except ValueError:
                frame = _getframe(0)
            return take(self, True, -1, True, frame)

        def release(self) -> None:
            give(self)

        def __exit__(self, *exc: object) -> None:
            give(self)

        def locked(self) -> bool:
            return bool(self._native.locked())

        acquire_lock, release_lock, locked_lock = acquire, release, locked

        def _release_save(self) -> Shelved | None:
            shelved = desk.shelve(id(self), self._node)
            give(self)
            return shelved

        def _acquire_restore(self, shelved: Shelved | None) -> None:
            self._take()
            desk.put_back(id(self), self._node, shelved)

        def _at_fork_reinit(self) -> None:
            forgotten(desk, id(self), self._node)
            self._native._at_fork_reinit()

        def __repr__(self) -> str:
            return repr(self._native).replace(hex(id(self._native)), hex(id(self)))

        def __reduce_ex__(self, protocol: Any) -> Any:
            return self._native.__reduce_ex__(protocol)

        def __del__(self) -> None:
            desk.collected(id(self), self._node)

        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            return NativeLock

    lock.__module__, lock.__qualname__ = NativeLock.__module__, NativeLock.__qualname__
    for name in ("acquire", "release", "locked", "__enter__", "__exit__"):
        _dress(vars(lock)[name], getattr(NativeLock, name))
    return lock


def _dress(function: Any, original: Any) -> None:
    function.__doc__ = original.__doc__
    function.__qualname__ = original.__qualname__


def forgotten(desk: Desk, key: int, node: Node) -> None:
    """Forget a hold of a lock that is made new in a forked process."""
    entry, node.entry, node.depth = node.entry, None, 0
    if entry is not None:
        desk.drop(key, None)
        if entry in entry[HOLDER].held:
            entry[HOLDER].held.remove(entry)


def make_lock(cls: Any, node: Node) -> Any:
    """Make a lock of the stand-in's class."""
    made = cls.__new__(cls)
    made._node = node
    made._native = native = _allocate()
    made._take, made._give = native.acquire, native.release
    return made


def make_rlock_class(desk: Desk) -> Any:
    """Make the class that stands in for ``_thread.RLock``: a subclass that answers as the real one."""

    def take(self: Any, blocking: Any, timeout: Any, by_block: bool, frame: FrameType) -> bool:
        node: Node = self._node
        if _is_mine(self):
            got = _take_again(self, blocking, timeout)
            node.depth += 1
            return bool(got)
        holder: Holder = local.holder
        if holder.held and blocking:
            desk.check(node, holder, frame, forever=timeout == -1)
        if not _take_again(self, blocking, timeout):
            return False
        try:
            node.depth = 0
            note = desk.take
            if note is not None:
                node.entry = entry = note(id(self), node, frame, holder, by_block)
                holder.held.append(entry)
        except BaseException:
            _give(self)
            raise
        return True

    def give(self: Any) -> None:
        later: Any = None
        try:
            node = self._node
            entry = node.entry
            if node.depth and _is_mine(self):
                node.depth -= 1
            elif entry is not None and entry[HOLDER] is local.holder:
                later = parted(self, node, entry)
        finally:
            _give(self)
        if later is not None:
            desk.show(later)

    def parted(self: Any, node: Node, entry: Entry) -> Holder | None:
        node.entry = None
        desk.drop(id(self), None)
        holder: Holder = entry[HOLDER]
        held = holder.held
        if held and held[-1] is entry:
            held.pop()
        else:
            desk.leave(node, entry, holder)
        return holder if holder.later and not held else None

    class RLock(NativeRLock):  # type: ignore[misc]
        __slots__ = ("_node",)

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            self = NativeRLock.__new__(cls, *args, **kwargs)
            self._node = Node("threading.RLock", None)
            return self

        def acquire(self, blocking: Any = True, timeout: Any = -1) -> bool:
            return take(self, blocking, timeout, False, caller_frame(1))

        def __enter__(self) -> bool:
            return take(self, True, -1, True, caller_frame(1))

        def release(self) -> None:
            give(self)

        def __exit__(self, *exc: object) -> None:
            give(self)

        def _release_save(self) -> Saved:
            node = self._node
            shelved = desk.shelve(id(self), node) if _is_mine(self) else None
            if shelved is not None:
                parted(self, node, shelved[0])
            saved = Saved(_save(self))
            saved.shelved = shelved
            return saved

        def _acquire_restore(self, state: Any) -> None:
            _restore(self, state)
            node = self._node
            node.depth = state[0] - 1
            desk.put_back(id(self), node, getattr(state, "shelved", None))

        def _at_fork_reinit(self) -> None:
            forgotten(desk, id(self), self._node)
            NativeRLock._at_fork_reinit(self)

        def __reduce_ex__(self, protocol: Any) -> Any:
            return NativeRLock().__reduce_ex__(protocol)

        def __del__(self) -> None:
            desk.collected(id(self), self._node)

        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            return NativeRLock if type(self) is RLock else type(self)

    RLock.__module__, RLock.__qualname__ = NativeRLock.__module__, NativeRLock.__qualname__
    for name in ("acquire", "release", "__enter__", "__exit__"):
        _dress(vars(RLock)[name], getattr(NativeRLock, name))
    return RLock
