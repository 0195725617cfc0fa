"""Tracking for a block of a test, whether it is on already or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from lifetrack.tracker import Tracker, default_tracker
from lifetrack.values.findings import Finding
from lifetrack.values.settings import Level, Policy, PolicyChoice, parse_level, parse_policy
from lifetrack.watchers.watching import check_names, declarations_of


@contextmanager
def tracking(
    policy: PolicyChoice | Policy | None = None,
    watch: str | Iterable[str] = (),
    level: str | Level | None = None,
    *,
    only: bool = False,
) -> Iterator[Tracker]:
    """Track in the block, then go back to what was before.

    Where tracking is on already, its level stays, unless one is given, and so does its policy. What is watched already
    goes on to be, as its releases would be missed; with ``only`` what ``watch`` does not name is pardoned.
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
    names = check_names(watch)
    wanted = before.policy if policy is None else parse_policy(policy)
    if only:
        wanted = replace(wanted, pardon=_beyond(tracker, names, wanted))
    undo = tracker.watch(*names) if names else None
    _change(tracker, before.level if level is None else parse_level(level), wanted, before.frames)
    try:
        yield tracker
    finally:
        if undo is not None:
            undo()
        _change(tracker, before.level, before.policy, before.frames)


def _beyond(tracker: Tracker, names: tuple[str, ...], policy: Policy) -> Callable[[Finding], bool]:
    """Give what pardons a finding about an object that is watched, but by none of these names."""
    named = {id(declaration) for declaration in declarations_of(names)}

    def pardons(finding: Finding) -> bool:
        kinds = [] if tracker.ledger is None else tracker.ledger.kinds
        found = [kind.declaration for kind in kinds if kind.type_name == finding.resource.type]
        others = [each for each in found if each.watched and id(each) not in named]
        return policy.pardons(finding) or (bool(found) and len(others) == len(found))

    return pardons


def _change(tracker: Tracker, level: Level, policy: Policy, frames: int) -> None:
    engine = tracker.engine
    if engine is None or engine.settings.level != level or engine.settings.policy is not policy:
        tracker.start(level, policy=policy, frames=frames, report=tracker.reports_to)
