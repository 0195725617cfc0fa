"""Sharing: ``Shared`` as C++'s shared_ptr, released with the last clone, and ``Weak`` as its weak_ptr."""

from __future__ import annotations

import weakref
from sys import _getframe
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, cast, overload

from lifetrack.guards import active
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import EXTRA, Note, type_name
from lifetrack.ledger.places import OwnerPlace
from lifetrack.ownership.custody import check_all_live, current_place, hand_over
from lifetrack.ownership.handles import (
    Handle,
    Owned,
    T,
    check_release,
    misuse,
    run_async_release,
    run_release,
    weak,
)
from lifetrack.ownership.holding import Holder, end_unclosed, forget, hold, holder_of
from lifetrack.ownership.sharers import sharers_of
from lifetrack.values.errors import ConfigurationError, OwnershipError, UseAfterReleaseError
from lifetrack.values.events import RELEASED, SHARED, USED


class _Group(Holder):
    """Those who share one object."""

    __slots__ = ("__weakref__", "last", "names", "obj", "place", "sharers", "turn")

    def __init__(self, obj: Any, names: tuple[str, ...] | None, name: str | None, frame: FrameType) -> None:
        self.obj: Any = obj
        self.names = names
        #: The handles that have not let go, by address, each with where it was made.
        self.sharers: dict[int, Note] = sharers_of(obj)
        self.last: weakref.ref[Any] | None = None
        #: Whoever takes this may release.
        self.turn = [True]
        self.place = OwnerPlace(name or type_name(type(obj)), "Shared", current_place(), weakref.ref(self))
        self.place.exclusive = True
        check_all_live(obj, frame)
        hold(obj, self)
        for engine in active.engines:
            entry = engine.ledger.entries.get(id(obj))
            if entry is not None:
                hand_over(engine, entry, obj, self.place, frame)
                if entry[EXTRA] is not None:
                    entry[EXTRA].sharers = self.sharers

    def check_transfer(self) -> None:
        """Refuse a transfer: the object belongs to all who share it."""
        count = len(self.sharers)
        if self.obj is not None and count:
            handles = f"{count} handle{'' if count == 1 else 's'}"
            raise OwnershipError(f"{type_name(type(self.obj))} is shared by {handles}: drop them before a transfer")

    def let_go(self, key: int, *, moved: bool) -> None:  # noqa: ARG002 - what is shared never moves
        """Forget the object: somebody has released it."""
        if self.obj is not None and id(self.obj) == key:
            self.last, self.obj = weak(self.obj), None

    def take_last(self) -> Any:
        """Give the object to the one who is to release it; None to anybody else."""
        try:
            self.turn.pop()
        except IndexError:  # another thread was quicker
            return None
        return self.obj

    def released(self, obj: Any) -> None:
        """Note that the object was released."""
        forget(id(obj))
        self.let_go(id(obj), moved=False)


_new = object.__new__


