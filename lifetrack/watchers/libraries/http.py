"""Clients and servers of HTTP."""

from __future__ import annotations

from lifetrack.watchers.rows import CLASSES, Row, declare

ROWS: tuple[Row, ...] = (
    Row(
        ("requests",), "requests.sessions", "Session", CLASSES,
        declare("close", hint="use it in a 'with' block, or call close() in a 'finally' clause"),
    ),
)  # fmt: skip
