"""Holders: the paths of references that keep a resource alive, with the verdict on each and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifetrack.values.endings import NEVER
from lifetrack.values.making import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

MODULE_GLOBAL = "module-global"
CLASS_ATTRIBUTE = "class-attribute"
CLOSURE_CELL = "closure-cell"
DEFAULT_ARGUMENT = "default-argument"
LRU_CACHE = "lru-cache"
BOUND_METHOD = "bound-method-callback"
SIGNAL_HANDLER = "signal-handler"
ATEXIT_HANDLER = "atexit-handler"
THREAD_LOCAL = "thread-local"
CONTEXTVAR = "contextvar"
RUNNING_FRAME = "running-frame"
SUSPENDED_GENERATOR = "suspended-generator"
SUSPENDED_COROUTINE = "suspended-coroutine"
PENDING_TASK = "pending-task"
TRACEBACK = "traceback"
LOGGING_HANDLER = "logging-handler"
WEAK_KEY_CONTAINER = "weak-key-container"
REFERENCE_CYCLE = "reference-cycle"
ANOTHER_LEAK = "another-leak"
UNKNOWN = "unknown"

#: What to do about each verdict. These words stand in reports and stay as they are.
ADVICE = {
    MODULE_GLOBAL: "take it out of there when it is released, or release it when the program ends",
    CLASS_ATTRIBUTE: "every object of the class shares it: keep it on an object, or clear it when it is released",
    CLOSURE_CELL: "drop the inner function when it is done with, or hand the object over as an argument",
    DEFAULT_ARGUMENT: "a default is made once and lives as long as its function: use None, and make it in the call",
    LRU_CACHE: "the cache keeps arguments and results: call cache_clear(), or cache by a key that is no resource",
    BOUND_METHOD: "a bound method keeps its object: take the callback back, or register it by weakref.WeakMethod",
    SIGNAL_HANDLER: "restore the handler that was there before, with signal.signal()",
    ATEXIT_HANDLER: "take it back with atexit.unregister() (of weakref.finalize: detach()) once it is released",
    THREAD_LOCAL: "it lives as long as its thread: release it before the thread ends, and delete the attribute",
    CONTEXTVAR: "reset the variable with its token; copies of the context, as in tasks, keep what they were made with",
    RUNNING_FRAME: "the function is still running: release it before it goes on waiting, or use a with block there",
    SUSPENDED_GENERATOR: "the generator waits for its next step: run it to its end, or close() it",
    SUSPENDED_COROUTINE: "the coroutine was never finished: await it, or close() it",
    PENDING_TASK: "the task has not ended: await it, or cancel() it and await that",
    TRACEBACK: "an exception or frame that is kept holds variables of functions: drop it, or clear its __traceback__",
    LOGGING_HANDLER: "take it off its logger with removeHandler() or removeFilter(); a handler wants close(), too",
    WEAK_KEY_CONTAINER: "values are held as long as their keys live, for ever where a value refers to its own key",
    REFERENCE_CYCLE: "nothing else holds it: release it, the garbage collector will take it away unreleased",
    ANOTHER_LEAK: "it is held by another resource that leaked: mend that one first",
    UNKNOWN: "no holder is visible to the collector: a C extension, or a temporary value of a running function",
}

#: Where it differs: what to do about one that was released already, and is only still referred to.
ADVICE_WHEN_RELEASED = {
    MODULE_GLOBAL: "take it out of there when it is released",
    CLASS_ATTRIBUTE: "every object of the class shares it: clear it when it is released",
    THREAD_LOCAL: "it lives as long as its thread: delete the attribute when it is released",
    RUNNING_FRAME: "the function is still running: delete the variable when it is released, or leave the function",
    LOGGING_HANDLER: "take it off its logger with removeHandler() or removeFilter()",
    REFERENCE_CYCLE: "nothing else holds it: the garbage collector will take it away",
}


def _bare(part: str) -> str:
    """Leave out of an element of a path what it says of a type; what it says of code that runs or waits stays."""
    name, _, rest = part.rpartition(" (")
    is_type = rest.endswith(")") and rest[:-1].replace(".", "").replace("<locals>", "").isidentifier()
    return name if name and is_type else part


@dataclass(frozen=True, slots=True)
class Holder:
    """One path of references that keeps an object alive, from its root to the object, and the verdict on it.

    ``verdict`` is one of the words of :data:`ADVICE`. The first element of ``path`` is the root; each further one is
    the name under which the one before has it, with its type; the last is how the object itself is reached.
    ``released`` says that the resource was released before this was told.
    """

    verdict: str
    path: tuple[str, ...]
    released: bool = False

    @property
    def advice(self) -> str:
        """What to do about it; empty for a verdict that this version does not know."""
        advice = ADVICE.get(self.verdict, "")
        return ADVICE_WHEN_RELEASED.get(self.verdict, advice) if self.released else advice

    @property
    def words(self) -> str:
        """The path as a program would write it, where that can be done: ``app.REGISTRY['openssl']``."""
        text = ""
        for part in self.path:
            name = _bare(part)
            if not text or name.startswith("["):
                text += name
            elif name.partition(" (")[0].isidentifier() and not text.endswith(")"):
                text += f".{name}"
            else:
                text += f" > {name}"
        return text

    def __str__(self) -> str:
        return f"{self.words} ({self.verdict})"


def held_after(holders: Iterable[Holder], ended: str | None) -> tuple[Holder, ...]:
    """Give the holders of a resource that ended in a way of :data:`lifetrack.values.endings.ENDINGS`."""
    released = ended not in (None, NEVER)
    return tuple(Holder(holder.verdict, holder.path, released) for holder in holders)


@dataclass(frozen=True, slots=True)
class Search:
    """What looking for holders took.

    ``walks`` over the heap, for which the program stood still ``seconds`` in all and the ``longest`` time at once;
    ``left_out`` resources were not asked about, to keep it short.
    """

    walks: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    left_out: int = 0
