"""Kinship: resources that depend on others. Whatever a parent makes shall be released before the parent."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from lifetrack.guards.engine import Engine
from lifetrack.ledger.entries import EXTRA, OPEN_STATES, STATE, Entry, Extra, extra_of
from lifetrack.ownership.custody import mark_bound

#: Beyond this number of children those that have ended are forgotten, each time that their number has doubled.
_MANY = 16


def bind(child: Entry, obj: object, parent: Entry) -> None:
    """Note that a resource depends on another one. One that depends on something already stays with that."""
    extra = extra_of(child)
    if extra.parent is not None or child is parent or _is_below(parent, child):
        return
    extra.parent = parent
    try:
        reference: Any = weakref.ref(obj)
    except TypeError:
        reference = None
    kin = mark_bound(parent)
    children: dict[int, tuple[Entry, Any]] = {}
    if kin.children is None:  # nothing is made from here to the answer, so of several threads one prevails
        kin.children = children
    kin.children[id(child)] = child, reference
    if len(kin.children) > _MANY and len(kin.children) & (len(kin.children) - 1) == 0:
        for key, (each, _) in kin.children.copy().items():
            if each[STATE] not in OPEN_STATES:
                kin.children.pop(key, None)


def _is_below(entry: Entry, upper: Entry) -> bool:
    extra: Extra | None = entry[EXTRA]
    while extra is not None and extra.parent is not None:
        if extra.parent is upper:
            return True
        extra = extra.parent[EXTRA]
    return False


def bind_object(engine: Engine, obj: object, parent: object) -> None:
    """Note that an object depends on another one, where both are tracked and the other one is not released."""
    entries = engine.ledger.entries
    child, upper = entries.get(id(obj)), entries.get(id(parent))
    if child is not None and upper is not None and upper[STATE] in OPEN_STATES:
        bind(child, obj, upper)


def dependents(entry: Entry) -> Iterator[tuple[Entry, Any]]:
    """Give the open resources that depend on one, at any depth, each with its object if that can be reached."""
    extra: Extra | None = entry[EXTRA]
    children = {} if extra is None or extra.children is None else extra.children.copy()
    for child, reference in children.values():
        if child[STATE] in OPEN_STATES:
            yield child, None if reference is None else reference()
            yield from dependents(child)
