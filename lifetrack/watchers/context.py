"""Scopes follow work into threads: into executors, whose work runs where it was submitted, and into new threads.

A function of a library that was submitted as it is runs with no line of the program above it; so it is remembered where
that was.

``contextvars`` are not inherited by threads. Only our own variable is carried over; the program's stay as they are.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import Context, ContextVar, Token
from functools import partial
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.ledger.callers import caller
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.moment import note_task_library
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.watchers.aliases import replacement
from lifetrack.watchers.handed_over import HandedOver, begin, place_of
from lifetrack.watchers.imports import forget, when_imported
from lifetrack.watchers.shared import in_place_of

_EXECUTORS = "concurrent.futures.thread"
#: The attributes of a work item that say in which places it was submitted, and at which line.
_PLACES, _ORIGIN = "lifetrack_places", "lifetrack_origin"
#: How the interpreter starts a thread, by its name in ``threading``; which one depends on the version.
_STARTERS = ("_start_new_thread", "_start_joinable_thread")

#: The libraries whose tasks are named in events, each with what notes that it is there.
_LIBRARIES = {name: partial(note_task_library, name) for name in ("asyncio", "trio")}

_Places = list[tuple[Ledger, Place]]
#: What was before: where the thread's work was handed over, and the tokens of the places.
_Left = tuple[Any, list[tuple[ContextVar[Place], Token[Place]]]]

_SUBMIT = """
def wrapper({declare}):
    _lt_original({call})
    _lt_submitted({first})
"""
#: The item may hold what it ran for; so it is let go of before anything else.
_RUN = """
def wrapper({declare}):
    _lt_left = _lt_begin({first})
    try:
        return _lt_original({call})
    finally:
        del {first}
        _lt_end(_lt_left)
"""


class _Context:
    """The patches that all trackers share."""

    def __init__(self) -> None:
        self._ledgers: tuple[Ledger, ...] = ()
        self._threads = Patches()
        self._executors = Patches()
        self._handed_over = HandedOver()
        self._done = False

    def join(self, ledger: Ledger) -> None:
        """Carry the place of this ledger into threads."""
        if not self._ledgers:
            for name in _STARTERS:
                if name in vars(threading):
                    self._threads.put(threading, name, self._starter(vars(threading)[name]))
            when_imported(_EXECUTORS, self._patch_executors)
            self._handed_over.put()
            for name, callback in _LIBRARIES.items():
                when_imported(name, callback)
        self._ledgers = (*self._ledgers, ledger)

    def leave(self, ledger: Ledger) -> None:
        """Stop it; with the last ledger, everything is put back."""
        kept = list(self._ledgers)
        if ledger in kept:
            kept.remove(ledger)
        self._ledgers = tuple(kept)
        if not kept:
            forget(_EXECUTORS, self._patch_executors)
            for name, callback in _LIBRARIES.items():
                forget(name, callback)
            self._executors.undo()
            self._handed_over.undo()
            self._done = False
            self._threads.undo()

    def _places(self) -> _Places:
        return [(ledger, ledger.place.get()) for ledger in self._ledgers]

    def _starter(self, start: Callable[..., Any]) -> Any:
        def starter(_: object, /, *args: Any, **kwargs: Any) -> Any:
            places = [(ledger, place) for ledger, place in self._places() if place is not PROCESS]
            if not places or not args:
                return start(*args, **kwargs)
            function, *rest = args
            _seed(getattr(getattr(function, "__self__", None), "_context", None), places)
            return start(partial(_run_in, places, function), *rest, **kwargs)

        return replacement(start, starter)

    def _patch_executors(self) -> None:
        item: Any = getattr(sys.modules[_EXECUTORS], "_WorkItem", None)
        if not isinstance(item, type) or self._done:
            return
        create: Any = vars(item).get("__init__")
        run: Any = vars(item).get("run")

        def submitted(obj: Any) -> None:
            setattr(obj, _PLACES, self._places())
            setattr(obj, _ORIGIN, place_of(_work_of(obj), caller(2)))

        if None not in (create, run):
            self._done = True
            self._executors.put(item, "__init__", in_place_of(create, _SUBMIT, {"submitted": submitted}))
            self._executors.put(item, "run", in_place_of(run, _RUN, {"begin": _begin_item, "end": _end_item}))


def _work_of(item: Any) -> object:
    """Give what a work item is to call: from Python 3.14 on that is the first part of its task."""
    return getattr(item, "fn", None) or next(iter(getattr(item, "task", ())), None)


def _begin_item(item: Any) -> _Left:
    """Enter the places where a work item was submitted."""
    own: dict[str, Any] = getattr(item, "__dict__", {})
    places: _Places = own.pop(_PLACES, None) or []
    before = begin(own.pop(_ORIGIN, None))
    return before, [(ledger.place, ledger.place.set(place)) for ledger, place in places]


def _end_item(left: _Left) -> None:
    before, tokens = left
    begin(before)
    for variable, token in tokens:
        variable.reset(token)


def _seed(context: object, places: _Places) -> None:
    """Put the places into the context that a thread has of its own, from Python 3.14 on."""
    if not isinstance(context, Context):
        return
    for ledger, place in places:
        if ledger.place not in context:
            try:
                context.run(ledger.place.set, place)
            except RuntimeError:  # the program's own context, in use at this moment
                return


def _run_in(places: _Places, function: Callable[..., Any], *args: Any) -> Any:
    """Run a new thread's function in the place where it was started."""
    for ledger, place in places:
        ledger.place.set(place)
    places.clear()
    return function(*args)


_context = _Context()


class Follow:
    """Lets the scopes of one ledger follow into threads, until it is removed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger: Ledger | None = ledger
        _context.join(ledger)

    def remove(self) -> None:
        """Stop it; does nothing the second time."""
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            _context.leave(ledger)
