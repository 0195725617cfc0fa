"""Lending: a backend that is borrowed is not released under its borrower when it is replaced or removed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from lifetrack.backends.seats import Loan, Seat
from lifetrack.backends.tracking import here
from lifetrack.ownership.borrowing import borrow
from lifetrack.values.each_thread import name_of
from lifetrack.values.errors import BackendError, UseAfterReleaseError

T_co = TypeVar("T_co", covariant=True)


class Borrowed(Generic[T_co]):
    """A borrow, as a context manager that gives the backend; it may be entered many times, also at once."""

    def __init__(self, lend: Callable[[Loan], Seat], give_back: Callable[[Seat, Loan], None]) -> None:
        self._lend = lend
        self._give_back = give_back
        self._open: list[tuple[Seat, Loan, borrow[T_co]]] = []

    def __enter__(self) -> T_co:
        loan = Loan(here(), name_of(threading.current_thread()), threading.get_ident())
        seat = self._lend(loan)
        lent: borrow[T_co] = borrow(seat.backend)
        try:
            backend = lent.__enter__()
        except UseAfterReleaseError as error:  # another thread's cleanup was quicker, which releases what is lent too
            self._give_back(seat, loan)
            raise BackendError(f"backend '{seat.name}' was released while it was being borrowed") from error
        except BaseException:
            self._give_back(seat, loan)
            raise
        self._open.append((seat, loan, lent))
        return backend

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        me = threading.get_ident()
        mine = next((each for each in reversed(self._open.copy()) if each[1].ident == me), self._open[-1])
        self._open.remove(mine)
        seat, loan, lent = mine
        lent.__exit__(kind, error, traceback)
        self._give_back(seat, loan)
