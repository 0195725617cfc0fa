"""Population: one search for plugins, made by one thread while all others that ask wait for its end."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Protocol

from lifetrack.backends.discovery import Choice, Found, Maker, Rejected, find, rejected
from lifetrack.backends.errors import BROKEN
from lifetrack.backends.seats import LOCK, OPEN, Seat, State
from lifetrack.backends.tracking import here
from lifetrack.backends.turns import Turn
from lifetrack.values.errors import BackendError
from lifetrack.values.stacks import RawFrame


class Population(Turn):
    """One search under way: the groups, and what was found so far in each."""

    def __init__(self, groups: tuple[str, ...], choice: Choice, place: RawFrame | None) -> None:
        super().__init__()
        self.groups = groups
        self.choice = choice
        self.place = place
        self._added: dict[str, list[str]] = {group: [] for group in groups}
        self._rejected: dict[str, list[Rejected]] = {group: [] for group in groups}

    def results(self, *, complete: bool) -> dict[str, Found]:
        """Give what was found so far, by group."""
        return {
            group: Found(tuple(self._added[group]), tuple(self._rejected[group]), complete) for group in self.groups
        }

    def note_added(self, group: str, name: str) -> None:
        """Note a backend that the search has brought."""
        if name not in self._added[group]:
            self._added[group].append(name)

    def note_rejected(self, group: str, entry_point: EntryPoint, error: BaseException, collection: str) -> None:
        """Note a plugin that is broken, and log it."""
        self._rejected[group].append(rejected(entry_point, error, collection))


class Host(Protocol):
    """What a search needs of its collection."""

    _name: str
    _state: State

    def _check_changeable(self, state: State, what: str) -> None: ...

    def _install(self, seat: Seat) -> None: ...


class Search:
    """Which groups were searched, and with which result."""

    def __init__(self, host: Host, maker: Maker, groups: tuple[str, ...], choice: Choice) -> None:
        self._host = host
        self._maker = maker
        self._groups = tuple(dict.fromkeys(groups))
        self._choice = choice
        self._found: dict[str, Found] = {}
        self._running: Population | None = None

    def is_mine(self) -> bool:
        """Whether the thread that asks is in the middle of a search."""
        running = self._running
        return running is not None and running.is_mine()

    def populate(
        self, asked: tuple[str, ...], include: tuple[str, ...] | None, exclude: tuple[str, ...] | None, *, again: bool
    ) -> Found:
        """Search what has not been searched, or wait for whoever does; see the collection's method."""
        again = again or include is not None or exclude is not None
        choice = Choice(
            self._choice.include if include is None else include, self._choice.exclude if exclude is None else exclude
        )
        while True:
            self._groups = tuple(dict.fromkeys((*self._groups, *asked)))
            wanted = tuple(dict.fromkeys(asked)) or self._groups
            missing = wanted if again else tuple(group for group in wanted if group not in self._found)
            if self._host._state.phase != OPEN or missing:
                self._host._check_changeable(self._host._state, "populate()")
            if not missing:
                return merged([self._found[group] for group in wanted])
            running = self._running
            if running is None or running.is_lost():
                population = Population(missing, choice, here())
                if self._begin(running, population):
                    return self._search(population, wanted, again=again)
            elif running.is_mine() or not running.wait(f"populate() of collection '{self._host._name}'"):
                partial = {**self._found, **running.results(complete=False)}
                return merged([partial.get(group, Found(complete=False)) for group in wanted])

    def _begin(self, running: Population | None, population: Population) -> bool:
        with LOCK.now:
            if self._running is not running:
                return False
            self._running = population
            return True

    def _search(self, population: Population, wanted: tuple[str, ...], *, again: bool) -> Found:
        try:
            seats = self._host._state.seats
            known = {seat.plugin.entry_point: seat.name for seat in seats if seat.plugin is not None}
            for group, entry_point in find(population.groups, population.choice):
                if entry_point not in known:
                    name = self._try(population, group, entry_point)
                    if name is not None:
                        known[entry_point] = name
                elif not again:  # from a search that was interrupted
                    population.note_added(group, known[entry_point])
            results = population.results(complete=True)
            self._found = {**self._found, **{group: self._joined(group, found) for group, found in results.items()}}
            return merged([results[group] if again else self._found[group] for group in wanted])
        finally:
            self._running = None
            population.over.set()

    def _joined(self, group: str, found: Found) -> Found:
        before = self._found.get(group, Found()).added
        return Found(tuple(dict.fromkeys((*before, *found.added))), found.rejected)

    def _try(self, population: Population, group: str, entry_point: EntryPoint) -> str | None:
        """Make a backend and install it; give its name, or None where it is rejected."""
        host = self._host
        try:
            seat = self._maker.make(entry_point, population.place)
        except BROKEN as error:
            population.note_rejected(group, entry_point, error, host._name)
            return None
        try:
            host._install(seat)
        except BaseException as error:
            self._maker.discard(seat.backend, error)
            ended = host._state.phase != OPEN or host._state.sealed
            if ended or not isinstance(error, BackendError):
                raise
            population.note_rejected(group, entry_point, error, host._name)
            return None
        population.note_added(group, seat.name)
        return seat.name


def merged(results: list[Found]) -> Found:
    """Put the results of several groups together."""
    return Found(
        tuple(name for each in results for name in each.added),
        tuple(item for each in results for item in each.rejected),
        all(each.complete for each in results),
    )
