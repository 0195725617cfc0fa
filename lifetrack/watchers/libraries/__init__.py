"""The rows of libraries that are not the standard library's: one module for each family, read when it is asked for.

A library is watched by its import name, all of them by ``libraries``; none is a part of ``stdlib``. None is imported
by being watched: a library that is never imported, or not even installed, is waited for.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

from lifetrack.watchers.rows import Row

LIBRARIES = "libraries"

#: For each family of libraries the names that it is watched by; its rows are ``ROWS`` in the module of that name.
FAMILIES: dict[str, tuple[str, ...]] = {
    "http": ("requests", "urllib3", "httpx", "httpcore", "aiohttp", "boto3", "botocore"),
    "databases": ("sqlalchemy", "psycopg", "psycopg_pool", "pymysql", "redis", "pymongo"),
    "brokers": ("pika", "kombu"),
    "files": ("h5py", "PIL", "matplotlib"),
    "workers": ("joblib", "loky", "torch"),
    "messaging": ("zmq", "paramiko", "grpc"),
}

NAMES: tuple[str, ...] = tuple(name for names in FAMILIES.values() for name in names)


@functools.cache
def _family(name: str) -> tuple[Row, ...]:
    module: Any = import_module(f"{__name__}.{name}")
    rows: tuple[Row, ...] = module.ROWS
    return rows


def rows_of(name: str) -> tuple[Row, ...]:
    """Give the rows of a library, or of all; none for a name that is not known here."""
    families = [family for family, names in FAMILIES.items() if name == LIBRARIES or name in names]
    return tuple(row for family in families for row in _family(family) if name == LIBRARIES or name in row.watch)
