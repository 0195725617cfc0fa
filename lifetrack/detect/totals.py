"""Totals by type, from the ledger's own counters: exact at every level."""

from __future__ import annotations

from collections import Counter

from lifetrack.ledger.entries import KIND, is_idle
from lifetrack.ledger.ledger import Ledger
from lifetrack.values.records import TypeTotals


def type_totals(ledger: Ledger) -> tuple[TypeTotals, ...]:
    """Count by type: how many were acquired and released, and how many are live."""
    live = Counter(entry[KIND].type_name for entry in ledger.open_entries())
    acquired: Counter[str] = Counter()
    # What the collector has noticed and nobody has taken in yet is open no more; it was not released for that.
    collected = Counter(entry[KIND].type_name for entry in list(ledger.pending) if not is_idle(entry))
    for kind in ledger.kinds:
        acquired[kind.type_name] += kind.acquired
        collected[kind.type_name] += kind.collected
    return tuple(
        TypeTotals(name, count, max(0, count - live[name] - collected[name]), live[name])
        for name, count in sorted(acquired.items())
        if count
    )
