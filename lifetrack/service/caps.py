"""Caps: more resources of a type live at once than its limit allows (LT107)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import KIND, Entry, Kind, is_idle
from lifetrack.ledger.ledger import Ledger
from lifetrack.service.sites import site_key
from lifetrack.values.findings import Certainty
from lifetrack.values.limits import Limits


class CapWatch:
    """Finds types with too many live resources: once when they pass the cap, and again after they were below it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._above: set[str] = set()

    def use(self, limits: Limits) -> None:
        """Go by other limits from now on."""
        self._limits = limits

    def limit_of(self, kind: Kind) -> float | None:
        """Give the cap of a type: what was set for its name, else what its declaration says."""
        found = self._limits.find((kind.type_name, *kind.bases))
        return kind.declaration.max_live if found is None else found

    def is_wanted(self, ledger: Ledger) -> bool:
        """Whether any type has a cap, or may have when it comes."""
        return bool(self._limits) or any(kind.declaration.max_live is not None for kind in list(ledger.kinds))

    def look(self, ledger: Ledger) -> list[Case]:
        """File what has passed its cap since the last look, at the place that most of it comes from."""
        caps = {kind.type_name: cap for kind in list(ledger.kinds) if (cap := self.limit_of(kind)) is not None}
        if not caps:
            return []
        living: dict[str, list[Entry]] = {}
        for entry in ledger.open_entries():
            name = entry[KIND].type_name
            if name in caps and not is_idle(entry):
                living.setdefault(name, []).append(entry)
        above = {name: entries for name, entries in living.items() if len(entries) > caps[name]}
        new = [name for name in above if name not in self._above]
        self._above = set(above)
        return [self._case(ledger, above[name], caps[name]) for name in new]

    def _case(self, ledger: Ledger, entries: list[Entry], cap: float) -> Case:
        by_site = Counter(site_key(entry) for entry in entries)
        worst, most = by_site.most_common(1)[0]
        youngest = _last(entry for entry in entries if site_key(entry) == worst)
        more = f", {most} of them from there" if len(by_site) > 1 else ""
        grown = f"is one of {len(entries)} live ones of its type{more}, which is over its cap of {cap:.0f}"
        case = Case("LT107", Certainty.PROVEN, list(youngest), None, words={"grown": grown})
        case.count = len(entries) - int(cap)
        return ledger.cases.add(case)


def _last(entries: Iterable[Entry]) -> Entry:
    last: Entry = []
    for last in entries:  # noqa: B007 - the last one is what is asked for
        pass
    return last
