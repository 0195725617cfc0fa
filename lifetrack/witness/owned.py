"""Descriptors that live objects of the standard library keep below them, without a record, and give back themselves.

Queues and processes of multiprocessing have pipes, shared values a file, selectors a queue of events, memory maps a
duplicate of their file's descriptor. They are looked for only when a descriptor has come that nothing else explains.
"""

from __future__ import annotations

import gc
import mmap
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lifetrack.witness import system

#: Classes whose objects have both ends of a pipe.
_PIPES = (
    ("multiprocessing.queues", "Queue"), ("multiprocessing.queues", "SimpleQueue"),
    ("concurrent.futures.process", "_ThreadWakeup"), ("joblib.pool", "CustomizablePicklingQueue"),
)  # fmt: skip
#: Classes whose objects have descriptors, and what gives them.
_OTHERS: tuple[tuple[str, str, Callable[[Any], Iterable[object]]], ...] = (
    ("multiprocessing.shared_memory", "SharedMemory", lambda memory: (memory._fd,)),
    ("multiprocessing.heap", "Arena", lambda arena: (arena.fd,)),
    ("multiprocessing.popen_fork", "Popen", lambda process: process.finalizer._args),
    # When their records are made, in the constructor of their base, they have none yet.
    ("selectors", "EpollSelector", lambda selector: (selector._selector.fileno(),)),
    ("selectors", "KqueueSelector", lambda selector: (selector._selector.fileno(),)),
    ("asyncio.events", "Handle", lambda handle: _watched_child(handle._callback, handle._args)),
)  # fmt: skip


class Owned:
    """What such objects have at one moment."""

    def __init__(self) -> None:
        maps, numbers = 0, set[object]()
        kinds = _kinds()
        classes = (mmap.mmap, *kinds)
        for obj in gc.get_objects():
            cls = type(obj)
            if not issubclass(cls, classes):
                continue
            if issubclass(cls, mmap.mmap):
                maps += 1
            for kind, numbers_of in kinds.items():
                if issubclass(cls, kind):
                    numbers.update(numbers_of(obj))
        self._numbers = numbers
        #: How many descriptors memory maps can explain, and of which files how many.
        self._maps, self._mapped = maps, system.mapped() if maps else {}

    def has(self, found: system.Descriptor) -> bool:
        """Whether a descriptor is explained by one of them; each memory map explains one."""
        if found.number in self._numbers:
            return True
        left = 0 if found.path is None else self._mapped.get(found.path, 0)
        if not left or not self._maps:
            return False
        self._maps -= 1
        self._mapped[str(found.path)] = left - 1
        return True


def _kinds() -> dict[type, Callable[[Any], Iterable[object]]]:
    """Give the classes that are loaded."""
    known = (*((module, name, _handles) for module, name in _PIPES), *_OTHERS)
    found = ((getattr(sys.modules.get(module), name, None), numbers_of) for module, name, numbers_of in known)
    return {cls: _harmless(numbers_of) for cls, numbers_of in found if isinstance(cls, type)}


def _harmless(numbers_of: Callable[[Any], Iterable[object]]) -> Callable[[Any], Iterable[object]]:
    def asking(obj: Any) -> Iterable[object]:
        try:
            return tuple(numbers_of(obj))
        except (AttributeError, TypeError, ValueError):  # half made, or over
            return ()

    return asking


def _handles(obj: Any) -> Iterator[object]:
    """Give the numbers of the two ends of a pipe."""
    for name in ("_reader", "_writer"):
        yield getattr(getattr(obj, name, None), "_handle", None)


def _watched_child(callback: Any, args: Any) -> tuple[object, ...]:
    """Give the descriptor by which asyncio waits for a child to end, if a callback is about one; closed with that."""
    return args[1:2] if getattr(callback, "__name__", None) == "_do_wait" else ()
