"""Handles: what they have in common, and the one that owns an object alone, as C++'s unique_ptr."""

from __future__ import annotations

import weakref
from inspect import isawaitable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

from lifetrack.guards import active
from lifetrack.guards.authority import acting_for
from lifetrack.guards.release_names import async_names, call_release, release_names, sync_names
from lifetrack.guards.shapes import resolve
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import KIND, type_name
from lifetrack.ledger.places import OwnerPlace
from lifetrack.ownership.custody import check_all_live, current_place, hand_over
from lifetrack.ownership.holding import Holder, end_unclosed, forget, hold
from lifetrack.values.errors import DeclarationError, UseAfterMoveError, UseAfterReleaseError
from lifetrack.values.events import RELEASED, USED

T = TypeVar("T")
#: In place of an object that a handle does not hold any more.
NOTHING: Any = object()


def weak(obj: object) -> weakref.ref[Any] | None:
    """Give a weak reference, where the object allows one."""
    try:
        return weakref.ref(obj)
    except TypeError:
        return None


def misuse(rule: str, obj: object, event: str, frame: FrameType) -> None:
    """File what was done through an empty handle; ``obj`` is what it held, or None if that is gone."""
    for engine in active.engines:
        entry = None if obj is None else engine.ledger.entries.get(id(obj))
        if entry is None:
            entry = engine.ledger.stranger("object" if obj is None else type_name(type(obj)))
        elif rule == "LT202" and entry[KIND].declaration.idempotent:
            continue
        engine.violation(rule, entry, event, frame)


def check_release(obj: Any, release: str | None) -> tuple[str, ...] | None:
    """Give the release methods that were named; None to look for them. Raises DeclarationError if there is none."""
    if release is None:
        release_names(obj)
        return None
    if resolve(type(obj), release) is None:
        raise DeclarationError(
            f"{type(obj).__qualname__} has no method {release}() to release it: name one that it has"
        )
    return (release,)


def run_release(obj: Any, names: tuple[str, ...] | None, place: OwnerPlace) -> None:
    """Release an object for the owner that a place stands for."""
    with acting_for(place):
        call_release(obj, sync_names(obj, names or release_names(obj)))


async def run_async_release(obj: Any, names: tuple[str, ...] | None, place: OwnerPlace) -> None:
    """As :func:`run_release`, by the coroutine method where there is one."""
    with acting_for(place):
        result = call_release(obj, async_names(obj, names or release_names(obj)))
        if isawaitable(result):
            await result


class Handle(Holder, Generic[T]):
    """What holds an object and reaches through to it."""

    __slots__ = ()

    def peek(self) -> T | None:
        """Give what it holds, or held if that still lives; no questions asked."""
        raise NotImplementedError

    def get(self) -> T:
        """Give the object."""
        raise NotImplementedError


def held_by(obj: Any) -> Any:
    """Give what a handle holds, or held; anything else as it is."""
    return obj.peek() if issubclass(type(obj), Handle) else obj  # an object may have something to say of its own class


