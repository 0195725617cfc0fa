"""Borrowing: use for a while without the duty; whoever releases meanwhile is found."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from sys import _getframe
from types import TracebackType
from typing import Any, Generic, TypeVar

from lifetrack.guards import active
from lifetrack.ledger.entries import BOUND, EXTRA, LIVE, OPEN_STATES, STATE, Extra, Note, extra_of
from lifetrack.ownership.handles import Handle
from lifetrack.values.errors import DeclarationError
from lifetrack.values.events import BORROWED, RETURNED

T = TypeVar("T")
_F = TypeVar("_F", bound=Callable[..., Any])


class Borrow(Generic[T]):
    """A ``with`` or ``async with`` block in which an object is lent."""

    __slots__ = ("_entries", "_obj")

    def __init__(self, obj: T) -> None:
        self._obj = obj
        #: The entries that say that the object is lent.
        self._entries: Any = ()

    def __enter__(self) -> T:
        obj: Any = self._obj
        engines = active.engines
        if engines:
            key, frame = id(obj), _getframe(1)
            for engine in engines:
                try:
                    entry = engine.ledger.entries[key]
                except KeyError:
                    continue
                if entry[0] not in OPEN_STATES:
                    engine.violation("LT201", entry, BORROWED, frame)
                    continue
                note: Note = (BORROWED, engine.mark(frame), engine.when(), None)
                extra: Extra = entry[EXTRA] or extra_of(entry)
                extra.note(note)
                fresh: dict[int, Note] = {}
                lent = extra.lent
                if lent is None:  # no call stands between this question and the answer
                    extra.lent = lent = fresh
                lent[id(self)] = note
                if entry[STATE] == LIVE:
                    entry[STATE] = BOUND
                self._entries = (*self._entries, (engine, entry))
        return obj  # type: ignore[no-any-return]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lent, self._entries = self._entries, ()
        for engine, entry in lent:
            extra: Extra = entry[EXTRA]
            if extra.lent is not None and extra.lent.pop(id(self), None) is not None:
                extra.note((RETURNED, engine.mark(_getframe(1)), engine.when(), None))

    async def __aenter__(self) -> T:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def borrow(obj: T) -> Borrow[T]:
    """Lend an object for a block, as in ``with lifetrack.borrow(connection) as lent``: used there, not released.

    Any number at once, also ``async with``. A release meanwhile is LT302; an owner that ends meanwhile is LT304. Where
    ``obj`` is a handle, what is given is the object.
    """
    if isinstance(obj, Handle):
        return Borrow(obj.get())
    return Borrow(obj)


def borrows(parameter: str) -> Callable[[_F], _F]:
    """Declare a function that borrows the argument named while it runs. Raises DeclarationError if it has none such."""

    def decorate(function: _F) -> _F:
        signature = inspect.signature(function)
        if parameter not in signature.parameters:
            known = ", ".join(signature.parameters) or "none"
            raise DeclarationError(
                f"{function.__qualname__}() has no parameter {parameter!r} to borrow; it has: {known}"
            )
        return _lending(function, signature, parameter)

    return decorate


def _lending(function: _F, signature: inspect.Signature, parameter: str) -> _F:
    def lent(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Borrow[Any]:
        try:
            return Borrow(signature.bind(*args, **kwargs).arguments.get(parameter))
        except TypeError:
            return Borrow(None)  # the call itself raises the error that its user knows

    wrapper: Any
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with lent(args, kwargs):
                return await function(*args, **kwargs)

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with lent(args, kwargs):
                return function(*args, **kwargs)

    made: _F = wrapper
    return made
