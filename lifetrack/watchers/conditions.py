"""What rows say of an acquisition before it counts: who makes the object, and what it takes over from others."""

from __future__ import annotations

from collections.abc import Iterable
from types import FrameType
from typing import Any

from lifetrack.ledger.territory import FILES
from lifetrack.watchers.numbers import taken
from lifetrack.watchers.provenance import comes_from
from lifetrack.watchers.rows import Row, asked
from lifetrack.watchers.shared import Shared
from lifetrack.watchers.strangers import Strangers

_NOTHING: Iterable[object] = ()


def has_conditions(row: Row) -> bool:
    """Whether a row says anything of that; of most there is nothing to ask."""
    return bool(row.takes or row.not_from or row.is_empty or row.only_from or row.takes_over)


def is_quiet(row: Row, frame: FrameType) -> bool:
    """Whether it is no leak that an object is collected which ``frame`` has made."""
    if row.quiet or (row.quiet_to and FILES[frame.f_code.co_filename] in row.quiet_to):
        return True
    return bool(row.quiet_from) and comes_from(frame, row.quiet_from)


def is_due(row: Row, obj: Any, frame: FrameType, watched: Shared, strangers: Strangers) -> bool:
    """Note what an object takes over that was just acquired; whether anybody has to release it."""
    if row.takes is not None:
        taken(asked(row.takes, -1, obj))
    if _is_nobodys(row, obj, frame):
        strangers.pass_over(obj)
        return False
    if row.only_from and not comes_from(frame, row.only_from):
        return False
    if row.takes_over is not None:
        for each in asked(row.takes_over, _NOTHING, obj):
            for listener in watched.listeners:
                listener.taken_over(each)
    return True


def _is_nobodys(row: Row, obj: object, frame: FrameType) -> bool:
    """Whether nobody has to release an object: another module takes care of it, or there is nothing to release."""
    others = bool(row.not_from) and comes_from(frame, row.not_from)
    return others or (row.is_empty is not None and asked(row.is_empty, False, obj))
