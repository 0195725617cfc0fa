"""Stretches: a test, or the fixtures of a class or module, as a place that is entered, left and ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lifetrack.detect.leaks import belongs_to
from lifetrack.ledger import clock
from lifetrack.ledger.cases import Case
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import Place
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.tracker import Tracker
from lifetrack.values.findings import Finding

TEST, FIXTURE = "test", "fixture"


class Stretch:
    """One of them, while its tracker is on; without tracking it does nothing."""

    def __init__(self, tracker: Tracker, name: str, kind: str) -> None:
        self._tracker = tracker
        self._ledger: Ledger | None = tracker.ledger
        self._place: Place | None = None
        if self._ledger is not None:
            self._place = Place(name, kind, self._ledger.place.get())
            self._mark = self._ledger.mark()
            #: The cases themselves, so that their ids stay theirs.
            self._before = {id(case): case for case in self._ledger.cases.all()}

    @contextmanager
    def inside(self, test: Any = None) -> Iterator[None]:
        """Acquire for this stretch, for a block; ``test`` may have a context of its own, as asynchronous ones do."""
        ledger, place = self._ledger, self._place
        if ledger is None or place is None:
            yield
            return
        outside = ledger.place.get()
        context = getattr(test, "_asyncioTestContext", None)
        ledger.place.set(place)
        if context is not None:
            context.run(ledger.place.set, place)
        try:
            yield
        finally:
            ledger.place.set(outside)

    def end(self) -> list[Finding]:
        """File what is still open, and give all findings of this stretch; a declared grace is waited for."""
        if self._ledger is None or self._place is None or self._tracker.ledger is not self._ledger:
            return []
        tracker, place, mark = self._tracker, self._place, self._mark
        clock.wait_while(lambda: tracker.pending_grace(place, mark), tracker.pending_grace(place, mark))
        tracker.end_scope(place, mark, may_raise=False)
        place.ended = True
        cases = self._ledger.cases.all()
        return [
            finding_of_case(self._ledger, case) for case in cases if id(case) not in self._before and self._owns(case)
        ]

    def _owns(self, case: Case) -> bool:
        return self._place is not None and belongs_to(case.entry, self._place) and not case.raised


def running(tracker: Tracker, *kinds: str) -> str | None:
    """Name the test or fixture that somebody has entered already: the pytest plugin, or a test that runs tests."""
    ledger = tracker.ledger
    lineage = () if ledger is None else ledger.place.get().lineage()
    return next((place.name for place in lineage if place.kind in kinds), None)
