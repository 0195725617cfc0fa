"""Clients of message brokers."""

from __future__ import annotations

from typing import Any

from lifetrack.watchers.rows import CLASSES, POOLS, Lending, Row, check_out, declare

_WITH = "use it in a 'with' block, or call close() in a 'finally' clause"


def _is_shut(obj: Any) -> bool:
    """Whether a connection or channel of pika is not open, or was never made completely."""
    return getattr(obj, "_impl", None) is None or not obj.is_open


PIKA: tuple[Row, ...] = (
    Row(
        ("pika",), "pika.adapters.blocking_connection", "BlockingConnection", CLASSES,
        declare("close", released_when=_is_shut, hint=_WITH),
        usual=False, keeps=("__init__",),
    ),
    Row(
        ("pika",), "pika.adapters.blocking_connection", "BlockingChannel", CLASSES,
        declare("close", released_when=_is_shut, hint=_WITH),
        usual=False, parent=lambda channel: channel.connection,
        made_by=("pika.adapters.blocking_connection:BlockingConnection.channel",),
    ),
)  # fmt: skip

# -- kombu ---------------------------------------------------------------------------------------------------------

_KOMBU = ("kombu",)


def _is_released(connection: Any) -> bool:
    return bool(connection._closed) or connection._connection is None


def _always(_: object) -> bool:
    return True


def _below(lent: Any) -> tuple[object, ...]:
    """What was lent, and the connection that a producer was given for as long as it is out."""
    return lent, getattr(lent, "__connection__", None)


KOMBU: tuple[Row, ...] = (
    Row(
        _KOMBU, "kombu.connection", "Connection", CLASSES,
        declare("release", "close", "collect", acquire="_establish_connection", released_when=_is_released,
                hint="use it in a 'with' block, or call release() in a 'finally' clause"),
        usual=False, keeps=("_establish_connection",), parent=lambda connection: connection._pool, kept=True,
    ),
    Row(
        _KOMBU, "kombu.resource", "Resource", CLASSES,
        declare("force_close_all", hollow=True, ends_with_process=_always,
                hint="call force_close_all() when the pool has done its work"),
        usual=False,
    ),
    # The pools of kombu.pools are made by whoever is the first to need one, and live as long as the process.
    Row(_KOMBU, "kombu.pools", "PoolGroup", CLASSES, declare(), usual=False, keeps=("__missing__",)),
    Row(
        _KOMBU, "kombu.resource", "Resource", POOLS,
        check_out("acquire", "release", "replace",
                  hint="use 'with pool.acquire()', or call release() of what it gave in a 'finally' clause"),
        usual=False, lending=Lending(below=_below, strict=True),
    ),
)  # fmt: skip

ROWS: tuple[Row, ...] = (*PIKA, *KOMBU)
