"""All that instruments declared classes and single objects for one engine; loaded when the first is declared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lifetrack.guards.engine import Engine
from lifetrack.instrument.classes import Classes
from lifetrack.instrument.functions import Desk
from lifetrack.instrument.kin import child_maker
from lifetrack.instrument.singles import Singles


class Instruments:
    """The instrumented classes and the single objects of one engine."""

    def __init__(self, engine: Engine, drain: Callable[[], object], desk: Desk) -> None:
        self.classes = Classes(engine, drain, partial(child_maker, desk))
        self.singles = Singles(engine, self.classes)
