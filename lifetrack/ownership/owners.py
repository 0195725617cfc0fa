"""Owners: whoever has been given resources releases them when it closes, newest first."""

from __future__ import annotations

import weakref
from inspect import isawaitable
from types import FrameType, TracebackType
from typing import Any, Self

from lifetrack.guards import active
from lifetrack.guards.authority import acting_for
from lifetrack.guards.conditions import judge_end_of_owner
from lifetrack.guards.release_names import async_names, call_release, release_names, sync_names
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import BOUND, EXTRA, INHERITED, LIVE, OPEN_STATES, RELEASING, STATE, Entry
from lifetrack.ledger.leaving import note_left
from lifetrack.ledger.places import OwnerPlace
from lifetrack.ownership.cancelling import joined
from lifetrack.ownership.custody import current_place
from lifetrack.ownership.holding import Holder, end_unclosed, forget, hold
from lifetrack.values.errors import ConfigurationError, DeclarationError, OwnershipError
from lifetrack.values.newest import newest

#: The states of what is to be released: not that of what somebody is releasing already.
_DUE = (OPEN_STATES | {INHERITED}) - {RELEASING}
_UNTOUCHED = frozenset({LIVE, BOUND, INHERITED})
#: In the place of what another thread has taken.
_GONE: Any = object()
#: Beyond this number an owner looks whether what it holds has been closed without its knowledge.
_MANY = 64


