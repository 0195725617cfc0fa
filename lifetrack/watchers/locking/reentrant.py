"""The stand-in of ``threading.RLock``: a subclass of the real one that answers as that does, and tells the desk."""

from __future__ import annotations

import _thread
from types import FrameType
from typing import Any

from lifetrack.ledger.entries import Entry
from lifetrack.ledger.holds import HOLDER, Holder
from lifetrack.watchers.locking.desk import THREADS, Shelved, caller_frame
from lifetrack.watchers.locking.graph import Node
from lifetrack.watchers.locking.holders import local
from lifetrack.watchers.locking.plain import block_frame, dress

NativeRLock: Any = _thread.RLock
_take = NativeRLock.acquire
_give = NativeRLock.release
_is_mine = NativeRLock._is_owned
_save = NativeRLock._release_save
_restore = NativeRLock._acquire_restore
_desk = THREADS


class Saved(tuple[int, int]):  # noqa: SLOT001 - a tuple can have attributes only without them
    """What a reentrant lock gives up for the wait of a condition: its own state, and the hold."""

    shelved: Shelved | None = None


class ReentrantLock(NativeRLock):  # type: ignore[misc]
    """Stands in for a ``_thread.RLock``."""

    __slots__ = ("_node",)
    _node: Node

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make one also where somebody derives from the class."""
        self = NativeRLock.__new__(cls, *args, **kwargs)
        self._node = Node("threading.RLock", None)
        return self

    def acquire(self, blocking: Any = True, timeout: Any = -1) -> bool:
        """Take it."""
        return _lock(self, blocking, timeout, False, caller_frame(1))

    def __enter__(self) -> bool:
        return _lock(self, True, -1, True, block_frame())

    def release(self) -> None:
        """Give it."""
        _unlock(self)

    def __exit__(self, *exc: object) -> None:
        _unlock(self)

    def _release_save(self) -> Saved:
        node = self._node
        shelved = _desk.shelve(id(self), node) if _is_mine(self) else None
        if shelved is not None:
            _parted(self, node, shelved[0])
        saved = Saved(_save(self))
        saved.shelved = shelved
        return saved

    def _acquire_restore(self, state: Any) -> None:
        _restore(self, state)
        node = self._node
        node.depth = state[0] - 1
        _desk.put_back(id(self), node, getattr(state, "shelved", None))

    def _at_fork_reinit(self) -> None:
        _desk.forget(id(self), self._node)
        NativeRLock._at_fork_reinit(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return NativeRLock().__reduce_ex__(protocol)

    def __del__(self) -> None:
        _desk.collected(id(self), self._node)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return NativeRLock if type(self) is ReentrantLock else type(self)


def _lock(self: ReentrantLock, blocking: Any, timeout: Any, by_block: bool, frame: FrameType) -> bool:
    node = self._node
    if _is_mine(self):
        got = _take(self, blocking, timeout)
        node.depth += 1
        return bool(got)
    holder: Holder = local.holder
    if holder.held and blocking:
        _desk.check(node, holder, frame, forever=timeout == -1)
    if not _take(self, blocking, timeout):
        return False
    try:
        node.depth = 0
        note = _desk.take
        if note is not None:
            node.entry = entry = note(id(self), node, frame, holder, by_block)
            holder.held.append(entry)
    except BaseException:
        _desk.forget(id(self), node)
        _give(self)
        raise
    return True


def _unlock(self: ReentrantLock) -> None:
    later: Holder | None = None
    try:
        node = self._node
        entry = node.entry
        if node.depth and _is_mine(self):
            node.depth -= 1
        elif entry is not None and entry[HOLDER] is local.holder:
            later = _parted(self, node, entry)
    finally:
        _give(self)
    if later is not None:
        _desk.show(later)


def _parted(self: ReentrantLock, node: Node, entry: Entry) -> Holder | None:
    """Take the hold out of the accounts; give its holder if that has something to be shown now."""
    node.entry = None
    _desk.drop(id(self), None)
    holder: Holder = entry[HOLDER]
    held = holder.held
    if held and held[-1] is entry:
        held.pop()
    else:
        _desk.leave(node, entry, holder)
    return holder if holder.later and not held else None


dress(ReentrantLock, NativeRLock, ("acquire", "release", "__enter__", "__exit__"))


def make_rlock(node: Node) -> ReentrantLock:
    """Make a reentrant lock that is watched."""
    made: ReentrantLock = ReentrantLock()
    made._node = node
    return made
