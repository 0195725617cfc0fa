"""What lifetrack asks of the garbage collector: to wait while it starts, and for what it knows."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any


@contextmanager
def collector_paused() -> Iterator[None]:
    """Switch the collector off for the block if it is on: very much is made in it, and none of that is garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def without_collector() -> Iterator[None]:
    """Switch the collector off for the block if it is on, and count what was made in it as looked at already.

    There is no garbage yet when lifetrack starts, and none in what it notes of each leak at the end; it would look for
    some.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:  # nobody else's are thawed
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def objects_of(*classes: type, young: bool = False) -> list[Any]:
    """Give all objects of exactly these classes that the collector knows; C looks through them, as there are many.

    By the addresses of their classes: a metaclass may say itself what its classes are equal to, or give no hash at all.
    With ``young`` only those that have not gone through two collections yet.
    """
    wanted = frozenset(map(id, classes))
    everything = gc.get_objects(0) + gc.get_objects(1) if young else gc.get_objects()
    return list(compress(everything, map(wanted.__contains__, map(id, map(type, everything)))))
