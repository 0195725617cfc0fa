"""Tracebacks: of which exceptions one consists, and what is left of one when frames are taken out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType


def chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception, those that it came from, and those of a group; each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def link(kept: Sequence[TracebackType]) -> None:
    """Let these parts of one traceback, outermost first, be all that there is of it below the first."""
    for upper, lower in zip(kept, [*kept[1:], None], strict=True):
        if upper.tb_next is not lower:
            upper.tb_next = lower
