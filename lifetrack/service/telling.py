"""From what was found to the events that sinks are told: one for each rule and place at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from lifetrack.ledger.cases import Case
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.service.events import RELEASED, ServiceEvent, finding_event
from lifetrack.service.held import HELD, LIMIT, Overdue
from lifetrack.service.sites import SiteKey, site_key
from lifetrack.values.limits import seconds_text


def after_all(ledger: Ledger, ended: Iterable[Overdue]) -> Iterator[ServiceEvent]:
    """Make one event for those of each place that were released after all; ``held`` is the longest time."""
    same: dict[SiteKey, list[Overdue]] = {}
    for each in ended:
        same.setdefault(site_key(each.case.entry), []).append(each)
    for group in same.values():
        worst = max(group, key=lambda each: each.held)
        event = _event(ledger, worst.case, len(group))
        where = "" if event.site is None else f" acquired at {event.site}"
        times = f"after {seconds_text(worst.held)}, with a limit of {seconds_text(worst.limit)}"
        yield replace(event, event=RELEASED, message=f"{event.type}{where} was released after all, {times}")


def _event(ledger: Ledger, case: Case, count: int) -> ServiceEvent:
    held, limit = (None if (word := case.words.get(name)) is None else float(word) for name in (HELD, LIMIT))
    return finding_event(finding_of_case(ledger, case), count, held=held, limit=limit)


def events_of(ledger: Ledger, cases: Sequence[Case]) -> Iterable[ServiceEvent]:
    """Make one event for the cases of each rule and place; a leak of ten thousand is one line in a log."""
    same: dict[tuple[str, SiteKey, Any], list[Case]] = {}
    for case in cases:
        trace = None if case.use is None else case.use[1]
        same.setdefault((case.rule, site_key(case.entry), None if trace is None else trace[:2]), []).append(case)
    for group in same.values():
        yield _event(ledger, group[0], len(group))
