"""Who is at work: a client that sends a request, a pool that needs one more connection.

What is opened for somebody at work belongs to it, wherever the work was asked for: the connections that a client of the
whole program keeps are no leak of the scope that it was used in.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, TypeAlias

from lifetrack.ledger.entries import SCOPE
from lifetrack.ledger.places import Place
from lifetrack.ownership.custody import ObjectPlace, object_place
from lifetrack.watchers.recording import Recording

#: A weak reference to whoever is at work in this context.
_at_work: ContextVar[weakref.ref[Any] | None] = ContextVar("lifetrack at work", default=None)

Listeners: TypeAlias = Callable[[], tuple[Recording, ...]]


def worker() -> Any:
    """Give who is at work here; None if nobody is."""
    reference = _at_work.get()
    return None if reference is None else reference()


def adopt(recording: Recording, obj: object, for_whom: object) -> None:
    """Let what was just recorded belong to whoever it was acquired for; and know what it has acquired itself so far."""
    ledger = recording.ledger
    entry = ledger.entries.get(id(obj))
    place = ledger.owners.get(id(obj))
    if isinstance(place, ObjectPlace):
        place.meet()
    if entry is not None and for_whom is not None and for_whom is not obj:
        ledger.note_scoped()
        entry[SCOPE] = object_place(recording.engine, for_whom)


@contextmanager
def _working(obj: object, listeners: Listeners) -> Iterator[None]:
    try:
        reference = weakref.ref(obj) if listeners() else None
    except TypeError:
        reference = None
    token = None if reference is None else _at_work.set(reference)
    try:
        yield
    finally:
        if token is not None:
            _reset(_at_work, token)


@contextmanager
def _opening(obj: object, listeners: Listeners) -> Iterator[None]:
    for_whom = worker()
    entered: list[tuple[ContextVar[Place], Token[Place]]] = []
    for listener in listeners():
        ledger = listener.ledger
        ledger.note_scoped()
        place = object_place(listener.engine, obj if for_whom is None else for_whom)
        entered.append((ledger.place, ledger.place.set(place)))
    try:
        yield
    finally:
        for variable, token in reversed(entered):
            _reset(variable, token)


def _reset(variable: ContextVar[Any], token: Token[Any]) -> None:
    try:
        variable.reset(token)
    except ValueError:  # the coroutine is closed in another context than it ran in
        return


def _around(block: Callable[[Any, Listeners], Any], listeners: Listeners, original: Any) -> Callable[..., Any]:
    made: Callable[..., Any]
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def awaited(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            with block(self, listeners):
                return await original(self, *args, **kwargs)

        made = awaited
    else:

        @functools.wraps(original)
        def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            with block(self, listeners):
                return original(self, *args, **kwargs)

        made = wrapper
    return made


def working(listeners: Listeners, original: Any) -> Callable[..., Any]:
    """Wrap a method during which its object is at work."""
    return _around(_working, listeners, original)


def opening(listeners: Listeners, original: Any) -> Callable[..., Any]:
    """Wrap a method that acquires for whoever is at work, or else for its own object."""
    return _around(_opening, listeners, original)
