"""Headroom: a few descriptors for ourselves, where the program has used up all that it may have.

What explains findings and writes reports is imported with the first of them, and files are written then. A program that
leaks descriptors may have none left at just that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

try:  # now, for a module is a file, too
    import resource as _resource
except ImportError:  # there are no such limits, as on Windows
    _limits: Any = None
else:
    _limits = _resource

#: How many descriptors more there may be for a block.
_SPARE = 32
#: Up to so many descriptors a program may well use up.
_MANY = 4096
#: Whoever takes this may raise the limit: of blocks in each other or side by side one does, and puts it back exactly.
_turn = [True]


def is_tight() -> bool:
    """Whether a program that uses up its descriptors leaves none for us: what is needed then has to be loaded now."""
    if _limits is None:
        return False
    soft, hard = _limits.getrlimit(_limits.RLIMIT_NOFILE)
    return bool(soft <= _MANY and hard < soft + _SPARE and _limits.RLIM_INFINITY not in (soft, hard))


@contextmanager
def headroom() -> Iterator[None]:
    """Let there be some more descriptors for the block than the program may have, as far as the system allows that.

    That is up to the hard limit, and beyond it for a process with the privilege.
    """
    try:
        turn = _turn.pop()
    except IndexError:
        yield
        return
    before = None if _limits is None else _limits.getrlimit(_limits.RLIMIT_NOFILE)
    is_raised = before is not None and _raise(*before)
    try:
        yield
    finally:
        if is_raised:
            _limits.setrlimit(_limits.RLIMIT_NOFILE, before)
        _turn.append(turn)


def _raise(soft: int, hard: int) -> bool:
    if soft == _limits.RLIM_INFINITY:
        return False
    more = soft + _SPARE
    try:
        _limits.setrlimit(_limits.RLIMIT_NOFILE, (more, hard if hard == _limits.RLIM_INFINITY else max(hard, more)))
    except (OSError, ValueError):
        return False
    return True
