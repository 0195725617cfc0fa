"""Who is at work: a client that sends a request, a pool that needs one more connection.

What is opened for somebody at work belongs to it, wherever the work was asked for: the connections that a client of the
whole program keeps are no leak of the scope that it was used in.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, TypeAlias

from lifetrack.ledger.entries import EXTRA, OPEN_STATES, SCOPE, STATE, Entry, place_of
from lifetrack.ledger.journaling import note_owner
from lifetrack.ledger.places import Place
from lifetrack.ownership.custody import ObjectPlace, object_place
from lifetrack.watchers.coroutines import is_coroutine_function
from lifetrack.watchers.custody import keep
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
    if for_whom is None and not ledger.owners:
        return
    entry = ledger.entries.get(id(obj))
    place = ledger.owners.get(id(obj))
    if isinstance(place, ObjectPlace):
        place.meet()
    if entry is None or for_whom is None or for_whom is obj:
        return
    if id(for_whom) in ledger.entries:
        keep(recording, obj, for_whom)
    else:  # its constructor is still running
        ledger.note_scoped()
        entry[SCOPE] = object_place(recording.engine, for_whom)
        note_owner(ledger, entry)


def _join(recording: Recording, obj: object, for_whom: object) -> None:
    """Let what belongs to nobody yet belong to whoever it works for: a pool that was made before its client."""
    entry = recording.ledger.entries.get(id(obj))
    if entry is not None and entry[STATE] in OPEN_STATES and upper_place(entry) is None:
        adopt(recording, obj, for_whom)


def upper_place(entry: Entry) -> Place | None:
    """Give the place of the object that an entry belongs to; None for one that stands by itself."""
    parent = None if entry[EXTRA] is None else entry[EXTRA].parent
    place = place_of(entry if parent is None else parent)
    return place if parent is not None or isinstance(place, ObjectPlace) else None


@contextmanager
def _working(obj: object, listeners: Listeners, *, joins: bool) -> Iterator[None]:
    for_whom = worker() if joins else None
    if for_whom is not None:
        for listener in listeners():
            _join(listener, obj, for_whom)
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


def _reset(variable: ContextVar[Any], token: Token[Any]) -> None:
    try:
        variable.reset(token)
    except ValueError:  # the coroutine is closed in another context than it ran in
        return


def working(listeners: Listeners, original: Any, *, joins: bool) -> Callable[..., Any]:
    """Wrap a method during which its object is at work; with ``joins``, it then belongs to whoever it works for."""
    if is_coroutine_function(original):

        async def work_later(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            with _working(self, listeners, joins=joins):
                return await original(self, *args, **kwargs)

        return work_later

    def work_now(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        with _working(self, listeners, joins=joins):
            return original(self, *args, **kwargs)

    return work_now