class Shared(Handle[T]):
    """One of several who own an object together, as C++'s ``shared_ptr``: it is released with the last of them.

    :meth:`clone` makes one more, :meth:`release` or the end of a ``with`` block lets go of one. Nobody else may release
    the object (LT301). A leak names every handle that never let go, with where it was made. Attributes of the object
    can be reached through the handle. It works the same while tracking is off, without the findings.

    ``release`` names the release method where it has no usual name; ``name`` says in reports who shares. Raises
    DeclarationError for an object without a release method.
    """

    __slots__ = ("__weakref__", "_group", "_open")
    _group: _Group

    @overload
    def __init__(self, obj: Handle[T], *, name: str | None = None, release: str | None = None) -> None: ...
    @overload
    def __init__(self, obj: T, *, name: str | None = None, release: str | None = None) -> None: ...
    def __init__(self, obj: Any, *, name: str | None = None, release: str | None = None) -> None:
        #: Whether it has not let go yet; a quick answer for the finalizer.
        self._open = False
        frame = _getframe(1)
        if isinstance(obj, Owned):
            obj = obj.surrender(frame)
        holder = obj._group if isinstance(obj, Shared) else holder_of(obj)
        if isinstance(holder, _Group):
            self._group = holder
        else:
            self._group = _Group(obj, check_release(obj, release), name, frame)
        lone = active.lone
        place = (None, None) if lone is None else (lone.mark(frame), lone.when())
        self._group.sharers[id(self)] = (SHARED, *place, name)
        self._open = True

    @property
    def name(self) -> str:
        """Its name in reports."""
        return self._group.place.name

    @property
    def kind(self) -> str:
        """The kind of owner that reports show."""
        return self._group.place.kind

    @property
    def use_count(self) -> int:
        """How many handles share the object."""
        return len(self._group.sharers)

    @property
    def place(self) -> OwnerPlace:  # type: ignore[override]
        """The place of all who share it, in the ledgers."""
        return self._group.place

    def check_transfer(self) -> None:
        """Refuse a transfer: the object belongs to all who share it."""
        self._group.check_transfer()

    def __bool__(self) -> bool:
        """Whether it still shares."""
        return self._open

    def __repr__(self) -> str:
        """Show the type of what is shared and by how many, and nothing else of it."""
        obj = self._group.obj
        return f"<Shared {'released' if obj is None else type_name(type(obj))}, {self.use_count} in use>"

    def peek(self) -> T | None:
        """Give what it shares, or shared if that still lives; no questions asked."""
        group = self._group
        if group.obj is not None:
            return cast("T", group.obj)
        return None if group.last is None else group.last()

    def get(self) -> T:
        """Give the object. LT203 after this handle has let go of it, LT201 once it is released."""
        obj = self._group.obj
        if self._open and obj is not None:
            return cast("T", obj)
        return cast("T", self._emptied(_getframe(1)))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            obj = self._group.obj if self._open else None
            return getattr(self._emptied(_getframe(1)) if obj is None else obj, name)

    def _emptied(self, frame: FrameType) -> Any:
        obj = self.peek()
        misuse("LT201" if self._group.obj is None else "LT203", obj, USED, frame)
        if obj is None:
            raise UseAfterReleaseError("what this handle shared was released")
        return obj

    def clone(self, name: str | None = None) -> Shared[T]:
        """Make one more handle of the same object; ``name`` says in reports who has it."""
        group, lone = self._group, active.lone
        frame = _getframe(1)
        if group.obj is None or not self._open:
            self._emptied(frame)
        made: Shared[T] = _new(self.__class__)
        made._group = group
        made._open = True
        code = frame.f_code
        if lone is None:
            group.sharers[id(made)] = SHARED, None, None, name
        elif lone.whose[code.co_filename] == 3:  # the user's
            group.sharers[id(made)] = SHARED, (code, frame.f_lasti, None), None, name
        else:
            group.sharers[id(made)] = SHARED, lone.mark(frame), lone.when(), name
        return made

    def release(self) -> None:
        """Let go of the object; the last one releases it. A second time is LT202."""
        group = self._group
        note = group.sharers.pop(id(self), None)
        if note is None:
            misuse("LT202", self.peek(), RELEASED, caller(1))
            return
        self._open = False
        if group.sharers:
            return
        obj = group.take_last()
        if obj is not None:
            try:
                run_release(obj, group.names, group.place)
            except BaseException:
                if group.obj is not None:  # else it was released, and something else is wrong
                    self._keep(note)
                raise
            group.released(obj)

    async def arelease(self) -> None:
        """As :meth:`release`, by the object's coroutine method where it has one."""
        group = self._group
        note = group.sharers.pop(id(self), None)
        if note is None:
            misuse("LT202", self.peek(), RELEASED, caller(1))
            return
        self._open = False
        if group.sharers:
            return
        obj = group.take_last()
        if obj is not None:
            try:
                await run_async_release(obj, group.names, group.place)
            except BaseException:
                if group.obj is not None:  # else it was released, and something else is wrong
                    self._keep(note)
                raise
            group.released(obj)

    def _keep(self, note: Note) -> None:
        """Go on sharing after a release that failed, so that it can be tried again."""
        self._group.sharers[id(self)] = note
        self._group.turn.append(True)
        self._open = True

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
        if self._open:
            self._lost()

    def _lost(self) -> None:
        """Notice that a handle went away without letting go; runs in the garbage collector."""
        group = self._group
        if len(group.sharers) > 1 or group.obj is None:
            group.sharers.pop(id(self), None)
            return
        # The last one goes without a word. It stays in the list, so that the finding names it.
        forget(id(group.obj))
        end_unclosed(group.place)


class Weak(Generic[T]):
    """Knows an object that others share without keeping it alive, as C++'s ``weak_ptr``.

    Raises ConfigurationError for anything but a ``Shared``.
    """

    __slots__ = ("__weakref__", "_group")

    def __init__(self, shared: Shared[T]) -> None:
        given: object = shared
        if not isinstance(given, Shared):
            raise ConfigurationError(f"Weak() takes a Shared handle, not {type(given).__name__}")
        self._group: weakref.ref[_Group] = weakref.ref(shared._group)

    def lock(self) -> T | None:
        """Give the object, or None once it was released or nobody shares it any more."""
        group = self._group()
        if group is None or not group.sharers or group.place.ended:
            return None
        return cast("T", group.obj)

    @property
    def expired(self) -> bool:
        """Whether :meth:`lock` gives None."""
        return self.lock() is None
