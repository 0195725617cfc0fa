"""Specimens: for each row of the table a little program that leaks one such resource, by what they are for.

A specimen is text, for it has to be a file of the user's own: its code is run from a folder of its own, and the line
marked ``# leak`` must be the one that is blamed. What follows ``# release`` releases the resource again; run with it,
nothing may be found; what has no such part is tried one way only. The names
``folder`` and ``path`` are given, a new folder and a file in it that does not exist yet; ``peers``, the port of a
loopback peer for each protocol that :mod:`lifetrack.doctor.peers` speaks; and ``untried(reason)``, to be called where
it cannot be tried here. A module that is missing says that by itself.

Rows of other packages, and of libraries, bring theirs themselves: ``Row(..., specimen=...)``.
"""

from __future__ import annotations

from lifetrack.doctor.specimens.asynchronous import ASYNCHRONOUS
from lifetrack.doctor.specimens.basics import BASICS
from lifetrack.doctor.specimens.further import FURTHER
from lifetrack.doctor.specimens.http import HTTP
from lifetrack.doctor.specimens.storage import STORAGE
from lifetrack.doctor.specimens.stores import STORES
from lifetrack.doctor.specimens.system import SYSTEM
from lifetrack.doctor.specimens.workers import WORKERS
from lifetrack.watchers.rows import Row

#: Mechanisms whose rows say who is at work, and hand out nothing.
_AT_WORK = "uses"
_POOLS = "pools"
#: By the module and name of a row; that of a pool's check-outs has the method that hands them out in its name.
SPECIMENS: dict[tuple[str, str], str] = {
    **BASICS,
    **STORAGE,
    **WORKERS,
    **ASYNCHRONOUS,
    **HTTP,
    **STORES,
    **SYSTEM,
    **FURTHER,
}


def key_of(row: Row) -> tuple[str, str]:
    """Give the module and the name under which a row has its specimen."""
    return row.module, f"{row.name}.{row.declaration.acquire}" if row.mechanism == _POOLS else row.name


def is_resource(row: Row) -> bool:
    """Whether a row is about something to be released, not only about who is at work meanwhile."""
    return row.mechanism == _POOLS or (row.mechanism != _AT_WORK and bool(row.declaration.release))


def specimen_of(row: Row) -> str | None:
    """Give the specimen of a row; None if it has none, which a test of this project forbids."""
    special = (row.module, f"{row.name} ({row.mechanism})")  # where several rows are about one name
    return row.specimen or SPECIMENS.get(special) or SPECIMENS.get(key_of(row))
