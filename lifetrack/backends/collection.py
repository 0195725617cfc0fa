"""The collection: which backends there are. It holds no lock while a plugin's code runs, and reading takes none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import get_ident
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

from lifetrack.backends.belonging import Belonging, is_seated
from lifetrack.backends.capabilities import settle_in
from lifetrack.backends.cleanup import Cleaner, Cleanup
from lifetrack.backends.contents import Contents
from lifetrack.backends.discovery import Choice, Found, Maker, names_given
from lifetrack.backends.errors import log, settled
from lifetrack.backends.lending import Borrowed
from lifetrack.backends.parts import releasing
from lifetrack.backends.population import Search
from lifetrack.backends.releasing import Release, check_release, release
from lifetrack.backends.retained import Gone, Retained
from lifetrack.backends.seats import CLEANED, OPEN, Loan, Seat, State
from lifetrack.backends.tracking import adopt, declare_class, here, is_released
from lifetrack.backends.validation import ApiVersion, Requirements, check_version, is_protocol
from lifetrack.guards.authority import acting_for
from lifetrack.values.errors import BackendError
from lifetrack.values.settings import shown

T = TypeVar("T")


class BackendCollection(Contents[T], Belonging):
    """Backends by name: found, validated, lent, replaced and released in one place, from any number of threads.

    ``kind`` is the class or protocol of the backends; ``groups`` are the entry-point groups that :meth:`populate`
    searches, ``include`` and ``exclude`` choose among the entry points by name. ``release`` is the name of the release
    method, or a function that takes the backend; without it the class's declaration or a usual name says. ``create``
    makes a backend of what an entry point loads, by default by calling it without arguments. A backend must have an
    ``api_version`` with the same first number and no greater other ones, where the collection has one. A ``lazy``
    collection populates itself when it is first asked.

    Everything that is refused raises BackendError and changes nothing.
    """

    def __init__(
        self,
        name: str = "backends",
        *,
        kind: type[T] | None = None,
        groups: str | Iterable[str] = (),
        include: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] = (),
        api_version: ApiVersion | None = None,
        release: Release | None = None,
        create: Callable[[Any], T] | None = None,
        lazy: bool = False,
    ) -> None:
        if type(name) is not str or not name:
            raise BackendError(f"the name of a collection is a text, not {shown(name)}")
        if kind is not None and not isinstance(kind, type):
            raise BackendError(f"kind= takes a class or a protocol, not {shown(kind)}")
        if api_version is not None:
            check_version(api_version)
        check_release(release)
        Contents.__init__(self, name)
        Belonging.__init__(self, name)
        choice = Choice(None if include is None else names_given(include, "include"), names_given(exclude, "exclude"))
        self._requirements = Requirements(None if kind is object else kind, api_version)
        self._maker = Maker(self._requirements, create, release, is_seated)
        self._release = release
        self._lazy = lazy
        self._search = Search(self, self._maker, names_given(groups, "groups"), choice)
        self._cleaner = Cleaner(self, self._release_seat, self.judge_borrows)
        self._gone = Gone()
        #: What is being released at this moment, and by which thread. It is in no state any more.
        self._releasing: dict[Seat, int] = {}
        if kind is not None and kind is not object and not is_protocol(kind):
            declare_class(kind, release if isinstance(release, str) else None)

    def _before_reading(self) -> None:
        if self._lazy and not self._search.is_mine():
            self.populate()

    # -- change --------------------------------------------------------------------------------------------------

    def add(self, backend: T, name: str | None = None) -> T:
        """Take a backend in, which is the collection's to release from now on; give it back.

        ``name`` is by default its attribute ``name``. Raises BackendError for None, what is not of the kind, has the
        wrong API version or was released, and for a name or a backend that is in the collection already.
        """
        self._check_changeable(self._state, "add()")
        seat = self._looked_at(backend, name)
        self._install(seat)
        return backend

    def _looked_at(self, backend: object, name: object) -> Seat:
        if is_released(backend):
            self._refuse(f"an object of type {type(backend).__name__} was released, so that it cannot be added")
        try:
            return self._requirements.seat(backend, name, here())
        except BackendError as error:
            self._refuse_from(error)

    def _refuse_from(self, error: BackendError) -> NoReturn:
        raise BackendError(f"collection '{self._name}': {error}") from error.__cause__

    def _install(self, seat: Seat) -> None:
        def check(state: State) -> None:
            if state.phase != OPEN or state.sealed:
                self._check_changeable(state, f"add() of '{seat.name}'")
            self._check_new(state, seat)

        def step(state: State) -> State:
            check(state)
            return state.with_seat(seat)

        check(self._state)
        self._put_in(seat, step)

    def _put_in(self, seat: Seat, step: Callable[[State], State]) -> None:
        self._record(seat)
        before = self.take_in(seat)
        try:
            self._change(step)
        except BaseException:
            self.put_back(seat, before)
            raise
        settle_in(seat.backend, self)

    def _record(self, seat: Seat) -> None:
        """Record a backend before it is in the collection: another thread may release it as soon as it is."""
        declare_class(type(seat.backend), self._release if isinstance(self._release, str) else None)
        adopt(seat)

    def remove(self, backend: str | T, *, release: bool = False) -> T:
        """Take a backend out, by name or itself, and give it back: its release is the caller's duty again.

        With ``release`` the collection releases it, when its last borrow ends. Raises BackendError if it is not there.
        """
        found: list[Seat] = []

        def step(state: State) -> State:
            if state.phase == CLEANED or state.sealed:
                self._check_changeable(state, "remove()")
            seat = state.seat_of(backend) or (state.seat(backend) if isinstance(backend, str) else None)
            if seat is None:
                self.check_from_here(backend, "remove()")
                what = f"'{backend}'" if isinstance(backend, str) else f"an object of type {type(backend).__name__}"
                self._refuse(f"remove() of {what}, which it does not have; {self._has(state)}")
            found[:] = [seat]
            after = state.without(seat)
            return after._replace(retired=(*after.retired, seat)) if release else after

        leaving = self._leaving(backend)
        if leaving is not None:
            return leaving.backend  # type: ignore[no-any-return]
        self._change(step)
        seat = found[0]
        if release:
            self._retire(seat)
        else:
            self.give_out(seat)
        return seat.backend  # type: ignore[no-any-return]

    def _leaving(self, backend: object) -> Seat | None:
        """Give the seat of a backend that asks for its removal from inside its own release."""
        me = get_ident()
        for seat in [seat for seat, thread in self._releasing.copy().items() if thread == me]:
            named = isinstance(backend, str) and backend == seat.name and self._state.seat(backend) is None
            if named or backend is seat.backend:
                return seat
        return None

    def replace(self, name: str, new: T) -> None:
        """Put another backend in the place of one; the old one is released when its last borrow ends.

        Raises BackendError as :meth:`add` does. Where nobody borrows the old one, what its release raises comes out
        here; else it is logged, and :meth:`cleanup` raises it.
        """
        self._check_changeable(self._state, "replace()")
        self._exchange(name, self._looked_at(new, name))

    def reload(self, name: str) -> T:
        """Make a new backend of the entry point that one came from, replace it, and give the new one.

        Whatever the plugin raises comes out, and the old one stays. The plugin's module is not imported again.
        """
        self._check_changeable(self._state, "reload()")
        old = self._named(name, "reload()")
        if old.plugin is None:
            self._refuse(f"reload() of '{name}', which was added by hand: use replace()")
        new = self._maker.make(old.plugin.entry_point, here())
        new.name = name
        try:
            self._exchange(name, new)
        except BaseException as error:
            self._maker.discard(new.backend, error)
            raise
        return new.backend  # type: ignore[no-any-return]

    def _exchange(self, name: str, seat: Seat) -> None:
        found: list[Seat] = []

        def step(state: State) -> State:
            self._check_changeable(state, f"replace() of '{name}'")
            old = state.seat(name)
            if old is None:
                self._refuse(f"replace() of {shown(name)}, which it does not have; {self._has(state)}")
            self._check_new(state, seat, instead_of=old)
            found[:] = [old]
            return state.exchanged(old, seat)

        step(self._state)
        self._put_in(seat, step)
        self._retire(found[0])

    def seal(self) -> None:
        """Let nothing be added, removed or replaced any more, for good; the cleanup still releases all."""
        place = here()
        self._readable("seal()")

        def step(state: State) -> State:
            if state.phase != OPEN:
                self._check_changeable(state, "seal()")
            return state if state.sealed else state._replace(sealed=True, sealed_at=place)

        self._change(step)

    # -- lend ----------------------------------------------------------------------------------------------------

    def borrowed(self, name: str) -> Borrowed[T]:
        """Give a context manager in which the backend of this name is used: it is not released under its user's hands.

        The backend is looked up on entry, which raises BackendError if there is none.
        """
        return Borrowed(lambda loan: self._lend(name, loan), self._give_back)

    def _lend(self, name: str, loan: Loan) -> Seat:
        while True:
            seat = self._named(name, "borrowed()")
            if seat.lend(loan):
                return seat
            if self._state.seat(name) is seat:  # being released at this moment
                self._refuse(f"borrowed() of '{name}', which is being released")

    def _give_back(self, seat: Seat, loan: Loan) -> None:
        if not seat.give_back(loan):
            return
        self._change(lambda state: state.without(seat))
        try:
            self._release_seat(seat)
        except Exception as error:  # it is not the borrower's: kept for the cleanup
            text = settled(error)
            log("error", "collection '%s': the release of '%s' failed\n%s", self._name, seat.name, text)
            self._cleaner.keep(error)

    def _retire(self, seat: Seat) -> None:
        if seat.retire():
            self._change(lambda state: state.without(seat))
            self._release_seat(seat)

    def _release_seat(self, seat: Seat) -> None:
        self._releasing[seat] = get_ident()
        try:
            with acting_for(self.place), releasing(seat.backend):
                release(seat.backend, self._release)
        except BaseException as error:
            error.add_note(f"while collection '{self._name}' released '{seat.name}': {seat.describe()}")
            raise
        finally:
            self._releasing.pop(seat, None)
            self.let_out(seat)
            self._gone.note(seat)

    # -- populate, clean up --------------------------------------------------------------------------------------

    def populate(
        self,
        *groups: str,
        include: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        again: bool = False,
    ) -> Found:
        """Search the entry points of the groups, make their backends and add what fits; a broken one hinders nobody.

        Without ``groups`` all of the collection are searched; others are added to them. A group is searched once,
        however many threads ask: each is given the same result. ``again``, ``include`` or ``exclude`` search anew, and
        leave what is registered as it is. Raises BackendError once the collection is sealed or cleaned up.
        """
        return self._search.populate(
            names_given(groups, "groups"),
            None if include is None else names_given(include, "include"),
            None if exclude is None else names_given(exclude, "exclude"),
            again=again,
        )

    def cleanup(self) -> Cleanup:
        """Release every backend, newest first, each once, and end the collection; tell what callers still borrow.

        May be called at any time, also again, at exit, from several threads and from inside a backend's release. Every
        release is tried; what they raise comes out together in an ExceptionGroup, once, when all is done.
        """
        try:
            return self._cleaner.cleanup()
        finally:
            self.place.ended = self._state.phase == CLEANED

    def find_held(self) -> tuple[Retained, ...]:
        """Give the backends that were released and that somebody still has, with the paths to who holds them.

        Meant for a question after :meth:`cleanup`, also with tracking off: it looks through all objects of the program
        that the collector sees, and so not through what ``gc.freeze()`` has put aside.
        Cyclic garbage counts as held until it is collected.
        """
        return self._gone.held()

    def __enter__(self) -> Self:
        self._readable("'with'")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cleanup()
