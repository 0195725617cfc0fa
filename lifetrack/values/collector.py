"""What lifetrack asks of the garbage collector: to wait while it starts, and for what it knows."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any, NamedTuple


class Aside(NamedTuple):
    """What :mod:`lifetrack.start_heap` has put aside: how it is given back, and whether none of it is the program's."""

    restore: Callable[[], None]
    is_nobodys: bool


#: At most one.
aside: list[Aside] = []
#: The functions themselves: others stand in their places while anything is put aside.
_in_rounds, _disable = gc.get_objects, gc.disable
#: CPython 3.12 begins with some hundred frozen objects of its own.
_INTERPRETERS = 500 if sys.version_info[:2] == (3, 12) else 0


def has_frozen() -> bool:
    """Whether somebody has frozen objects, who is not to lose that."""
    return bool(aside) or gc.get_freeze_count() > _INTERPRETERS


@contextmanager
def collector_paused() -> Iterator[None]:
    """Switch the collector off for the block if it is on: very much is made in it, and none of that is garbage."""
    was_on = gc.isenabled()
    _disable()
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
    with collector_paused():
        try:
            yield
        finally:
            if not has_frozen():  # nobody else's are thawed
                gc.freeze()
                gc.unfreeze()


def referring(to: Iterable[object], *classes: type) -> list[Any]:
    """Give the objects of exactly these classes that refer to any of a few others.

    Where all that are wanted do, this takes a fifth of the time of :func:`objects_of`.
    """
    wanted = frozenset(map(id, classes))
    return [each for each in gc.get_referrers(*to) if id(type(each)) in wanted]


def objects_of(*classes: type, young: bool = False) -> list[Any]:
    """Give all objects of exactly these classes that the collector knows; C looks through them, as there are many.

    By the addresses of their classes: a metaclass may say itself what its classes are equal to, or give no hash at all.
    With ``young`` only those that have not gone through two collections yet.
    """
    wanted = frozenset(map(id, classes))
    everything = _in_rounds(0) + _in_rounds(1) if young else _of_program()  # what is put aside is not young
    return list(compress(everything, map(wanted.__contains__, map(id, map(type, everything)))))


def _of_program() -> list[Any]:
    """Give all objects that are not known to be the interpreter's own or ours."""
    return _in_rounds() if any(each.is_nobodys for each in aside) else gc.get_objects()
