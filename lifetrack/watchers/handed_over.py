"""Work that is handed over to another thread: its line is remembered where no frame of the program will show it.

``submit(open, path)`` runs ``open`` with nothing above it but the executor. The same goes for the threads of anyio and
trio, which take the context of the task with them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Context
from functools import partial
from types import BuiltinMethodType, FrameType, FunctionType, MethodType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.ledger.callers import caller
from lifetrack.ledger.capture import Trace, capture_far
from lifetrack.ledger.origins import of_context, of_thread
from lifetrack.ledger.territory import is_users
from lifetrack.values.settings import DEFAULT_FRAMES
from lifetrack.watchers.aliases import replacement
from lifetrack.watchers.imports import forget, when_imported
from lifetrack.watchers.shared import in_place_of

_ANYIO, _TRIO = "anyio._backends._asyncio", "trio._threads"
_START = """
def wrapper({declare}):
    {first} = _lt_handed({first}, _lt_caller(1))
    return _lt_original({call})
"""


def place_of(function: object, frame: FrameType) -> Trace | None:
    """Give where a function was handed over, unless it is the program's own and will show that itself."""
    return None if _is_users(function) else capture_far(frame, DEFAULT_FRAMES)


def _is_users(function: object) -> bool:
    while type(function) is partial:
        function = function.args[0] if function.args and _runs_in_context(function.func) else function.func
    if type(function) is MethodType:
        function = function.__func__
    return type(function) is FunctionType and is_users(function.__code__)


def _runs_in_context(function: object) -> bool:
    return type(function) is BuiltinMethodType and type(function.__self__) is Context


def begin(place: Trace | None) -> Trace | None:
    """Let this thread's work be that which was handed over there; give what was before."""
    before, of_thread.trace = of_thread.trace, place
    return before


def _run_from(place: Trace, work: Callable[[], Any]) -> Any:
    before = begin(place)
    try:
        return work()
    finally:
        begin(before)


class HandedOver:
    """The patches of anyio and trio; executors are asked where their items are made."""

    def __init__(self) -> None:
        self._patches = Patches()
        self._hooks: dict[str, Callable[[], None]] = {_ANYIO: self._patch_anyio, _TRIO: self._patch_trio}

    def put(self) -> None:
        """Patch the libraries that are there, and the others when they come."""
        for name, hook in self._hooks.items():
            when_imported(name, hook)

    def undo(self) -> None:
        """Put everything back."""
        for name, hook in self._hooks.items():
            forget(name, hook)
        self._patches.undo()

    def _patch_anyio(self) -> None:
        """Let a copy of the context, which is made for each call in a thread, know where it was made."""
        module = sys.modules[_ANYIO]
        native = vars(module).get("copy_context")
        if native is None:
            return

        def copying(_: object, /) -> Context:
            context: Context = native()
            context.run(of_context.set, capture_far(caller(1), DEFAULT_FRAMES))
            return context

        self._patches.put(module, "copy_context", replacement(native, copying))

    def _patch_trio(self) -> None:
        module = sys.modules[_TRIO]
        start = vars(module).get("start_thread_soon")

        def handed(work: Callable[[], Any], frame: FrameType) -> Callable[[], Any]:
            return partial(_run_from, capture_far(frame, DEFAULT_FRAMES), work)

        if isinstance(start, FunctionType):
            self._patches.put(module, "start_thread_soon", in_place_of(start, _START, {"handed": handed}))
