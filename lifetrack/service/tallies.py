"""Tallies for metrics: live, acquired, released, collected and held, by type and by place, in bounded memory.

Nothing of this stands on the path of an acquisition or a release. Numbers by type are read from the ledger's counters;
those by place need every resource once, when its record is taken out of the ledger. :class:`Departures` is the ledger's
own table of records, which notes those that leave; it is used while metrics are wanted, and only then.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import count
from time import perf_counter
from typing import Any, NamedTuple

from lifetrack.ledger.entries import (
    COLLECTED,
    INHERITED,
    KIND,
    MOMENT,
    NUMBER,
    OPEN_STATES,
    RELEASE_MOMENT,
    RELEASED,
    STATE,
    Entry,
    counted,
    origin_of,
    place_of,
)
from lifetrack.ledger.holds import HOLDER
from lifetrack.ledger.ledger import Ledger
from lifetrack.service.sites import SiteKey, SiteNames, site_key

#: Upper bounds of the histogram of held seconds.
BOUNDS = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0)
#: How many places have numbers of their own; the rest is counted under OTHER.
MOST_SITES = 500
OTHER = "(other)"
#: Places are not known at level ``counts``.
UNKNOWN = "(unknown)"
#: In how many looks a record that was taken out must have been judged.
_LOOKS = 20
#: How many departures are kept between two looks.
_MOST_DEPARTURES = 200_000


class Departures(dict[int, Entry]):
    """The records of a ledger; those that are taken out are noted with the time. Callbacks of the collector do that."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: deque[tuple[Entry, float]] = deque(maxlen=_MOST_DEPARTURES)
        self.numbers = count()

    def pop(self, key: int, default: Any = None) -> Any:
        """Take a record out."""
        entry = dict.pop(self, key, default)
        # Marks in the order of records, and those of finalizers, have no kind; what was acquired before has no number.
        if entry is not None and entry[KIND] is not None and entry[NUMBER] is not None:
            self.gone.append((entry, perf_counter()))
            next(self.numbers)
        return entry


def _is_released(entry: Entry) -> bool:
    return entry[STATE] == RELEASED and entry[KIND] is not None and entry[NUMBER] is not None


class Held(NamedTuple):
    """A histogram: how many were held up to each bound, cumulated, the last without a bound; and the sum of seconds."""

    buckets: tuple[int, ...]
    total: float


class Series(NamedTuple):
    """The numbers of one type at one place. ``site`` is ``file:line``, or one of OTHER and UNKNOWN."""

    type: str
    site: str
    function: str
    live: int
    acquired: int
    released: int
    collected: int


class Found(NamedTuple):
    """How many findings of a rule there are about one type at one place, and whether they were allowed."""

    rule: str
    type: str
    site: str
    function: str
    allowed: bool
    number: int


class Tally(NamedTuple):
    """All numbers of one moment.

    ``folded`` is how many places share OTHER. ``missed`` is how many records came and went unseen between two looks:
    they are counted by their type, at OTHER.
    """

    series: tuple[Series, ...] = ()
    held: tuple[tuple[str, Held], ...] = ()
    found: tuple[Found, ...] = ()
    folded: int = 0
    missed: int = 0


