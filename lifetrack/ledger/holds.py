"""Holds: entries that stand for a lock being held. They know who holds it, and when that is nobody's business.

A lock that is held is in use, as a rule; it is abandoned only when whoever held it is gone, or when the scope or
process ends that it was taken in.
"""

from __future__ import annotations

from typing import Any

from lifetrack.ledger.entries import EXTRA, KIND, Entry

#: What the entry of a hold has beyond that of other resources: who holds the lock, what is known of the lock, and
#: whether it was taken by a ``with`` block.
HOLDER, NODE, BY_BLOCK = range(EXTRA + 1, EXTRA + 4)
#: At what occasion somebody asks whether a lock is abandoned.
ASKED, SCOPE_ENDS, PROCESS_ENDS = range(3)


class Holder:
    """Who holds locks: a thread or a task. ``held`` has the holds of those that are locked now, oldest first."""

    __slots__ = ("__weakref__", "held", "later", "name")
    kind = "holder"

    def __init__(self, name: str) -> None:
        self.name = name
        self.held: list[Entry] = []
        #: What is to be shown when nothing is held any more.
        self.later: list[Any] = []

    def is_gone(self) -> bool:
        """Whether nobody can be expected to release any more what this holder holds."""
        raise NotImplementedError

    def is_done(self) -> bool:
        """Whether the holder itself has ended; somebody else may still release for it."""
        return self.is_gone()

    def is_asking(self) -> bool:
        """Whether the holder is who runs this."""
        raise NotImplementedError

    def outlives_process(self) -> bool:
        """Whether the holder goes on while the process ends, so that its locks are in use."""
        return not self.is_gone() and not self.is_asking()


class Nobodys:
    """Stands in the ledger for what is no object: a descriptor, a segment, a stretch of use. Only records hold it."""

    __slots__ = ()


def is_nobodys(entry: Entry) -> bool:
    """Whether an entry is about no object, so that nobody can be named who holds it."""
    reference = None if entry[EXTRA] is None else entry[EXTRA].reference
    return reference is not None and issubclass(type(reference()), Nobodys)


def holder_of(entry: Entry) -> Holder | None:
    """Give who holds a lock; None for the entry of any other resource."""
    return entry[HOLDER] if len(entry) > HOLDER else None


def is_in_use(entry: Entry, occasion: int) -> bool:
    """Whether this is a lock that is held for good reason at this occasion, or has nothing to release just now."""
    holder = holder_of(entry)
    if holder is None:
        return entry[KIND].declaration.idle_when is not None and _is_idle(entry)
    if entry[NODE].is_signal:
        return True
    if holder.is_gone():
        return False
    if occasion == ASKED:
        return entry[BY_BLOCK] or not holder.is_asking()
    if occasion == SCOPE_ENDS:
        return not holder.is_asking()
    return holder.outlives_process()


def _is_idle(entry: Entry) -> bool:
    reference = None if entry[EXTRA] is None else entry[EXTRA].reference
    obj = None if reference is None else reference()
    return obj is not None and bool(entry[KIND].declaration.idle_when(obj))


def end_of(entry: Entry, owner: str) -> str:
    """Say what ended while a lock was held; for any other resource, that its owner ended."""
    holder = holder_of(entry)
    if holder is not None:
        if entry[NODE].is_dropped:
            return "it was garbage-collected"
        if holder.is_done():
            return f"its {holder.kind} '{holder.name}' ended"
    return f"{owner} ended"
