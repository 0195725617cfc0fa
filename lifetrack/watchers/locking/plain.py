"""The stand-in of ``threading.Lock``: it locks by a real one, and tells the desk.

The bookkeeping of a lock is done by who holds it, after it was taken and before it is given, so that it needs no
protection of its own. An exception that comes from outside in between, as by Ctrl-C, gives the lock back; at the very
edges of a method it can hit as it hits the standard library's own locks that are written in Python, such as conditions.
"""

from __future__ import annotations

import _thread
import threading
from sys import _getframe
from types import FrameType
from typing import Any

from lifetrack.ledger.holds import Holder
from lifetrack.watchers.locking.desk import THREADS, Shelved, caller_frame, site_for
from lifetrack.watchers.locking.graph import Node
from lifetrack.watchers.locking.holders import local

NativeLock: Any = _thread.LockType
_allocate = _thread.allocate_lock
#: From Python 3.13 on ``threading.Lock`` is the class of the locks.
_CLASS_MAKES = isinstance(threading.Lock, type)
_desk = THREADS


#: A condition enters its lock on behalf of the block.
_CONDITION_ENTERS = threading.Condition.__enter__.__code__


def block_frame() -> FrameType:
    """Give the frame of the block that enters a lock, from the lock's own ``__enter__``."""
    try:
        frame = _getframe(2)
    except ValueError:  # called straight from C
        return _getframe(1)
    if frame.f_code is _CONDITION_ENTERS:
        return frame.f_back or frame
    return frame


class _Meta(type):
    """The class of the stand-in's class, which answers for the real one: both kinds of locks are instances of it."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        site = None if args or kwargs or _desk.take is None or not _CLASS_MAKES else site_for(caller_frame(1))
        return NativeLock(*args, **kwargs) if site is None else make_lock(Node("threading.Lock", site))

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, NativeLock) or type.__instancecheck__(cls, instance)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is NativeLock

    def __hash__(cls) -> int:
        return hash(NativeLock)

    def __repr__(cls) -> str:
        return repr(NativeLock)


class PlainLock(metaclass=_Meta):
    """Stands in for a ``_thread.lock``, whose class can be neither changed nor derived from."""

    __slots__ = ("__weakref__", "_give", "_native", "_node", "_take")
    _native: Any
    _take: Any
    _give: Any
    _node: Node

    def __init_subclass__(cls) -> None:
        raise TypeError("type '_thread.lock' is not an acceptable base type")

    def acquire(self, blocking: Any = True, timeout: Any = -1) -> bool:
        """Take it."""
        if _desk.take is None:
            return bool(self._take(blocking, timeout))
        return _lock(self, blocking, timeout, False, caller_frame(1))

    def __enter__(self) -> bool:
        if _desk.take is None:
            return bool(self._take())
        return _lock(self, True, -1, True, block_frame())

    def release(self) -> None:
        """Give it."""
        _unlock(self)

    def __exit__(self, *exc: object) -> None:
        _unlock(self)

    def locked(self) -> bool:
        """Tell whether it is held."""
        return bool(self._native.locked())

    acquire_lock, release_lock, locked_lock = acquire, release, locked

    def _release_save(self) -> Shelved | None:
        shelved = _desk.shelve(id(self), self._node)
        _unlock(self)
        return shelved

    def _acquire_restore(self, shelved: Shelved | None) -> None:
        self._take()
        _desk.put_back(id(self), self._node, shelved)

    def _at_fork_reinit(self) -> None:
        _desk.forget(id(self), self._node)
        self._native._at_fork_reinit()

    def __repr__(self) -> str:
        return repr(self._native).replace(hex(id(self._native)), hex(id(self)))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._native.__reduce_ex__(protocol)

    def __del__(self) -> None:
        _desk.collected(id(self), self._node)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return NativeLock


def _lock(self: PlainLock, blocking: Any, timeout: Any, by_block: bool, frame: FrameType) -> bool:
    holder: Holder = local.holder
    node = self._node
    if holder.held and blocking:
        _desk.check(node, holder, frame, forever=timeout == -1)
    if not self._take(blocking, timeout):
        return False
    try:
        note = _desk.take
        if note is not None:
            node.entry = entry = note(id(self), node, frame, holder, by_block)
            holder.held.append(entry)
    except BaseException:
        _desk.forget(id(self), node)
        self._give()
        raise
    return True


def _unlock(self: PlainLock) -> None:
    later: Holder | None = None
    try:
        node = self._node
        entry = node.entry
        if entry is not None:
            node.entry = None
            _desk.drop(id(self), None)
            holder: Holder = local.holder
            held = holder.held
            if held and held[-1] is entry:
                held.pop()
            else:
                _desk.leave(node, entry, holder)
            if not held and holder.later:
                later = holder
    finally:
        self._give()
    if later is not None:
        _desk.show(later)


def dress(cls: Any, native: Any, names: tuple[str, ...]) -> None:
    """Let a stand-in and its methods have the names and texts of the real ones."""
    for name in names:
        function, original = vars(cls)[name], getattr(native, name)
        function.__doc__, function.__qualname__ = original.__doc__, original.__qualname__
    cls.__name__, cls.__qualname__, cls.__module__ = native.__name__, native.__qualname__, native.__module__
    cls.__doc__ = native.__doc__


dress(PlainLock, NativeLock, ("acquire", "release", "locked", "__enter__", "__exit__"))


def make_lock(node: Node) -> PlainLock:
    """Make a lock that is watched."""
    made = object.__new__(PlainLock)
    made._node = node
    made._native = native = _allocate()
    made._take, made._give = native.acquire, native.release
    return made
