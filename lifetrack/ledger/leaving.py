"""The way it left: by which exception a function was left that had acquired something and not released it.

An exception's traceback shows the frames that it has left behind, and what their variables still hold. What a frame
holds, or a frame that it had called, and what it, or a function called by it, has acquired was in its care. Of the
exception only the name of its type, a code object and an offset are kept.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import CellType, CodeType, FrameType, TracebackType
from typing import Any

from lifetrack.ledger.entries import BOUND, EXTRA, LIVE, STATE, Entry, acquire_stack, extra_of, place_of
from lifetrack.ledger.places import Place
from lifetrack.ledger.territory import is_ours, is_users
from lifetrack.values.stacks import RawFrame, RawStack
from lifetrack.values.tracebacks import chain

# CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
_RESUMABLE = 0x20 | 0x80 | 0x200
_OPTIMIZED = 0x01
#: How many exceptions of one chain, how many frames of one traceback, and how many callers are looked at.
_CHAIN, _FRAMES, _CALLERS = 32, 64, 16
#: How many frames below one that is just being left are asked for what they were handed.
_BELOW = 3


def note_left(entries: dict[int, Entry], error: BaseException, *, heads: bool) -> None:
    """Note which open entries were left behind by an exception, or by one that it came from.

    The outermost frame of a traceback has caught the exception or is about to see it, unless it has stopped at the very
    place; ``heads`` says that ``error`` has left it.
    """
    for each in islice(chain(error), _CHAIN):
        path = list(islice(_tracebacks(each.__traceback__), _FRAMES))
        if not path:
            continue
        head = path[0].tb_frame
        is_left = path[0].tb_lasti == head.f_lasti or (heads and each is error)
        caught = None if is_left else head
        # An exception that was raised again came through a frame twice; the innermost is where it first came from.
        offsets = {id(item.tb_frame): item.tb_lasti for item in path}
        held: list[Entry] = []
        for item in reversed(path):
            frame = item.tb_frame
            if frame is not caught and item.tb_lasti == offsets[id(frame)]:
                held += _held(entries, _values_left(frame))
                if held:
                    _note(held, each, item, list(islice(_callers(frame.f_back, offsets), _CALLERS)))


def note_block_left(entries: dict[int, Entry], acquired: Iterable[Entry], place: Place, error: BaseException) -> None:
    """As :func:`note_left`, when ``error`` leaves the block of ``place``; its frame is running still.

    ``acquired`` are the entries that were made since the block began.
    """
    note_left(entries, error, heads=False)
    traceback = error.__traceback__
    if traceback is None:
        return
    frame, code = traceback.tb_frame, traceback.tb_frame.f_code
    held = {id(entry) for entry in _held(entries, values_now(frame))}
    for entry in acquired:
        if entry[STATE] in (LIVE, BOUND) and place in place_of(entry).lineage():
            stack = acquire_stack(entry)
            if _site_code(stack) is code or (id(entry) in held and any(each is code for each, _ in stack)):
                _set(entry, error, traceback)


def note_unwound(entries: dict[int, Entry], error: BaseException, frame: FrameType) -> None:
    """Note which open entries are left behind by a frame that an exception leaves at this moment."""
    held = _held(entries, values_now(frame))
    traceback = error.__traceback__
    if traceback is None or traceback.tb_frame is not frame:
        return
    for below in islice(_tracebacks(traceback.tb_next), _BELOW):
        held += _held(entries, _values_left(below.tb_frame))
        if is_users(below.tb_frame.f_code):
            break  # what that one was handed by its caller it has handed on, or not
    if held:
        _note(held, error, traceback, list(islice(_callers(frame.f_back), _CALLERS)))


def note_handled(entries: dict[int, Entry]) -> None:
    """Note what the exception has left behind whose handler is running at this moment, if one is."""
    handled = sys.exc_info()[1]
    if handled is not None and entries:
        note_left(entries, handled, heads=False)


def note_ended(entries: dict[int, Entry]) -> None:
    """Note what the exception has left behind by which the program, or a line of a console, has ended, if one has."""
    ended: BaseException | None = getattr(sys, "last_value", None)
    if ended is not None and entries:
        note_left(entries, ended, heads=True)


# -- frames ------------------------------------------------------------------------------------------------------


def _tracebacks(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        if not is_ours(traceback.tb_frame.f_code):
            yield traceback
        traceback = traceback.tb_next


def _callers(frame: FrameType | None, offsets: dict[int, int] | None = None) -> Iterator[RawFrame]:
    """Give the callers; of frames that have ended, as far as ``offsets`` tells where they were then."""
    while frame is not None:
        if not is_ours(frame.f_code):
            if offsets is not None and id(frame) not in offsets:
                return
            yield frame.f_code, frame.f_lasti if offsets is None else offsets[id(frame)]
        frame = frame.f_back


def _values_left(frame: FrameType) -> list[Any]:
    """Give what the variables of a frame hold that has ended. Asking for ``f_locals`` would leave a copy there."""
    if not frame.f_code.co_flags & _OPTIMIZED:
        return list(frame.f_locals.copy().values())  # of a module
    found = gc.get_referents(frame)
    return _opened(found) + _attributes_of_new(frame.f_code, found)


def values_now(frame: FrameType) -> list[Any]:
    """Give what the variables of a running frame hold."""
    code = frame.f_code
    if not code.co_flags & _OPTIMIZED:
        return list(frame.f_locals.copy().values())
    if sys.version_info < (3, 13):
        if "locals" in code.co_names or sys.gettrace() is not None:
            return []  # somebody may have the one copy that there is, and it would be changed
        copy = frame.f_locals
        values = list(copy.values())
        copy.clear()  # or else it would hold them as long as the frame
    else:
        values = list(frame.f_locals.values())
    return values + _attributes_of_new(code, values)


def _opened(values: Iterable[Any]) -> list[Any]:
    found = []
    for value in values:
        if type(value) is CellType:
            try:
                found.append(value.cell_contents)
            except ValueError:  # empty
                continue
        else:
            found.append(value)
    return found


def _attributes_of_new(code: CodeType, values: Iterable[Any]) -> list[Any]:
    """Give the attributes of an object whose constructor a frame is: it runs once for each, so they are its own."""
    if code.co_name != "__init__":
        return []
    found: list[Any] = []
    for value in values:
        inits = (cls.__dict__.get("__init__") for cls in type(value).__mro__)
        if any(getattr(init, "__code__", None) is code for init in inits):
            try:
                found += object.__getattribute__(value, "__dict__").copy().values()
            except AttributeError:
                continue
    return found


# -- entries -----------------------------------------------------------------------------------------------------


def _held(entries: dict[int, Entry], values: Iterable[Any]) -> list[Entry]:
    """Give the live entries among some values: the address of what is alive is its own."""
    found = []
    for value in values:
        entry = entries.get(id(value))
        if entry is not None and entry[STATE] in (LIVE, BOUND):
            found.append(entry)
    return found


def _note(held: Iterable[Entry], error: BaseException, left: TracebackType, above: Sequence[RawFrame]) -> None:
    code = left.tb_frame.f_code
    for entry in held:
        if (entry[EXTRA] is None or entry[EXTRA].left is None) and _stands_in(acquire_stack(entry), code, above):
            _set(entry, error, left)


def _set(entry: Entry, error: BaseException, left: TracebackType) -> None:
    extra = extra_of(entry)
    if extra.left is None:
        extra.left = (type(error).__name__, left.tb_frame.f_code, left.tb_lasti)


def _site_code(stack: RawStack) -> CodeType | None:
    return next((code for code, _ in stack if is_users(code)), None)


def _stands_in(stack: RawStack, code: CodeType, above: Sequence[RawFrame]) -> bool:
    """Whether a call of ``code``, with these callers, was running when a resource was acquired."""
    return any(each is code and _agree(code, stack[number + 1 :], above) for number, (each, _) in enumerate(stack))


def _agree(code: CodeType, callers: RawStack, above: Sequence[RawFrame]) -> bool:
    """Whether the callers are the same, and at the same call; those of coroutines and generators change."""
    for (known, offset), (seen, place) in zip(callers, above, strict=False):
        if code.co_flags & _RESUMABLE:
            return True
        if known is not seen or (offset != place and not seen.co_flags & _RESUMABLE):
            return False
        code = seen
    return True
