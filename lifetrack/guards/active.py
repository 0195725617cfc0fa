"""The engines that are on: owners, handles and borrows tell all of them, for they belong to no tracker."""

from __future__ import annotations

from lifetrack.guards.engine import Engine

#: Read as ``active.engines``; replaced as a whole, so that whoever goes through it needs no lock.
engines: tuple[Engine, ...] = ()


def enlist(engine: Engine) -> None:
    """Let an engine be told."""
    global engines  # noqa: PLW0603 - the one list of a process
    engines = (*engines, engine)


def delist(engine: Engine) -> None:
    """Tell it no more; does nothing for one that is not enlisted."""
    global engines  # noqa: PLW0603 - the one list of a process
    engines = tuple(item for item in engines if item is not engine)