class _Histogram:
    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        at = next((i for i, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        self.buckets[at] += 1
        self.total += seconds

    def value(self) -> Held:
        below, cumulated = 0, []
        for each in self.buckets:
            below += each
            cumulated.append(below)
        return Held(tuple(cumulated), self.total)


class Tallies:
    """The numbers of one ledger. They belong to one thread. What ``is_own`` is ours, such as a sink's socket."""

    def __init__(self, is_own: Callable[[Entry], bool], most_sites: int = MOST_SITES) -> None:
        self._is_own = is_own
        self._most_sites = most_sites
        self._names = SiteNames()
        #: Released and collected so far, by place.
        self._released: Counter[SiteKey] = Counter()
        self._collected: Counter[SiteKey] = Counter()
        #: Records that were counted as released while their object lives on, by the number that tells them.
        self._counted: dict[int, Entry] = {}
        #: Records that were taken out before it was known why, and how many more looks they wait for that.
        self._waiting: list[tuple[Entry, int]] = []
        #: What each type had beyond what stood at its places, when it was looked at last.
        self._rests: dict[str, int] = {}
        self._held: dict[str, _Histogram] = {}
        self._kept: set[SiteKey] = set()
        self._types: set[str] = set()
        self._folded: set[SiteKey] = set()
        #: The largest numbers told for each series: what counts up never goes back.
        self._told: dict[SiteKey, tuple[int, int, int]] = {}
        #: How many of our own there were, by type: no acquisitions of the program's.
        self._own: Counter[str] = Counter()
        self._taken: int | None = None
        self._missed = 0
        #: Seconds that resources were held, since somebody asked last: for systems that have histograms of their own.
        self.fresh: deque[tuple[str, float]] = deque(maxlen=_MOST_DEPARTURES)

    def begin_anew(self, ledger: Ledger) -> None:
        """Begin in a forked child: what is over by now was the parent's."""
        if isinstance(ledger.entries, Departures):
            ledger.entries.gone.clear()
        self._counted = {id(entry): entry for entry in ledger.snapshot() if _is_released(entry)}

    def look(self, ledger: Ledger) -> set[int]:
        """Take in what has left the ledger since the last look, and give the numbers that tell these records.

        The ledger was drained just now.
        """
        table, taken = ledger.entries, set[int]()
        if not isinstance(table, Departures):
            return taken
        if self._taken is None:
            self._taken = counted(table.numbers) - len(table.gone)
        waited, self._waiting = self._waiting, []
        for entry, looks in waited:
            self._count(entry, None, looks - 1)
        for _ in range(len(table.gone)):  # those that come meanwhile are for the next time: they may never end
            try:
                entry, when = table.gone.popleft()
            except IndexError:  # somebody has forgotten them, in a process that was forked
                break
            self._taken += 1
            taken.add(id(entry))
            if self._counted.pop(id(entry), None) is None:
                self._count(entry, when)
        self._missed = max(self._missed, counted(table.numbers) - self._taken - len(table.gone))
        return taken

    def _count(self, entry: Entry, when: float | None, looks: int = _LOOKS) -> None:
        state = entry[STATE]
        if self._is_own(entry):
            self._own[self._type(entry[KIND].type_name)] += state != INHERITED  # those were never counted
        elif state == COLLECTED:
            self._collected[self._place(entry)] += 1
        elif state == RELEASED or (state in OPEN_STATES and (len(entry) > HOLDER or not looks)):
            # A lock that was let go of; or what ends by itself when it is dropped, and is released by that.
            self._released[self._place(entry)] += 1
            self._time(entry, when)
        elif state in OPEN_STATES:
            self._waiting.append((entry, looks))  # it may be about to be judged as collected

    def _time(self, entry: Entry, when: float | None) -> None:
        release = entry[RELEASE_MOMENT]
        until = when if release is None else release[0]
        if until is None or entry[MOMENT] is None:
            return
        seconds = max(0.0, until - entry[MOMENT][0])
        name = self._type(entry[KIND].type_name)
        self._held.setdefault(name, _Histogram()).add(seconds)
        self.fresh.append((name, seconds))

    def _type(self, name: str) -> str:
        if name in self._types or len(self._types) < self._most_sites:
            self._types.add(name)
            return name
        return OTHER

    def _place(self, entry: Entry) -> SiteKey:
        """Give the key that a resource is counted under: its own place, while there is room for another one."""
        key = site_key(entry)
        if key in self._kept:
            return key
        if len(self._kept) < self._most_sites and self._type(key[0]) != OTHER:
            self._kept.add(key)
            return key
        if len(self._folded) < 100 * self._most_sites:
            self._folded.add(key)
        return self._type(key[0]), None, -1

    def tally(self, ledger: Ledger) -> Tally:
        """Give the numbers of this moment."""
        live, rests, lost = self._measure(ledger)
        if not self._missed and isinstance(ledger.entries, Departures):
            rests = {}  # what was being acquired or dropped in this moment has no place yet, and will have
        before, self._rests = self._rests, rests
        self._put(live, {name: min(rest, before.get(name, 0)) for name, rest in rests.items()}, lost)
        series = tuple(self._series(key, live[key]) for key in dict.fromkeys((*live, *self._told)))
        held = tuple((name, histogram.value()) for name, histogram in self._held.items())
        return Tally(series, held, self._found(ledger), len(self._folded), self._missed)

    def _measure(self, ledger: Ledger) -> tuple[Counter[SiteKey], dict[str, int], dict[str, int]]:
        """Give the live ones by place, and by type what has no place: of all, and of those that were collected."""
        # In this order, so that nothing is missed that goes meanwhile: it would seem to have no place.
        acquired, collected = self._by_type(ledger)
        entries = ledger.snapshot()
        taken = self.look(ledger)
        live: Counter[SiteKey] = Counter(self._place(entry) for entry, _ in self._waiting)
        own = self._own.copy()
        for entry in entries:
            if id(entry) in taken:
                continue
            if entry[STATE] in OPEN_STATES:
                if self._is_own(entry):
                    own[self._type(entry[KIND].type_name)] += 1
                else:
                    live[self._place(entry)] += 1
            elif _is_released(entry) and id(entry) not in self._counted:
                self._counted[id(entry)] = entry
                self._count(entry, None)
        acquired.subtract(own)
        for key in dict.fromkeys((*live, *self._released, *self._collected)):
            acquired[key[0]] -= live[key] + self._released[key] + self._collected[key]
            collected[key[0]] -= self._collected[key]
        rests = {name: max(0, number) for name, number in acquired.items()}
        return live, rests, {name: max(0, min(collected[name], rest)) for name, rest in rests.items()}

    def _by_type(self, ledger: Ledger) -> tuple[Counter[str], Counter[str]]:
        """Give how many of each type were acquired and collected, from the ledger's own counters, which are exact."""
        acquired: Counter[str] = Counter()
        collected: Counter[str] = Counter()
        for kind in list(ledger.kinds):
            name = self._type(kind.type_name)
            acquired[name] += kind.acquired
            collected[name] += kind.collected
        return acquired, collected

    def _put(self, live: Counter[SiteKey], rests: dict[str, int], lost: dict[str, int]) -> None:
        """Note the numbers by place; what a type has beyond that stands at OTHER, so that sums by type are exact."""
        others: dict[SiteKey, tuple[int, int]] = {}
        for name, rest in rests.items():
            others[name, None, -1] = rest, min(rest, lost[name])
        for key in dict.fromkeys((*live, *self._released, *self._collected, *others)):
            rest, gone = others.get(key, (0, 0))
            released, collected = self._released[key] + rest - gone, self._collected[key] + gone
            if number := live[key] + released + collected:
                self._tell(key, number, released, collected)

    def _tell(self, key: SiteKey, acquired: int, released: int, collected: int) -> None:
        # Between two counts a resource may be neither live nor gone yet; what counts up must not go down for that.
        before = self._told.get(key, (0, 0, 0))
        self._told[key] = max(acquired, before[0]), max(released, before[1]), max(collected, before[2])

    def _series(self, key: SiteKey, live: int) -> Series:
        where, function = self._words(key)
        return Series(key[0], where, function, live, *self._told.get(key, (live, 0, 0)))

    def _words(self, key: SiteKey) -> tuple[str, str]:
        if key[1] is None:
            return (OTHER if key[2] < 0 else UNKNOWN), ""
        site = self._names.site(key)
        return (UNKNOWN, "") if site is None else (f"{site.file}:{site.line}", site.function)

    def _found(self, ledger: Ledger) -> tuple[Found, ...]:
        numbers: Counter[tuple[str, SiteKey, bool]] = Counter()
        for case in ledger.cases.all():
            place = place_of(case.entry)
            allowed = (place.allowed() or origin_of(case.entry).allowed()) is not None
            numbers[case.rule, self._place(case.entry), allowed] += case.count
        return tuple(
            Found(rule, key[0], *self._words(key), allowed, number) for (rule, key, allowed), number in numbers.items()
        )
