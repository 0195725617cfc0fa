"""Declaring that the program itself answers for the order among some locks."""

from __future__ import annotations

from typing import Any, TypeVar

from lifetrack.values.errors import DeclarationError
from lifetrack.watchers.locking.graph import Node

_L = TypeVar("_L")


def lock_order(lock: _L, group: str) -> _L:
    """Declare that locks of one group are taken in an order that the program keeps by itself; give the lock back.

    Among locks of the same group no inversion (LT403) is reported, as for the nodes of a list that are locked hand over
    hand; between them and other locks it is. Does nothing for a lock that is not watched. Raises DeclarationError for
    what cannot be locked and for a group without a name.
    """
    name: object = group
    if not isinstance(name, str) or not name:
        raise DeclarationError("lock_order() takes a lock and the name of its group, a text that is not empty")
    if not callable(getattr(lock, "acquire", None)) or not callable(getattr(lock, "release", None)):
        raise DeclarationError(f"lock_order() takes a lock; {type(lock).__name__} has no acquire() and release()")
    for each in (lock, getattr(lock, "_lock", None)):
        node = _node_of(each)
        if node is not None:
            node.group = group
    return lock


def _node_of(lock: Any) -> Node | None:
    node = getattr(lock, "_node", None)
    if isinstance(node, Node):
        return node
    from lifetrack.watchers.watching import node_of

    found: Node | None = node_of(lock)
    return found
