"""Blocks that must not leak."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from lifetrack.ownership.scopes import Scope
from lifetrack.tracker import default_tracker
from lifetrack.unittests.sessions import tracking
from lifetrack.values.errors import DeclarationError
from lifetrack.values.settings import Level
from lifetrack.watchers.watching import check_names

_F = TypeVar("_F", bound=Callable[..., Any])


class assert_no_leaks(AbstractContextManager["assert_no_leaks"]):  # noqa: N801 - it is used as a function is
    """Raise LeakError at the end of a block that leaves a resource open, with ``with``, ``async with`` or as decorator.

    Tracking is switched on for the block where it is off. ``watch`` names what counts besides declared classes, by
    default the standard library and what is watched already; ``level`` says how much is recorded. What was open before
    the block is not its affair. An exception of the block's own comes through instead. To ask in the middle of a test,
    use :func:`lifetrack.assert_no_leaks`::

        with assert_no_leaks():
            load_plugins().cleanup()
    """

    def __init__(
        self, name: str = "block", *, watch: str | Iterable[str] | None = None, level: str | Level | None = None
    ) -> None:
        if not isinstance(name, str):  # as it is without parentheses, where the function takes its place
            raise DeclarationError(
                f"the name of a block is a string, not {type(name).__name__}: write @assert_no_leaks() to decorate"
            )
        self._name = name
        self._watch = None if watch is None else check_names(watch)
        self._level = level
        self._stack: ExitStack | None = None
        self._scope: Scope | None = None
        self._was_used = False

    def _begin(self) -> Scope:
        self._was_used = True
        self._stack = ExitStack()
        engine, watch = default_tracker().engine, self._watch
        policy = None if engine is None or engine.settings.policy["LT103"] == "raise" else "raise"
        tracker = self._stack.enter_context(
            tracking(policy, ("stdlib",) if watch is None else watch, self._level, only=watch is not None)
        )
        self._scope = tracker.scope(self._name)
        return self._scope

    def __enter__(self) -> Self:
        self._begin().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._scope is not None and self._stack is not None:
            with self._stack:
                self._scope.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Self:
        await self._begin().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._scope is not None and self._stack is not None:
            with self._stack:
                await self._scope.__aexit__(kind, error, traceback)

    def __call__(self, function: _F) -> _F:
        """Decorate a function or coroutine function: each call is a block of its own.

        Raises DeclarationError for a generator function, of which the call alone would be checked, and for a class.
        """
        self._was_used = True
        _check_decorated(function)

        def again() -> assert_no_leaks:
            return assert_no_leaks(function.__qualname__, watch=self._watch, level=self._level)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def guarded(*args: Any, **kwargs: Any) -> Any:
                async with again():
                    return await function(*args, **kwargs)

            return guarded  # type: ignore[return-value]

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            with again():
                return function(*args, **kwargs)

        return plain  # type: ignore[return-value]

    def __del__(self) -> None:
        if not self.__dict__.get("_was_used", True):
            mend = "write 'with assert_no_leaks():', or call lifetrack.assert_no_leaks()"
            warnings.warn(f"assert_no_leaks() without a block checks nothing: {mend}", RuntimeWarning, stacklevel=2)


def _check_decorated(function: Any) -> None:
    """Refuse what has done nothing yet when its call returns: the block would have checked nothing."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if inspect.isclass(function):
        raise DeclarationError(f"assert_no_leaks() cannot decorate the class {name}: decorate its methods")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(
            f"assert_no_leaks() cannot decorate the generator function {name}(), whose body runs after the call: "
            "write 'with assert_no_leaks():' in it"
        )
