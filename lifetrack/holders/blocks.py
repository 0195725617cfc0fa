"""With blocks of running functions, for Python 3.14 and later, where nothing shows what such a block keeps.

Up to 3.13 a bound method waits for the end of the block, and refers to the object. Since then the object lies on the
stack of the frame alone, which nobody can look into while the frame runs. So it is inferred from three things: a
function stands in a ``with`` block, the resource was acquired while that block's expression was evaluated, and nothing
else that can be seen holds it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from opcode import opmap
from types import CodeType, FrameType
from typing import TypeAlias

from lifetrack.ledger.territory import is_ours

#: The line, the last line, the column and the last column of some source; None where the code does not know them.
_Span: TypeAlias = tuple[int | None, int | None, int | None, int | None]
#: What the handler of a ``with`` block begins with, and of nothing else.
_BEGINNING = opmap["PUSH_EXC_INFO"], opmap["WITH_EXCEPT_START"]
_UNIT = 2


class _Block:
    """A ``with`` block that a function stands in: its code, where its body begins, and the span of its expression."""

    def __init__(self, frame: FrameType, start: int, spans: list[_Span]) -> None:
        self._code = frame.f_code
        self._start = start
        self._spans = spans
        self._span = spans[start // _UNIT - 1]  # of the call that enters it, which has that of the expression
        place = f"{os.path.basename(self._code.co_filename)}:{self._span[0]}"
        self.label = f"a with block of {self._code.co_qualname}() (running function, {place})"

    def has(self, code: CodeType, offset: int) -> bool:
        """Whether a call at this offset of a code is a part of the block's expression."""
        return code is self._code and offset < self._start and _is_within(self._spans[offset // _UNIT], self._span)


def _is_within(inner: _Span, outer: _Span) -> bool:
    if inner[0] is None or outer[0] is None:
        return False
    first, last = (inner[0], inner[2] or 0), (inner[1] or inner[0], inner[3] or 0)
    return (outer[0], outer[2] or 0) <= first and last <= (outer[1] or outer[0], outer[3] or 0)


class Blocks:
    """The ``with`` blocks that stand open in running functions, by what was acquired for them.

    ``acquired`` are the places of acquisition by the address of the object: codes and offsets, as deep as recorded.
    """

    def __init__(self, acquired: Mapping[int, Collection[tuple[CodeType, int]]]) -> None:
        self._acquired = acquired
        self._open: list[_Block] | None = None

    def label(self, address: int) -> str | None:
        """Name the block that the resource at an address was acquired for; None if there is none."""
        places = self._acquired.get(address)
        if not places:
            return None
        if self._open is None:
            self._open = list(_open_blocks()) if sys.version_info >= (3, 14) else []
        found = (each for each in self._open if any(each.has(code, offset) for code, offset in places))
        block = next(found, None)
        return None if block is None else block.label


def _open_blocks() -> Iterator[_Block]:
    """Find them in all threads, those of the innermost functions first."""
    frames = sys._current_frames()
    for number in list(frames):
        frame: FrameType | None = frames.pop(number)
        while frame is not None:
            if not is_ours(frame.f_code):
                yield from _blocks_of(frame)
            frame = frame.f_back


def _blocks_of(frame: FrameType) -> Iterator[_Block]:
    code = frame.f_code
    if not code.co_exceptiontable:
        return
    table = list(_handlers(code))
    spans: list[_Span] = []
    at, seen = frame.f_lasti, set[int]()
    while (target := _handler_at(table, at)) is not None and target not in seen:
        seen.add(target)
        if (code.co_code[target], code.co_code[target + _UNIT]) == _BEGINNING:
            spans = spans or list(code.co_positions())
            yield _Block(frame, min(start for start, _, each in table if each == target), spans)
        at = target  # what handles an error of the handler is that of the block around it


def _handler_at(table: Iterable[tuple[int, int, int]], at: int) -> int | None:
    return next((target for start, end, target in table if start <= at < end), None)


def _handlers(code: CodeType) -> Iterator[tuple[int, int, int]]:
    """Read the exception table of a code: first offset, offset behind the last, handler."""
    numbers = _numbers(code.co_exceptiontable)
    for start in numbers:
        length, target, _ = next(numbers), next(numbers), next(numbers)
        yield start * _UNIT, (start + length) * _UNIT, target * _UNIT


def _numbers(table: bytes) -> Iterator[int]:
    """Read numbers of six bits in each byte, with a mark on all but the last."""
    number = 0
    for byte in table:
        number = number << 6 | byte & 0x3F
        if not byte & 0x40:
            yield number
            number = 0
