"""Growth: places whose number of live resources rises with every repetition (LT107), by comparing counts.

A count that rises is not enough: a cache fills, traffic comes and goes, sawteeth rise between two flushes. So two
things must hold in every one of the last windows: the lowest count is higher than in the window before, and some of
what was acquired in that window is live to this moment.
"""

from __future__ import annotations

from collections import Counter
from itertools import count, pairwise
from typing import NamedTuple

from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import KIND, NUMBER, Entry, counted, is_idle
from lifetrack.ledger.journaling import number_of
from lifetrack.ledger.ledger import Ledger
from lifetrack.service.sites import SiteKey, site_key
from lifetrack.values.findings import Certainty

#: In how many windows a count must rise.
WINDOWS = 8
#: The widest window, in samples, that a quick first look takes.
_QUICK_WINDOWS = 4


class Grown(NamedTuple):
    """One place whose count rises: its youngest resource, and the lowest counts of the windows, oldest first."""

    key: SiteKey
    youngest: Entry
    counts: tuple[int, ...]


class _Sample(NamedTuple):
    """The live counts by place at one moment, and how many of each kind had been acquired until then."""

    counts: dict[SiteKey, int]
    marks: dict[int, int]


def _living(ledger: Ledger) -> list[Entry]:
    return [entry for entry in ledger.open_entries() if entry[NUMBER] is not None and not is_idle(entry)]


def _sample(ledger: Ledger) -> _Sample:
    marks = {id(kind): counted(kind.numbers) for kind in list(ledger.kinds)}
    return _Sample(dict(Counter(site_key(entry) for entry in _living(ledger))), marks)


class GrowthWatch:
    """Samples of one ledger, oldest first; the first is where it begins. With ``kept`` only the last ones are kept."""

    def __init__(self, kept: int | None = None) -> None:
        self._samples: list[_Sample] = []
        self._kept = kept

    def __len__(self) -> int:
        return len(self._samples)

    def take(self, ledger: Ledger) -> None:
        """Take a sample of this moment."""
        self.add(_sample(ledger))

    def add(self, sample: _Sample) -> None:
        """Take a sample that was made already."""
        self._samples.append(sample)
        if self._kept is not None and len(self._samples) > self._kept:
            del self._samples[0]

    def suspects(self, ledger: Ledger) -> list[Grown]:
        """Give the places that may be growing, after a few repetitions: what is worth more of them."""
        return self._grown(ledger, _QUICK_WINDOWS)

    def grown(self, ledger: Ledger) -> list[Grown]:
        """Give the places that have grown in each of the last windows."""
        return self._grown(ledger, WINDOWS)

    def _grown(self, ledger: Ledger, windows: int) -> list[Grown]:
        repetitions = len(self._samples) - 1
        if repetitions < windows:
            return []
        living: dict[SiteKey, list[Entry]] = {}
        last = self._samples[-1].counts
        for entry in _living(ledger):
            key = site_key(entry)
            if last.get(key, 0) >= windows:
                living.setdefault(key, []).append(entry)
        widths = range(1, repetitions // windows + 1)
        found = (self._judge(key, entries, widths) for key, entries in living.items())
        return [each for each in found if each is not None]

    def _judge(self, key: SiteKey, entries: list[Entry], widths: range) -> Grown | None:
        for width in widths:
            counts = self._rising(key, width)
            if counts and self._has_survivors(entries, width):
                return Grown(key, entries[-1], counts)
        return None

    def _starts(self, width: int) -> list[int]:
        """Give the first sample of each window, windows of equal width that end with the last sample."""
        return list(range(1 + (len(self._samples) - 1) % width, len(self._samples), width))

    def _rising(self, key: SiteKey, width: int) -> tuple[int, ...]:
        """Give the lowest count of each window if each is higher than the one before; nothing otherwise."""
        starts = self._starts(width)
        before = self._samples[starts[0] - 1].counts.get(key, 0)
        windows = (self._samples[start : start + width] for start in starts)
        lowest = [before, *(min(sample.counts.get(key, 0) for sample in window) for window in windows)]
        rises = all(lower < higher for lower, higher in pairwise(lowest))
        return tuple(lowest) if rises else ()

    def _has_survivors(self, entries: list[Entry], width: int) -> bool:
        """Whether some of what was acquired in each window is live."""
        for start in self._starts(width):
            since, until = self._samples[start - 1].marks, self._samples[start + width - 1].marks
            if not any(
                since.get(id(entry[KIND]), 0) <= number_of(entry) < until.get(id(entry[KIND]), 0) for entry in entries
            ):
                return False
        return True


def _joined(earlier: _Sample, later: _Sample) -> _Sample:
    """Make one sample of two that follow each other: the lower counts, and the end of the later one."""
    counts = {key: min(count, earlier.counts.get(key, 0)) for key, count in later.counts.items()}
    return _Sample(counts, later.marks)


class GrowthScales:
    """Samples of a ledger for as long as a process runs: the last ones, the last pairs, pairs of pairs and so on.

    So growth is found from the pace of the samples up to that of months, in memory that grows as the logarithm of time.
    """

    def __init__(self, kept: int = 2 * WINDOWS + 1) -> None:
        self._kept = kept
        self._scales: list[GrowthWatch] = []
        #: For each scale the sample that waits for the other of its pair.
        self._waiting: list[_Sample | None] = []

    def __len__(self) -> int:
        return sum(map(len, self._scales))

    def take(self, ledger: Ledger) -> list[Grown]:
        """Take a sample of this moment; give the places that have grown at any scale that it completes."""
        sample, found = _sample(ledger), dict[SiteKey, Grown]()
        for scale in count():
            if scale == len(self._scales):
                self._scales.append(GrowthWatch(self._kept))
                self._waiting.append(None)
            watch, waiting = self._scales[scale], self._waiting[scale]
            watch.add(sample)
            if len(watch) == self._kept:
                found |= {grown.key: grown for grown in watch.grown(ledger)}
            self._waiting[scale] = sample if waiting is None else None
            if waiting is None:
                break
            sample = _joined(waiting, sample)
        return list(found.values())


class GrowthCases:
    """The findings of growth: one for each place, told anew when the count has doubled."""

    def __init__(self) -> None:
        self._known: dict[SiteKey, Case] = {}

    def file(self, ledger: Ledger, grown: Grown, how: str) -> Case | None:
        """File a place that grows; give None if it was told already and has not doubled since."""
        more = grown.counts[-1] - grown.counts[0]
        whose = "of its type" if grown.key[1] is None else "from there"
        words = {"grown": _sentence(grown.counts, whose, how)}
        case = self._known.get(grown.key)
        if case is None:
            case = Case("LT107", Certainty.SUSPECTED, list(grown.youngest), None, words=words)
            case.count = more
            self._known[grown.key] = ledger.cases.add(case)
            return case
        if more < 2 * case.count:
            return None
        case.renew(grown.youngest, words)
        case.count = more
        return case


def _sentence(counts: tuple[int, ...], whose: str, how: str) -> str:
    shown = [str(count) for count in counts]
    if len(shown) > 6:
        shown[3:-2] = ["…"]
    return f"is one of {counts[-1]} live ones {whose}, whose number rose {how} ({', '.join(shown)})"