class Owned(Handle[T]):
    """Owns one object alone, as C++'s ``unique_ptr``: nobody else may release it (LT301).

    :meth:`move` hands the duty to a new handle; use through this one is LT203 then. :meth:`release`, or the end of a
    ``with`` block, releases the object. A handle that goes away while it holds something leaves LT104. Attributes of
    the object can be reached through the handle, as ``->`` does. It works the same while tracking is off, without the
    findings.

    ``release`` names the release method where it has no usual name; ``name`` is for reports. Raises DeclarationError
    for an object without a release method.
    """

    __slots__ = ("__weakref__", "_last", "_moved", "_names", "_obj", "_turn", "place")

    @overload
    def __init__(self, obj: Owned[T], *, name: str | None = None, release: str | None = None) -> None: ...
    @overload
    def __init__(self, obj: T, *, name: str | None = None, release: str | None = None) -> None: ...
    def __init__(self, obj: Any, *, name: str | None = None, release: str | None = None) -> None:
        self._obj: Any = NOTHING
        self._moved = False
        self._last: weakref.ref[Any] | None = None
        frame = caller(1)
        if isinstance(obj, Owned):
            obj = obj.surrender(frame)
        self._names = check_release(obj, release)
        self.place = OwnerPlace(name or type_name(type(obj)), "Owned", current_place(), weakref.ref(self))
        self.place.exclusive = True
        self._take(obj, frame)

    def _take(self, obj: Any, frame: FrameType) -> None:
        check_all_live(obj, frame)
        hold(obj, self)
        self._obj = obj
        self._moved = False
        #: Whoever takes this may release.
        self._turn = [True]
        for engine in active.engines:
            entry = engine.ledger.entries.get(id(obj))
            if entry is not None:
                hand_over(engine, entry, obj, self.place, frame)

    @property
    def name(self) -> str:
        """Its name in reports."""
        return self.place.name

    @property
    def kind(self) -> str:
        """The kind of owner that reports show."""
        return self.place.kind

    def __bool__(self) -> bool:
        """Whether it holds something."""
        return self._obj is not NOTHING

    def __repr__(self) -> str:
        """Show the type of what it holds, and nothing else of it."""
        state = "moved" if self._moved else "empty"
        return f"<Owned {type_name(type(self._obj)) if self else state}>"

    def peek(self) -> T | None:
        """Give what it holds, or held if that still lives; no questions asked."""
        if self._obj is not NOTHING:
            return cast("T", self._obj)
        return None if self._last is None else self._last()

    def get(self) -> T:
        """Give the object; the duty stays here. LT203 after a move, LT201 after the release."""
        obj = self._obj
        return self._emptied(USED, caller(1)) if obj is NOTHING else obj  # type: ignore[no-any-return]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            obj = self._obj
            return getattr(self._emptied(USED, caller(1)) if obj is NOTHING else obj, name)

    def _emptied(self, event: str, frame: FrameType) -> Any:
        """File a use through an empty handle; give the object all the same where it still lives."""
        obj = self.peek()
        misuse("LT203" if self._moved else "LT201", obj, event, frame)
        if obj is not None:
            return obj
        if self._moved:
            raise UseAfterMoveError("this handle is empty: its duty has moved to another one")
        raise UseAfterReleaseError("this handle is empty: what it held was released")

    # -- giving the duty away ------------------------------------------------------------------------------------

    def let_go(self, key: int, *, moved: bool) -> None:
        """Forget the object at an address: it was released, or belongs to another owner now."""
        obj = self._obj
        if obj is not NOTHING and id(obj) == key:
            self._last = weak(obj)
            self._moved = moved
            self._obj = NOTHING

    def surrender(self, frame: FrameType) -> T:
        """Give the object to whoever takes the duty next."""
        obj = self._obj
        return cast("T", self._emptied(USED, frame) if obj is NOTHING else obj)

    def move(self) -> Owned[T]:
        """Hand the duty to a new handle and give that; this one is empty then."""
        frame = caller(1)
        obj = self.surrender(frame)
        made: Owned[T] = Owned.__new__(type(self))
        made._obj, made._moved, made._last, made._names = NOTHING, False, None, self._names
        made.place = OwnerPlace(self.place.name, "Owned", current_place(), weakref.ref(made))
        made.place.exclusive = True
        made._take(obj, frame)
        return made

    # -- releasing -----------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Release the object. A second time is LT202, after a move LT203; whatever the release raises is raised."""
        obj = self._due(caller(1))
        if obj is not NOTHING:
            try:
                run_release(obj, self._names, self.place)
            except BaseException:
                self._turn.append(True)  # it can be tried again
                raise
            self._released(obj)

    async def arelease(self) -> None:
        """As :meth:`release`, by the object's coroutine method where it has one."""
        obj = self._due(caller(1))
        if obj is not NOTHING:
            try:
                await run_async_release(obj, self._names, self.place)
            except BaseException:
                self._turn.append(True)
                raise
            self._released(obj)

    def _due(self, frame: FrameType) -> Any:
        """Give what is to be released; nothing where that is under way, in another thread or further out."""
        obj = self._obj
        if obj is NOTHING:
            misuse("LT203" if self._moved else "LT202", self.peek(), RELEASED, frame)
            return NOTHING
        try:
            self._turn.pop()
        except IndexError:
            return NOTHING
        return obj

    def _released(self, obj: Any) -> None:
        forget(id(obj))
        self.let_go(id(obj), moved=False)

    def reset(self, obj: T | None = None) -> None:
        """Release what it holds, if anything, and hold ``obj`` instead, if given."""
        frame = caller(1)
        if self._obj is not NOTHING:
            self.release()
        if obj is not None:
            self._names = check_release(obj, None)
            self._take(obj, frame)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self:
            self.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self:
            await self.arelease()

    def __del__(self) -> None:
        if self._obj is not NOTHING:
            forget(id(self._obj))
            end_unclosed(self.place)
