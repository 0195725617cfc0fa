"""Contents: the state of a collection, how it changes, and how it is read without a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, NoReturn, TypeVar, overload

from lifetrack.backends.capabilities import capability_key, words
from lifetrack.backends.errors import log
from lifetrack.backends.seats import CLEANED, CLEANING, LOCK, OPEN, Seat, State, place_text
from lifetrack.backends.tracking import here
from lifetrack.values.errors import BackendError
from lifetrack.values.settings import shown

T = TypeVar("T")
C = TypeVar("C")


class Contents(Generic[T]):
    """What a collection holds. Readers see one immutable state; a change replaces it as a whole or not at all."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._state = State()
        #: The backends of the state by name, so that :meth:`get` is one look-up.
        self._table: dict[str, T] = {}

    def _before_reading(self) -> None:
        """Do what must be done before the contents are asked for."""

    # -- the one way to change -----------------------------------------------------------------------------------

    def _change(self, step: Callable[[State], State]) -> State:
        """Replace the state by what ``step`` makes of it, again if another thread was faster; give the one before."""
        while True:
            before = self._state
            after = step(before)
            table = {seat.name: seat.backend for seat in after.seats}
            with LOCK.now:
                if self._state is before:
                    self._state, self._table = after, table
                    return before

    def _refuse(self, what: str) -> NoReturn:
        raise BackendError(f"collection '{self._name}': {what}")

    def _check_changeable(self, state: State, what: str) -> None:
        if state.phase != OPEN:
            self._refuse(f"{what} after its cleanup{' has begun' if state.phase == CLEANING else ''}")
        if state.sealed:
            text = f"{what} at {place_text(here())} refused: it was sealed at {place_text(state.sealed_at)}"
            log("warning", "collection '%s': %s", self._name, text)
            self._refuse(text)

    def _readable(self, what: str) -> State:
        """Give the state, populated if it populates itself; raise BackendError after the cleanup."""
        if self._state.phase == OPEN and not self._state.sealed:
            self._before_reading()
        state = self._state
        if state.phase == CLEANED:
            self._refuse(f"{what} after its cleanup")
        return state

    def _is_known(self, backend: object) -> bool:
        return self._state.seat_of(backend) is not None

    # -- read ----------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the collection."""
        return self._name

    def get(self, name: str) -> T:
        """Give the backend of this name, the very object that was added; raises BackendError if there is none."""
        try:
            return self._table[name]
        except (KeyError, TypeError):
            pass
        return self._named(name, "get()").backend  # type: ignore[no-any-return]

    def _named(self, name: object, what: str) -> Seat:
        state = self._readable(what)
        seat = state.seat(name) if isinstance(name, str) else None
        if seat is None:
            self._refuse(f"{what} of {shown(name)}, which it does not have; {self._has(state)}")
        return seat

    def _has(self, state: State) -> str:
        return f"it has {', '.join(map(repr, self._names(state)))}" if state.seats else "it is empty"

    def _names(self, state: State) -> tuple[str, ...]:
        return tuple(seat.name for seat in state.seats)

    def names(self) -> tuple[str, ...]:
        """Give the names at this moment, in order of arrival."""
        return self._names(self._readable("names()"))

    def __iter__(self) -> Iterator[T]:
        """Iterate over the backends of this moment, in order of arrival."""
        return iter([seat.backend for seat in self._readable("iteration").seats])

    def __len__(self) -> int:
        return len(self._readable("len()").seats)

    def __contains__(self, item: object) -> bool:
        state = self._readable("'in'")
        return state.seat_of(item) is not None or (isinstance(item, str) and state.seat(item) is not None)

    def __repr__(self) -> str:
        phase = ("", ", being cleaned up", ", cleaned up")[self._state.phase]
        return f"<BackendCollection '{self._name}', {len(self._state.seats)} backends{phase}>"

    @overload
    def require(self, capability: str, *, of: str | None = None) -> T: ...
    @overload
    def require(self, capability: type[C], *, of: str | None = None) -> C: ...
    def require(self, capability: Any, *, of: str | None = None) -> Any:
        """Give the first backend that has a capability: the greatest ``priority``, then the first that came.

        With ``of`` that backend, if it has it. Raises BackendError that names the capability and who has it.
        """
        key = capability_key(capability)
        if of is not None:
            seat = self._named(of, "require()")
            if key not in seat.capabilities:
                self._refuse(
                    f"backend '{of}' ({seat.type_name}) lacks the capability {words(key)}: {self.who_can(key)}"
                )
            return seat.backend
        able = [seat for seat in self._readable("require()").seats if key in seat.capabilities]
        if not able:
            self._refuse(f"no backend has the capability {words(key)}: {self._has(self._state)}")
        return max(able, key=lambda seat: seat.priority).backend

    def who_can(self, capability: str | type) -> str:
        """Tell in words which backends have a capability."""
        key = capability_key(capability)
        able = [seat.name for seat in self._state.seats if key in seat.capabilities]
        return f"{', '.join(map(repr, able))} {'has' if len(able) == 1 else 'have'} it" if able else "none has it"

    def _check_new(self, state: State, seat: Seat, instead_of: Seat | None = None) -> None:
        same = state.seat(seat.name)
        if same is not None and same is not instead_of:
            self._refuse(f"{seat.describe()} cannot have the name '{seat.name}': {same.describe()} has it")
        same = state.seat_of(seat.backend)
        if same is not None:
            self._refuse(f"{seat.describe()} cannot be added again: it is '{same.name}' already")
