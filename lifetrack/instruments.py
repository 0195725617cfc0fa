"""What instruments declared classes and single objects, loaded with the first of them: most programs declare none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifetrack.guards.engine import Engine

if TYPE_CHECKING:
    from lifetrack.instrument.classes import Classes, Parts
    from lifetrack.instrument.recorder import Recorder
    from lifetrack.instrument.singles import Singles
    from lifetrack.values.declarations import Declaration


class Instruments:
    """The instrumented classes and the single objects of one engine; also the desk of functions that make children."""

    def __init__(self, engine: Engine, drain: Callable[[], object]) -> None:
        self.engine = engine
        self._drain = drain
        #: One, once something is declared; no more are used, should two threads be the first to declare.
        self._made: list[tuple[Classes, Singles]] = []

    def _both(self) -> tuple[Classes, Singles]:
        if not self._made:
            from lifetrack.instrument.classes import Classes
            from lifetrack.instrument.singles import Singles

            classes = Classes(self.engine, self._drain, self._child_maker)
            self._made.append((classes, Singles(self.engine, classes)))
        return self._made[0]

    def _child_maker(self, original: Any) -> Callable[..., Any]:
        from lifetrack.instrument.kin import child_maker

        return child_maker(self, original)

    @property
    def singles(self) -> Singles:
        """The single objects."""
        return self._both()[1]

    @property
    def recorder(self) -> Recorder:
        """The recorder of the declared classes."""
        return self._both()[0].recorder

    def install(self, cls: type, declaration: Declaration) -> None:
        """Instrument a declared class and every subclass that it has."""
        self._both()[0].install(cls, declaration)

    def declared(self) -> list[type]:
        """Give the declared classes whose objects are resources as soon as they are made."""
        return self._made[0][0].declared() if self._made else []

    def settle(self) -> None:
        """Look again at classes made since the last time."""
        if self._made:
            self._made[0][0].settle()

    def guard_inherited(self) -> None:
        """Let uses of what a forked child has inherited be looked at."""
        if self._made:
            self._made[0][0].guard_inherited()

    def parts(self) -> Parts | None:
        """Give what another engine with the same ledger needs to go on, once these are removed; None for nothing."""
        return self._made[0][0].parts() if self._made else None

    def take_over(self, parts: Parts | None, other: Instruments) -> None:
        """Go on with the parts of others, which are removed by now, and with their single objects."""
        if parts is not None:
            classes, singles = self._both()
            classes.take_over(parts)
            singles.take_over(other.singles)

    def remove(self) -> None:
        """Restore every class exactly."""
        if self._made:
            self._made[0][0].remove()
