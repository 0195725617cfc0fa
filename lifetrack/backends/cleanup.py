"""Cleanup: releasing every backend, newest first, once, however many ask for it and from wherever."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from lifetrack.backends.errors import log
from lifetrack.backends.seats import CLEANED, CLEANING, LOCK, Loan, Seat, State, place_text
from lifetrack.backends.turns import Turn
from lifetrack.values.errors import OwnershipError


class Held(NamedTuple):
    """A backend that was still lent when it was released: who borrowed it, as ``file:line`` and a thread's name."""

    name: str
    place: str
    thread: str

    def __str__(self) -> str:
        return f"backend '{self.name}' was still borrowed at {self.place} by thread '{self.thread}'"


class Cleanup(NamedTuple):
    """What a cleanup has done: the names released, newest first, those whose release raised, and what was still lent.

    ``complete`` is False where the cleanup was still running: a backend asked for it in its own release.
    """

    released: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()
    complete: bool = False


class Cleaning(Turn):
    """A cleanup under way."""

    def __init__(self) -> None:
        super().__init__()
        self._released: list[str] = []
        self._failed: list[str] = []
        self._held: list[Held] = []
        self.errors: list[BaseException] = []

    def release(self, seat: Seat, release: Callable[[Seat], None], judge_borrows: Callable[[Seat], None]) -> None:
        """Release one backend; an error is kept, and whatever it is, the others are released too."""
        loans: list[Loan] = list(seat.loans.copy().values())
        self._held += [Held(seat.name, place_text(loan.place), loan.thread) for loan in loans]
        try:
            judge_borrows(seat)
        except OwnershipError as error:  # told with the others; the backend is released all the same
            self.errors.append(error)
        try:
            release(seat)
        except BaseException as error:  # kept: raised when all are released
            self._failed.append(seat.name)
            self.errors.append(error)
        else:
            self._released.append(seat.name)

    def result(self, *, complete: bool) -> Cleanup:
        """Give what was done so far."""
        return Cleanup(tuple(self._released), tuple(self._failed), tuple(self._held), complete)


def group_of(errors: list[BaseException], collection: str, held: tuple[Held, ...]) -> BaseExceptionGroup[BaseException]:
    """Make the one error of a cleanup; its notes tell what was still lent.

    The message tells the types of the errors: at exit Python 3.11 shows nothing but that.
    """
    noun = "backend" if len(errors) == 1 else "backends"
    types = ", ".join(type(error).__name__ for error in errors)
    text = f"{len(errors)} {noun} of {collection} failed to be released: {types}"
    group = BaseExceptionGroup(text, errors)
    for each in held:
        group.add_note(str(each))
    return group


class Host(Protocol):
    """What a cleanup needs of its collection."""

    _name: str
    _state: State

    def _change(self, step: Callable[[State], State]) -> State: ...


class Cleaner:
    """The cleanup of one collection."""

    def __init__(self, host: Host, release: Callable[[Seat], None], judge_borrows: Callable[[Seat], None]) -> None:
        self._host = host
        self._release = release
        self._judge_borrows = judge_borrows
        self._running: Cleaning | None = None
        self._late: list[BaseException] = []

    def keep(self, error: BaseException) -> None:
        """Keep an error for the cleanup to raise: whoever caused it is not the one to be told."""
        self._late.append(error)

    def cleanup(self) -> Cleanup:
        """Release all, or wait for whoever does; see the collection's method."""
        while True:
            running = self._running
            if running is None or running.is_lost():
                if (mine := self._begin(running)) is not None:
                    return self._clean(mine)
            elif running.over.is_set():
                if self._host._state.phase == CLEANED:
                    return running.result(complete=True)
                self._begin_again(running)  # it was interrupted
            elif running.is_mine() or not running.wait(f"cleanup() of collection '{self._host._name}'"):
                return running.result(complete=False)

    def _begin(self, running: Cleaning | None) -> Cleaning | None:
        mine = Cleaning()
        with LOCK.now:
            if self._running is not running:
                return None
            self._running = mine
            return mine

    def _begin_again(self, running: Cleaning) -> None:
        with LOCK.now:
            if self._running is running:
                self._running = None

    def _clean(self, cleaning: Cleaning) -> Cleanup:
        try:
            while (seat := self._next()) is not None:
                if seat.take():
                    cleaning.release(seat, self._release, self._judge_borrows)
        finally:
            late, self._late = self._late, []
            errors = [*late, *cleaning.errors]
            cleaning.errors = []
            cleaning.over.set()
        result = cleaning.result(complete=True)
        if result.held:
            log("warning", "collection '%s': %s", self._host._name, "; ".join(map(str, result.held)))
        if errors:
            raise group_of(errors, f"collection '{self._host._name}'", result.held)
        return result

    def _next(self) -> Seat | None:
        """Take the newest backend out; with the last one the collection ends."""
        found: list[Seat | None] = []

        def step(state: State) -> State:
            seat = state.newest()
            found[:] = [seat]
            return state._replace(phase=CLEANED) if seat is None else state.without(seat)._replace(phase=CLEANING)

        self._host._change(step)
        return found[0]
