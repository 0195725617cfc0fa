"""Borrowing: use for a while without the duty; whoever releases meanwhile is found."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from sys import _getframe
from types import FrameType, TracebackType
from typing import Any, Generic, TypeVar, overload

from lifetrack.guards import active
from lifetrack.ledger.entries import EXTRA, OPEN, OPEN_STATES, STATE, Extra, extra_of
from lifetrack.ownership.custody import mark_bound
from lifetrack.ownership.handles import Handle
from lifetrack.values.errors import DeclarationError
from lifetrack.values.events import BORROWED, RETURNED

T = TypeVar("T")
_F = TypeVar("_F", bound=Callable[..., Any])


class borrow(Generic[T]):  # noqa: N801 - it reads as a verb, like contextlib.suppress
    """Lend an object for a block, as in ``with lifetrack.borrow(connection) as lent``: used there, not released.

    Any number at once, also ``async with``. A release meanwhile is LT302; an owner that ends meanwhile is LT304. Where
    the object is a handle, what is given is the object in it.
    """

    __slots__ = ("_extra", "_loan", "_obj")
    #: The borrow that is open, and where it is kept; where it had to go the long way, None and all of them.
    _loan: Any
    _extra: Any
    _obj: Any

    @overload
    def __init__(self, obj: Handle[T]) -> None: ...
    @overload
    def __init__(self, obj: T) -> None: ...
    def __init__(self, obj: Any) -> None:
        self._obj = obj

    def __enter__(self) -> T:
        # Everything in full, as a call costs as much as all of it; the long way is for what is not simply live.
        obj = self._obj
        lone = active.lone
        if lone is None:
            return self._enter_slowly(_getframe(1))
        try:
            entry = lone.entries[id(obj)]
        except KeyError:
            return self._enter_slowly(_getframe(1))
        state = entry[0]
        if state != 7:
            if state != 1:
                return self._enter_slowly(_getframe(1))
            entry[0] = 7  # from LIVE to BOUND
        extra: Extra = entry[10] or extra_of(entry)
        frame = _getframe(1)
        code = frame.f_code
        if lone.whose[code.co_filename] == 3:  # the user's
            loan = [(code, frame.f_lasti, None), None, None, OPEN]
        else:
            loan = [lone.mark(frame), lone.when(), None, OPEN]
        lent = extra.lent
        if lent is None:
            lent = extra.begin_lending()
        lent[id(loan)] = loan
        self._loan = loan
        self._extra = extra
        return obj  # type: ignore[no-any-return]

    def _enter_slowly(self, frame: FrameType) -> T:
        obj = self._obj.get() if isinstance(self._obj, Handle) else self._obj
        loans = []
        for engine in active.engines:
            entry = engine.ledger.entries.get(id(obj))
            if entry is None:
                continue
            if entry[STATE] not in OPEN_STATES:
                engine.violation("LT201", entry, BORROWED, frame)
                continue
            extra = mark_bound(entry)
            loan = [engine.mark(frame), engine.when(), None, OPEN]
            (extra.lent or extra.begin_lending())[id(loan)] = loan
            if engine.ledger.journal is not None:
                engine.ledger.journal.event(entry, (BORROWED, loan[0], loan[1], None))
            loans.append((engine, entry, loan))
        self._loan = None
        self._extra = loans
        return obj  # type: ignore[no-any-return]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        loan = self._loan
        if loan is None:
            self._leave_slowly(_getframe(1))
            return
        extra = self._extra
        if extra.lent.pop(id(loan), None) is None:
            return  # it has been given back already
        if loan[1] is None:  # at this level neither the time nor the place of a return is kept
            loan[3] = None
        elif active.lone is not None:
            loan[2], loan[3] = active.lone.mark(_getframe(1)), active.lone.when()
        extra.loans.append(loan)

    def _leave_slowly(self, frame: FrameType) -> None:
        for engine, entry, loan in self._extra:
            extra, journal = entry[EXTRA], engine.ledger.journal
            if extra.lent.pop(id(loan), None) is not None:
                loan[2], loan[3] = engine.mark(frame) if engine.stacks else None, engine.when()
                extra.loans.append(loan)
                if journal is not None and entry[STATE] in OPEN_STATES:
                    journal.event(entry, (RETURNED, engine.mark(frame), engine.when(), None))

    async def __aenter__(self) -> T:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


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
    def lent(args: tuple[Any, ...], kwargs: dict[str, Any]) -> borrow[Any]:
        try:
            return borrow(signature.bind(*args, **kwargs).arguments.get(parameter))
        except TypeError:
            return borrow(None)  # the call itself raises the error that its user knows

    wrapper: Any
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with lent(args, kwargs):
                return await function(*args, **kwargs)

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with lent(args, kwargs):
                return (yield from function(*args, **kwargs))

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with lent(args, kwargs):
                return function(*args, **kwargs)

    made: _F = wrapper
    return made
