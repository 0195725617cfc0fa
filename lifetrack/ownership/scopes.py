"""Scopes: owners that end with a block, a test, a fixture or a task."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from lifetrack.ledger import clock
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import Entry
from lifetrack.ledger.leaving import note_block_left, note_handled
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import Place
from lifetrack.ownership.cancelling import pause
from lifetrack.ownership.custody import keep
from lifetrack.ownership.decorating import decorated
from lifetrack.values.records import Record

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")


class Judge(Protocol):
    """Who says what a scope that ends has leaked: a tracker."""

    @property
    def ledger(self) -> Ledger | None:
        """The ledger while tracking is on."""

    def begin_witness(self, place: Place) -> None:
        """Ask the operating system what the scope leaves behind."""

    def guard_scopes(self) -> None:
        """Let releases be looked at from now on, because a scope says that only it may release."""

    def pending_grace(self, place: Place, mark: int) -> float:
        """Give for how many seconds something in the scope may still be given time to end; 0 if nothing is pending."""

    def end_scope(self, place: Place, mark: int, *, may_raise: bool) -> None:
        """Judge a scope that ends."""

    def released_of(self, entries: Sequence[Entry]) -> tuple[Record, ...]:
        """Give the records of those entries that have been released by now."""


class Standing(Protocol):
    """Whatever has a place in which is acquired: a scope, or the test that a plugin runs."""

    @property
    def place(self) -> Place | None:
        """The place that was entered last; None before the first time."""


class _Entered:
    """One block that is open: where it stands in, and the ledger's mark of its beginning."""

    __slots__ = ("before", "earlier", "ledger", "mark", "place")

    def __init__(self, ledger: Ledger, place: Place, before: Place) -> None:
        self.ledger = ledger
        self.place = place
        self.before = before
        self.mark = 0
        #: What was open when the block began, where the scope was told to look in both directions.
        self.earlier: list[Entry] = []

    def is_here(self) -> bool:
        return self.ledger.place.get() is self.place

    def step_in(self) -> None:
        """Come back to the block of a generator, from wherever its caller is now."""
        self.before = self.ledger.place.get()
        self.ledger.place.set(self.place)

    def step_out(self) -> None:
        """Go where the block stands in; that may have ended meanwhile, and this context may be another one."""
        if self.is_here():
            self.ledger.place.set(self.before.living())


class _Block:
    """A place that is entered and left, also several times at once."""

    def __init__(
        self,
        judge: Judge,
        name: str,
        kind: str,
        reason: str | None = None,
        *,
        exclusive: bool = False,
        both: bool = False,
        witness: bool = False,
    ) -> None:
        self._both = both
        self._judge = judge
        self._name = name
        self._kind = kind
        self._reason = reason
        self._exclusive = exclusive
        self._witness = witness
        self._open: list[_Entered] = []
        #: The place that was entered last; None before the first time.
        self.place: Place | None = None

    def _again(self) -> Self:
        more = {"exclusive": self._exclusive, "both": self._both, "witness": self._witness}
        again = type(self)(self._judge, self._name, self._kind, self._reason, **more)
        again._open = self._open  # so that whoever has the decorator can reach the block of a call
        return again

    def _enter(self) -> _Entered | None:
        if self._exclusive:
            self._judge.guard_scopes()
        ledger = self._judge.ledger
        if ledger is None:
            return None
        before = ledger.place.get()
        self.place = Place(self._name, self._kind, before, self._reason)
        self.place.exclusive = self._exclusive
        self.place.holder = weakref.ref(self)
        entered = _Entered(ledger, self.place, before)
        ledger.note_scoped()
        ledger.place.set(self.place)
        self._open.append(entered)
        return entered

    def entered(self) -> _Entered | None:
        """Give the innermost open block of this context; if it was entered in another one, the youngest."""
        entered = list(self._open)
        if len(entered) < 2:
            return entered[0] if entered else None
        for place in entered[-1].ledger.place.get().lineage():
            for item in entered:
                if item.place is place:
                    return item
        return entered[-1]

    def _leave(self) -> _Entered | None:
        """Leave the block; give it if it is still to be judged."""
        entered = self.entered()
        if entered is None:
            return None
        self._open.remove(entered)
        entered.place.ended = True
        entered.step_out()
        return entered if entered.ledger is self._judge.ledger else None

    def __call__(self, function: _F) -> _F:
        """Decorate a function, coroutine function or generator function: each call is a block of its own."""
        return decorated(self._again, function)


class Allowance(_Block, AbstractContextManager["Allowance"], AbstractAsyncContextManager["Allowance"]):
    """What is acquired inside may leak, for a reason; it is counted and shown apart, never hidden."""

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


class Scope(_Block, AbstractContextManager["Scope"], AbstractAsyncContextManager["Scope"]):
    """What is acquired inside must be released before it ends; what is not is LT103.

    Scopes nest, and follow ``contextvars`` into tasks and executors. Under the policy ``raise`` the end of a scope
    raises LeakError, unless another exception is on its way out already.

    With ``both``, :attr:`released_before` tells after the block what was acquired before it and released while it ran.
    """

    #: What the last block released of what had been acquired before it; empty without ``both``.
    released_before: tuple[Record, ...] = ()

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    @property
    def kind(self) -> str:
        """The kind of owner that reports show."""
        return self._kind

    def keep(self, obj: _T) -> _T:
        """Hand a resource outwards, to whatever this scope stands in, and give it; as in ``return scope.keep(obj)``.

        It may be a handle or an owner, with all that it owns. Outside the block it does nothing.
        """
        entered = self.entered()
        outer = None if entered is None else entered.place.parent
        if outer is not None:
            keep(obj, outer.owner(), caller(1))
        return obj

    def _begin(self) -> Self:
        entered = self._enter()
        if entered is not None:
            if self._witness:
                self._judge.begin_witness(entered.place)
            entered.mark = entered.ledger.mark()
            if self._both:
                self.released_before = ()
                entered.earlier = entered.ledger.open_entries()
        return self

    def _close(self, error: BaseException | None) -> None:
        entered = self._leave()
        if entered is not None:
            if self._both:
                self.released_before = self._judge.released_of(entered.earlier)
                entered.earlier = []
            ledger = entered.ledger
            if error is not None:
                note_block_left(ledger.entries, ledger.open_since(entered.mark, keep=True), entered.place, error)
            note_handled(ledger.entries)
            self._judge.end_scope(entered.place, entered.mark, may_raise=error is None)

    def _grace(self) -> float:
        entered = self.entered()
        return 0.0 if entered is None else self._judge.pending_grace(entered.place, entered.mark)

    def __enter__(self) -> Self:
        return self._begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        clock.wait_while(self._grace, self._grace())
        self._close(error)

    async def __aenter__(self) -> Self:
        return self._begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            for seconds in clock.looks(self._grace()):
                if not self._grace():
                    break
                await pause(0.0 if clock.skip(seconds) else seconds)
        except BaseException as cancelled:  # the scope ends all the same
            self._close(cancelled if error is None else error)
            raise
        self._close(error)
