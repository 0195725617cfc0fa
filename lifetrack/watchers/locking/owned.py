"""Locks that are objects of classes written in Python: semaphores, and the locks of asyncio.

What is known of them stands beside them, by address, for as long as they live.
"""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any

from lifetrack.ledger.entries import Entry
from lifetrack.ledger.holds import HOLDER, Holder
from lifetrack.values.stacks import RawFrame
from lifetrack.watchers.locking.desk import Desk
from lifetrack.watchers.locking.graph import Node


class _Key:
    """Stands for one hold; its address is the key of the entry, for a semaphore can be held many times."""

    __slots__ = ()


class _Reference(weakref.ref[Any]):
    __slots__ = ("key", "node")
    key: int
    node: Node


class Owned:
    """The nodes of such locks, and their holds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[int, _Reference] = {}

    def add(self, obj: Any, type_name: str, site: RawFrame) -> Node:
        """Begin to know a lock."""
        reference = _Reference(obj, self._gone)
        node = Node(type_name, site)
        reference.key, reference.node = id(obj), node
        self._known[id(obj)] = reference
        return node

    def _gone(self, reference: Any) -> None:
        """Notice that a lock is gone; runs in the garbage collector."""
        address: int = reference.key
        if self._known.get(address) is reference:
            self._known.pop(address, None)
        node: Node = reference.node
        for key, entry in node.holds:
            self._desk.lost(id(key), node, entry)
        if node.after or node.before:
            self._desk.graph.dead.append(node)

    def node(self, obj: object) -> Node | None:
        """Give what is known of a lock; None for one that is not watched."""
        reference = self._known.get(id(obj))
        return None if reference is None or reference() is not obj else reference.node

    def took(self, node: Node, frame: FrameType, holder: Holder, *, by_block: bool, in_order: bool = False) -> None:
        """Note that a lock was taken; with ``in_order``, one that excludes all others."""
        note = self._desk.take
        if note is None or (node.is_signal and not in_order):
            return
        key = _Key()
        entry = note(id(key), node, frame, holder, by_block)
        node.holds.append((key, entry))
        if not node.proven:
            self._desk.doubt(id(key))
        if in_order:
            node.entry = entry
            holder.held.append(entry)

    def gave(self, node: Node, holder: Holder | None, times: int = 1) -> None:
        """Note that a lock was released. By somebody else than its holder: then it is a signal, and nobody owns it."""
        for _ in range(times):
            hold = next((each for each in reversed(node.holds.copy()) if each[1][HOLDER] is holder), None)
            if hold is None:
                self._desk.signal(node)
                self._let_go(node, node.holds.copy())
                return
            self._let_go(node, [hold])
        if holder is not None and holder.later and not holder.held:
            self._desk.show(holder)

    def _let_go(self, node: Node, holds: list[tuple[object, Entry]]) -> None:
        for hold in holds:
            key, entry = hold
            self._desk.drop(id(key), None)
            try:
                node.holds.remove(hold)
                entry[HOLDER].held.remove(entry)
            except ValueError:  # another thread released meanwhile; or a semaphore, which is in no order
                pass
        node.entry = None
