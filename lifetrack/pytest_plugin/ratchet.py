"""The ratchet: what one run found, held against the baseline. Workers count, whoever ends the run decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Finding

if TYPE_CHECKING:
    from lifetrack.pytest_plugin.coverage import Coverage
    from lifetrack.reports.baseline import Baseline, Known

#: How many resources of one fingerprint each test, fixture or the process has left.
Owners: TypeAlias = dict[str, int]


class Ratchet:
    """The findings of a run that would fail it, by fingerprint; those of the baseline by that of their entry."""

    def __init__(self, baseline: Baseline | None, root: str) -> None:
        self.baseline = baseline
        self._root = root
        self._owners: dict[str, Owners] = {}
        self._known: dict[str, Known] = {}
        #: Entries of which something was found that fails nothing here.
        self._spared: set[str] = set()

    def note(self, owner: str, findings: Iterable[Finding]) -> None:
        """Count what one end of a test or fixture has found. Of several ends, as reruns make them, the worst counts."""
        if self.baseline is None:
            return
        from lifetrack.reports.baseline import known_of
        from lifetrack.reports.baseline_text import renewed

        counts: dict[str, int] = {}
        for finding in findings:
            entry = self.baseline.find(finding)
            if entry is None:
                entry = self._known.get(finding.fingerprint) or known_of(finding, self._root, owner, 1)
            else:
                fresh = known_of(finding, self._root, owner, 1)
                entry = self._known.get(entry.fingerprint) or renewed(entry, fresh)
            self._known[entry.fingerprint] = entry
            counts[entry.fingerprint] = counts.get(entry.fingerprint, 0) + finding.count
        for name, count in counts.items():
            self._add(name, owner, count)

    def spare(self, findings: Iterable[Finding]) -> None:
        """Hear of findings that fail nothing, by whatever leniency: their entries are not stale for that."""
        if self.baseline is not None:
            found = map(self.baseline.find, findings)
            self._spared.update(entry.fingerprint for entry in found if entry is not None)

    def _add(self, name: str, owner: str, count: int) -> None:
        owners = self._owners.setdefault(name, {})
        owners[owner] = max(owners.get(owner, 0), count)

    # -- workers -------------------------------------------------------------------------------------------------

    def packed(self) -> list[Any]:
        """Give what was counted in words and numbers, for another process."""
        texts = ("fingerprint", "rule", "type", "site", "code", "test")
        rows = [[[getattr(known, text) for text in texts], self._owners[name]] for name, known in self._known.items()]
        return [rows, sorted(self._spared)]

    def merge(self, packed: list[Any]) -> None:
        """Take in what a worker has counted; a fixture that several workers set up counts once."""
        from lifetrack.reports.baseline import Known

        rows, spared = packed
        self._spared.update(spared)
        for words, owners in rows:
            known = Known(*words)
            self._known.setdefault(known.fingerprint, known)
            for owner, count in owners.items():
                self._add(known.fingerprint, str(owner), int(count))

    # -- the verdict ---------------------------------------------------------------------------------------------

    def _count(self, name: str) -> int:
        return sum(self._owners.get(name, {}).values())

    def _found(self) -> dict[str, Known]:
        """Give every fingerprint that was found, with its count and the first test in the order of names."""
        return {
            name: replace(known, count=self._count(name), test=_first(self._owners[name]))
            for name, known in self._known.items()
        }

    def grown(self) -> list[tuple[Known, Known, list[str]]]:
        """Give the entries of which there is more than was accepted: the entry, what was found, and in which tests."""
        entries = {} if self.baseline is None else self.baseline.entries
        return [
            (entries[name], found, sorted(self._owners[name], key=_tests_first))
            for name, found in sorted(self._found().items())
            if name in entries and found.count > entries[name].count and not entries[name].has_expired()
        ]

    def expired(self) -> list[Known]:
        """Give the entries that are found still, though their last day is over."""
        entries = {} if self.baseline is None else self.baseline.entries
        return [entries[name] for name in sorted(self._known) if name in entries and entries[name].has_expired()]

    def stale(self, coverage: Coverage) -> list[Known]:
        """Give the entries that nothing was found for, although it would have been seen."""
        entries = {} if self.baseline is None else self.baseline.entries
        return [
            known
            for name, known in sorted(entries.items())
            if name not in self._known and name not in self._spared and coverage.covers(known)
        ]

    def matched(self) -> int:
        """Give how many resources were accepted."""
        return sum(
            self._count(name) for name in self._known if self.baseline is not None and name in self.baseline.entries
        )

    def update(self, coverage: Coverage) -> str:
        """Write the baseline: what is new or has grown comes in, what is stale goes, counts sink after a complete run.

        Give one line that says what was done. Raises ConfigurationError if it cannot be written.
        """
        baseline = self.baseline
        if baseline is None:
            raise ConfigurationError("no baseline is named: use --lifetrack-baseline=FILE")
        from lifetrack.reports.baseline_text import renewed, write_baseline

        before = dict(baseline.entries)
        for known in self.stale(coverage):
            del baseline.entries[known.fingerprint]
        for name, found in self._found().items():
            old = before.get(name)
            fresh = found if old is None else renewed(old, found)
            if old is not None and (name in self._spared or not coverage.settles(old)):
                fresh = replace(fresh, count=max(old.count, found.count), test=old.test or fresh.test)
            baseline.entries[name] = fresh
        try:
            write_baseline(baseline)
        except ConfigurationError:
            baseline.entries = before
            raise
        return _told(before, baseline.entries)


def _first(owners: Iterable[str]) -> str:
    """Give the first test in the order of names, else the first fixture."""
    return min(owners, key=_tests_first)


def _tests_first(owner: str) -> tuple[bool, str]:
    return "::" not in owner, owner


def _told(before: dict[str, Known], after: dict[str, Known]) -> str:
    added, removed = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    changed = sum(before[name] != after[name] for name in before.keys() & after.keys())
    noun = "entry" if len(after) == 1 else "entries"
    return f"{len(after)} {noun}: {added} added, {changed} changed, {removed} removed"
