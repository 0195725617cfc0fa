"""Where a caller has the number of a descriptor from: ``os.close(file.fileno())`` is about that file.

A number that was a raw descriptor's is used again by files and sockets, and looks the same in everybody's hands. What
tells them apart is the code of the caller, which is read only when a number is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dis import Instruction

_ASKS = "fileno"
#: What stands between the instructions that matter.
_IDLE = frozenset({"PRECALL", "NOP", "PUSH_NULL", "CACHE", "EXTENDED_ARG", "NOT_TAKEN"})
_HAS_ARGS, _HAS_KWARGS = 0x04, 0x08
#: So many callers are looked at where each only hands on what it was given.
_FAR = 5


def is_asked_for(frame: FrameType, function: str) -> bool:
    """Whether the number in the call of ``function`` that ``frame`` is in was asked of an object by ``fileno()``.

    In the call itself, or into the name that is used there; in its callers, where it is a parameter.
    """
    asking: FrameType | None = frame
    for _ in range(_FAR):
        if asking is None:
            return False
        code = asking.f_code
        steps = _steps(code)
        given = _given(steps, asking.f_lasti, function)
        if _ASKS in code.co_names and _asks_for(steps, given):
            return True
        if not _parameters(code).intersection(name for each in given for name in _names(each)):
            return False
        asking, function = asking.f_back, code.co_name
    return False


def _steps(code: CodeType) -> list[Instruction]:
    import dis

    return [each for each in dis.get_instructions(code) if each.opname not in _IDLE]


def _given(steps: Sequence[Instruction], called: int, function: str) -> Sequence[Instruction]:
    """Give what stands between the name of a function and its call: its arguments."""
    end = next((index for index, each in enumerate(steps) if each.offset >= called), len(steps))
    starts = (index for index in range(end - 1, -1, -1) if function in _names(steps[index]))
    return steps[next(starts, max(end - 2, 0)) : end]


def _asks_for(steps: Sequence[Instruction], given: Sequence[Instruction]) -> bool:
    asked = {name for each in _stores(steps) for name in _names(each)[:1]}
    return any(_ASKS in _names(each) or (_loads(each) and not asked.isdisjoint(_names(each))) for each in given)


def _stores(steps: Sequence[Instruction]) -> Iterator[Instruction]:
    """Give what stores the result of ``fileno()``."""
    for asks, calls, stores in zip(steps, steps[1:], steps[2:], strict=False):
        if _ASKS in _names(asks) and calls.opname.startswith("CALL") and stores.opname.startswith("STORE_"):
            yield stores


def _loads(step: Instruction) -> bool:
    return step.opname.startswith("LOAD_") and step.opname != "LOAD_CONST"


def _names(step: Instruction) -> tuple[Any, ...]:
    """Give the names of an instruction: some that are made of two have two."""
    return step.argval if isinstance(step.argval, tuple) else (step.argval,)


def _parameters(code: CodeType) -> frozenset[str]:
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & _HAS_ARGS)
    return frozenset(code.co_varnames[: count + bool(code.co_flags & _HAS_KWARGS)])
