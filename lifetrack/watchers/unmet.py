"""Objects that no record is about though their class is watched or declared: they were there before tracking began.

They are looked for only when a report is made, among all that the garbage collector knows.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any

from lifetrack.guards.shapes import mro
from lifetrack.ledger.entries import type_name
from lifetrack.values.collector import objects_of

if TYPE_CHECKING:
    from lifetrack.watchers.python_classes import WatchedClass


def unmet(entries: Container[int], declared: Iterable[type], watched: Iterable[WatchedClass]) -> Counter[str]:
    """Count by type the live objects of these classes that have no entry, and have something to release.

    Of a declared class that cannot be known, so all count.
    """
    kinds: dict[type, WatchedClass | None] = dict.fromkeys(declared)
    kinds.update((each.cls, each) for each in watched)
    if not kinds:
        return Counter()
    wanted = {cls: found for cls in _with_subclasses(kinds) if (found := _kind(cls, kinds)) is not None}
    counts: Counter[str] = Counter()
    for obj in objects_of(*wanted):
        watch = wanted[type(obj)][0]
        if id(obj) not in entries and (watch is None or _is_open(watch, obj)):
            counts[type_name(type(obj))] += 1
    return counts


def _with_subclasses(classes: Iterable[type]) -> dict[type, None]:
    """Give classes with all their subclasses, at any depth; fewer by far than there are classes in the process."""
    found: dict[type, None] = {}
    waiting = list(classes)
    while waiting:
        cls = waiting.pop()
        if cls not in found:
            found[cls] = None
            waiting += type.__subclasses__(cls)  # past any metaclass of its own
    return found


def _kind(cls: type, kinds: dict[type, WatchedClass | None]) -> tuple[WatchedClass | None] | None:
    """Give how a class is watched, in a tuple; None where it is not, or where its objects could not be recorded."""
    base = next((base for base in mro(cls) if base in kinds), None)
    if base is None or (kinds[base] is not None and not cls.__weakrefoffset__):
        return None
    return (kinds[base],)


def _is_open(watch: WatchedClass, obj: Any) -> bool:
    if obj is threading.main_thread() or isinstance(obj, getattr(threading, "_DummyThread", ())):
        return False  # nobody has started them
    return watch.strangers.has(obj)
