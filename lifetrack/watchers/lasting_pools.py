"""Pools of connections, and where each was made: a pool of the whole process keeps what a test happened to open first.

The libraries need not be watched for that: what they keep idle are sockets, and connections to databases, which are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own
from lifetrack.ledger.ledger import Ledger
from lifetrack.watchers.imports import forget, when_imported
from lifetrack.watchers.shared import in_place_of

#: By module the class whose objects keep connections, or lead to what keeps them.
_CLASSES = {
    "sqlalchemy.engine.base": "Engine",  # which has another pool after dispose()
    "urllib3.poolmanager": "PoolManager",
    "httpcore._sync.connection_pool": "ConnectionPool",
    "redis.connection": "ConnectionPool",
    "psycopg_pool.pool": "ConnectionPool",
}
_MAKE = """
def wrapper({declare}):
    _lt_result = _lt_original({call})
    _lt_made({first})
    return _lt_result
"""


class _Pools:
    """The patches, which all ledgers share."""

    def __init__(self) -> None:
        self._ledgers: tuple[Ledger, ...] = ()
        self._patches = Patches()
        self._hooks: dict[str, Callable[[], None]] = {name: partial(self._patch, name) for name in _CLASSES}

    def join(self, ledger: Ledger) -> None:
        """Tell a ledger of each pool from now on."""
        if not self._ledgers:
            for name, hook in self._hooks.items():
                when_imported(name, hook)
        self._ledgers = (*self._ledgers, ledger)

    def leave(self, ledger: Ledger) -> None:
        """Stop it; with the last ledger, everything is put back."""
        kept = list(self._ledgers)
        kept.remove(ledger)
        self._ledgers = tuple(kept)
        if not kept:
            for name, hook in self._hooks.items():
                forget(name, hook)
            self._patches.undo()

    def _patch(self, name: str) -> None:
        cls = getattr(sys.modules[name], _CLASSES[name], None)
        original = own(cls).get("__init__") if isinstance(cls, type) else None
        if original is not None:
            self._patches.put(cls, "__init__", in_place_of(original, _MAKE, {"made": self._made}))

    def _made(self, pool: Any) -> None:
        for ledger in self._ledgers:
            ledger.pools.setdefault(pool, ledger.place.get())


_pools = _Pools()


class LastingPools:
    """Tells one ledger of the pools, until it is removed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger: Ledger | None = ledger
        _pools.join(ledger)

    def remove(self) -> None:
        """Stop it; does nothing the second time."""
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            _pools.leave(ledger)
