"""The newest keys of a dictionary that other threads change meanwhile.

A reverse iterator of a dictionary reads beyond its memory when the dictionary was made smaller since: CPython's looks
only at how many items there are, which may be as many as before (``dictreviter_iternext``). Up to Python 3.13 the
interpreter crashes or has corrupted objects, later ones pass over what is there. So none is kept from one step of the
interpreter to the next: here each is made and used up inside of one call of C code, in which no other thread has its
turn and nothing is allocated that would have the collector run.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from itertools import chain, takewhile
from operator import ne
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def newest(of: Mapping[Key, object]) -> Key | None:
    """Give the key that was put in last; None for an empty dictionary."""
    return next(chain.from_iterable(map(reversed, (of,))), None)  # type: ignore[arg-type]


def since(of: Mapping[Key, object], mark: Key) -> list[Key]:
    """Give the keys that were put in after another one, the newest first; all where that is gone.

    The keys must be integers or strings: comparing them calls nobody's code.
    """
    return list(takewhile(partial(ne, mark), chain.from_iterable(map(reversed, (of,)))))  # type: ignore[arg-type]