class Owner(Holder):
    """An explicit owner: it has the duty to release what was transferred to it, and keeps that alive until then.

    :meth:`close`, or the end of a ``with`` block, releases all of it, newest first. An owner that goes away without
    closing leaves LT104. Owners nest: ``parent`` is another owner, which closes this one when it closes. With
    ``exclusive`` nobody else may release what it owns (LT301). It works the same while tracking is off.

    Raises ConfigurationError for a name that is none.
    """

    def __init__(self, name: str, *, parent: Owner | None = None, exclusive: bool = False) -> None:
        given: object = name
        if not isinstance(given, str) or not given.strip():
            raise ConfigurationError("Owner() needs a name: say who owns, as in Owner('pool')")
        self._is_closing = False
        #: What it owns, oldest first, by address.
        self.held: dict[int, Any] = {}
        self.place = OwnerPlace(name, "Owner", current_place(), weakref.ref(self))
        self.place.exclusive = exclusive
        self.is_simple = True
        self.note_outside()
        if parent is not None:
            parent.take(self)

    @property
    def name(self) -> str:
        """The name it was given."""
        return self.place.name

    @property
    def kind(self) -> str:
        """The kind of owner that reports show."""
        return self.place.kind

    @property
    def closed(self) -> bool:
        """Whether it was closed, or is closing; it takes nothing any more then."""
        return self._is_closing

    @property
    def owned(self) -> tuple[Any, ...]:
        """What it owns now, oldest first."""
        return tuple(self.held.copy().values())

    def __repr__(self) -> str:
        """Show its name, and nothing of what it owns."""
        return f"<Owner {self.name!r}, {'closed' if self.closed else f'owns {len(self.held)}'}>"

    # -- taking and letting go -----------------------------------------------------------------------------------

    def take(self, obj: Any, *, is_known: bool = False) -> None:
        """Hold an object that was transferred here; use :func:`lifetrack.transfer`, which tells the trackers too.

        Raises OwnershipError if the owner is closed, DeclarationError if the object has no release method.
        """
        self.check_open()
        if isinstance(obj, Owner):
            self._adopt(obj)
        elif not is_known:
            release_names(obj)
        hold(obj, self)
        held = self.held
        held.pop(id(obj), None)
        held[id(obj)] = obj
        if self._is_closing and held.pop(id(obj), None) is not None:  # by another thread, meanwhile
            forget(id(obj))
            self.check_open()
        if len(held) > _MANY and len(held) & (len(held) - 1) == 0:
            self._look_through()

    def check_open(self) -> None:
        """Raise OwnershipError if the owner is closed."""
        if self._is_closing:
            raise OwnershipError(
                f"owner '{self.name}' is closed and can own nothing more: transfer to one that is open"
            )

    def _begin_closing(self) -> None:
        self._is_closing = True
        self.note_outside()

    def note_outside(self) -> None:
        """Note whether a transfer here is the simple case, after a change of what it stands in."""
        self.is_simple = not (self._is_closing or (self.place.parent is not None and self.place.parent.is_owner))

    def _adopt(self, inner: Owner) -> None:
        if inner.place in self.place.lineage():
            raise OwnershipError(f"owner '{inner.name}' would own itself: transfer it to an owner outside")
        inner.place.parent = self.place
        inner.note_outside()

    def let_go(self, key: int, *, moved: bool) -> None:  # noqa: ARG002 - an owner asks no questions afterwards
        """Forget the object at an address: it was released, or belongs to another owner now."""
        self.held.pop(key, None)

    def _look_through(self) -> None:
        """Let go of what says that it is closed; while tracking is off, nobody else tells."""
        for key, obj in self.held.copy().items():
            if _says_closed(obj):
                forget(key)
                self.held.pop(key, None)

    # -- releasing -----------------------------------------------------------------------------------------------

    def release(self, obj: Any) -> None:
        """Release one of the resources that it owns; raises OwnershipError for one that it does not own."""
        self._check_owned(obj)
        try:
            self._release(obj, caller(1))
        except BaseException as error:
            self._keep(obj, error)
            raise

    async def arelease(self, obj: Any) -> None:
        """As :meth:`release`, by the object's coroutine method where it has one."""
        self._check_owned(obj)
        try:
            await self._arelease(obj, caller(1))
        except BaseException as error:
            self._keep(obj, error)
            raise

    def _check_owned(self, obj: Any) -> None:
        if self.held.get(id(obj)) is not obj:
            kind = type(obj).__qualname__
            raise OwnershipError(f"owner '{self.name}' does not own this {kind}: transfer it there first")

    def _is_due(self, obj: Any, frame: FrameType) -> bool:
        """Take an object out, to be released; False if somebody else does that. A borrow of it is filed."""
        forget(id(obj))
        if self.held.pop(id(obj), None) is None:
            return False
        known = _entries(obj)
        for engine, entry in known if self._is_closing else ():
            judge_end_of_owner(engine, entry, self.place, frame)
        if known:
            return any(entry[STATE] in _DUE for _, entry in known)
        return not _says_closed(obj)

    def _release(self, obj: Any, frame: FrameType) -> None:
        if not self._is_due(obj, frame):
            return
        with acting_for(self.place):
            if isinstance(obj, Owner):
                obj.close()
            else:
                call_release(obj, sync_names(obj, release_names(obj)))

    async def _arelease(self, obj: Any, frame: FrameType) -> None:
        if not self._is_due(obj, frame):
            return
        with acting_for(self.place):
            if isinstance(obj, Owner):
                await obj.aclose()
                return
            result = call_release(obj, async_names(obj, release_names(obj)))
            if isawaitable(result):
                await result

    def _keep(self, obj: Any, error: BaseException) -> None:
        """Hold on to what could not be released: its release did not even begin, and can be tried again."""
        if _was_refused(obj, error):
            hold(obj, self)
            self.held[id(obj)] = obj

    def _next(self) -> Any:
        """Give what to release next: the newest, but first what depends on it. Raises LookupError at the end."""
        while True:
            key = newest(self.held)
            if key is None:
                raise LookupError
            obj = self.held.get(key, _GONE)
            if obj is _GONE:  # another thread closes it too
                continue
            return self._dependent(obj)

    def _dependent(self, obj: Any) -> Any:
        for _, entry in _entries(obj):
            kin = None if entry[EXTRA] is None else entry[EXTRA].children
            for child, reference in reversed(({} if kin is None else kin.copy()).values()):
                dependent = None if reference is None else reference()
                if child[STATE] in OPEN_STATES and dependent is not None and id(dependent) in self.held:
                    return self._dependent(dependent)
        return obj

    def close(self) -> None:
        """Release everything that it owns, newest first, and take nothing more; the second time does nothing.

        All errors are kept: raises ExceptionGroup (BaseExceptionGroup if need be) with those of the releases. What
        ends a task or the process, such as a cancellation or KeyboardInterrupt, is raised itself, with the group of the
        other errors as its cause; under trio, a cancellation stays in one group with them. What was refused, as
        something that is lent is under the policy ``raise``, stays here and can be closed again.
        """
        frame, errors = caller(1), list[tuple[Any, BaseException]]()
        self._begin_closing()
        while True:
            try:
                obj = self._next()
            except LookupError:
                break
            try:
                self._release(obj, frame)
            except BaseException as error:
                errors.append((obj, error))
        self._end(errors)

    async def aclose(self) -> None:
        """As :meth:`close`, awaiting the releases that are coroutines."""
        frame, errors = caller(1), list[tuple[Any, BaseException]]()
        self._begin_closing()
        while True:
            try:
                obj = self._next()
            except LookupError:
                break
            try:
                await self._arelease(obj, frame)
            except BaseException as error:
                errors.append((obj, error))
        self._end(errors)

    def _end(self, errors: list[tuple[Any, BaseException]]) -> None:
        for obj, error in reversed(errors):
            self._keep(obj, error)
        self.place.ended = not self.held
        try:
            if errors:
                text = f"closing owner '{self.name}': {len(errors)} release{'s' if len(errors) > 1 else ''} failed"
                raise joined(text, [error for _, error in errors])
        finally:
            errors.clear()  # their tracebacks lead back here

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _note_block_left(error)
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _note_block_left(error)
        await self.aclose()

    def __del__(self) -> None:
        held = getattr(self, "held", None)
        if held:
            for key in held:
                forget(key)
            end_unclosed(self.place)


def _note_block_left(error: BaseException | None) -> None:
    """Note what the exception that leaves a block has left behind; what the owner has it releases now."""
    if error is not None:
        for engine in active.engines:
            note_left(engine.ledger.entries, error, heads=False)


def _entries(obj: Any) -> list[tuple[Any, Entry]]:
    known = ((engine, engine.ledger.entries.get(id(obj))) for engine in active.engines)
    return [(engine, entry) for engine, entry in known if entry is not None]


def _was_refused(obj: Any, error: BaseException) -> bool:
    """Whether the release of an object that ended by this error had not begun."""
    if isinstance(obj, Owner):
        return bool(obj.held)
    known = _entries(obj)
    if known:
        return all(entry[STATE] in _UNTOUCHED for _, entry in known)
    return isinstance(error, DeclarationError)


def _says_closed(obj: Any) -> bool:
    if isinstance(obj, Owner):
        return obj.closed
    return getattr(obj, "closed", None) is True
