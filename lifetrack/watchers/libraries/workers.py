"""Pools of worker processes: joblib's and loky's. The reusable one belongs to the process, with all it is made of."""

from __future__ import annotations

from typing import Any

from lifetrack.watchers.rows import CLASSES, Row, declare
from lifetrack.watchers.tables.workers import workers_of


def _is_shut(executor: Any) -> bool:
    return bool(executor._flags.shutdown or executor._flags.broken)


ROWS: tuple[Row, ...] = tuple(
    Row(
        (watch,), f"{package}.process_executor", "ProcessPoolExecutor", CLASSES,
        declare("shutdown", released_when=_is_shut,
                hint="use it in a 'with' block, or call shutdown() in a 'finally' clause"),
        usual=False, parts=workers_of, grows=True, not_from=(f"{package}.reusable_executor",),
    )
    for watch, package in (("joblib", "joblib.externals.loky"), ("loky", "loky"))
)  # fmt: skip
