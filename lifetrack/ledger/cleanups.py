"""Whether a suspended generator has something to clean up: it stands in a ``with`` block or in ``try`` … ``finally``.

The interpreter keeps a table of what handles an exception at which instruction; a generator that is closed is sent one.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any


def _numbers(table: bytes) -> Iterator[int]:
    """Read the numbers of an exception table: six bits in a byte, the highest first; bit 6 says that more follow."""
    value = 0
    for byte in table:
        value = (value << 6) | (byte & 63)
        if not byte & 64:
            yield value
            value = 0


def handlers(code: CodeType, offset: int) -> Iterator[int]:
    """Give the offsets of the handlers that cover an instruction of a function."""
    numbers = _numbers(code.co_exceptiontable)
    for start, length, target, _ in zip(numbers, numbers, numbers, numbers, strict=False):
        if start * 2 <= offset < (start + length) * 2:
            yield target * 2


def _words() -> tuple[dict[int, bool], int]:
    """Give the instructions that tell cleanup from ``except``, and the one that every handler begins with."""
    from opcode import opmap

    telling = {"WITH_EXCEPT_START": True, "RERAISE": True, "CHECK_EXC_MATCH": False, "CHECK_EG_MATCH": False}
    words = {opmap[name]: cleans for name, cleans in (telling | {"POP_EXCEPT": False}).items() if name in opmap}
    return words, opmap.get("PUSH_EXC_INFO", -1)


def stands_in_cleanup(code: CodeType, offset: int) -> bool:
    """Whether an instruction stands in a block that has something to do when it is left."""
    if offset < 0 or not code.co_exceptiontable:
        return False
    words, begin = _words()
    instructions = code.co_code
    for target in handlers(code, offset):
        if instructions[target] != begin:
            # What the compiler puts around every generator, and around ``yield from`` on Python 3.12: that stands in a
            # block in turn.
            if target > offset and stands_in_cleanup(code, target):
                return True
            continue
        for at in range(target, len(instructions), 2):
            if instructions[at] in words:
                if words[instructions[at]]:
                    return True
                break
    return False


def has_cleanup(generator: Any) -> bool:
    """Whether an async generator is suspended and has something to clean up."""
    frame = generator.ag_frame
    if frame is None or generator.ag_running:
        return False
    return stands_in_cleanup(frame.f_code, frame.f_lasti)
