"""Tracking for a block of a test, whether it is on already or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lifetrack.tracker import Tracker, default_tracker
from lifetrack.values.settings import Level, Policy, PolicyChoice


@contextmanager
def tracking(
    policy: PolicyChoice | Policy | None = None,
    watch: str | Iterable[str] = (),
    level: str | Level | None = None,
) -> Iterator[Tracker]:
    """Track in the block, then go back to what was before.

    Where tracking is on already, its level stays, unless one is given, and so does its policy.
    """
    tracker = default_tracker()
    engine = tracker.engine
    before = None if engine is None else engine.settings
    if before is None:
        tracker.start(Level.STACKS if level is None else level, policy=policy or "raise", watch=watch, report=False)
        try:
            yield tracker
        finally:
            tracker.stop()
        return
    wanted = before.policy if policy is None else policy
    undo = tracker.watch(*([watch] if isinstance(watch, str) else watch)) if watch else None
    _change(tracker, before.level if level is None else level, wanted, before.frames)
    try:
        yield tracker
    finally:
        if undo is not None:
            undo()
        _change(tracker, before.level, before.policy, before.frames)


def _change(tracker: Tracker, level: str | Level, policy: PolicyChoice | Policy, frames: int) -> None:
    engine = tracker.engine
    if engine is None or (engine.settings.level, engine.settings.policy) != (level, policy):
        tracker.start(level, policy=policy, frames=frames, report=tracker.reports_to)
