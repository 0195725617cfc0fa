"""Where resources come from, as keys that are cheap to make for every live one of them."""

from __future__ import annotations

from types import CodeType
from typing import TypeAlias

from lifetrack.ledger.entries import KIND, OFFSET, TRACE, Entry, acquire_stack
from lifetrack.ledger.territory import FILES, USER, is_users
from lifetrack.values.stacks import Site, site_of

#: The type's name, and where it was acquired: code and offset, None at level ``counts``.
SiteKey: TypeAlias = tuple[str, CodeType | None, int]


def site_key(entry: Entry) -> SiteKey:
    """Tell where a resource was acquired: in the innermost frame of the user's own, as findings do."""
    trace = entry[TRACE]
    name: str = entry[KIND].type_name
    if trace is None:
        return name, None, 0
    if not isinstance(trace, tuple):
        return name, trace, entry[OFFSET]
    if FILES[trace[0].co_filename] == USER:
        return name, trace[0], trace[1]
    stack = acquire_stack(entry)
    if not stack:
        return name, None, 0
    code, offset = next((frame for frame in stack if is_users(frame[0])), stack[0])
    return name, code, offset


class SiteNames:
    """Renders keys once."""

    def __init__(self) -> None:
        self._known: dict[SiteKey, Site | None] = {}

    def site(self, key: SiteKey) -> Site | None:
        """Give the site that a key stands for."""
        if key not in self._known:
            self._known[key] = None if key[1] is None else site_of((key[1], key[2]))
        return self._known[key]
