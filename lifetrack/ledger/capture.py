"""Capture where an event happens: raw, in a microsecond, to be rendered late or never.

A *trace* is what a record keeps: a flat tuple ``(code, offset, code, offset, …, tail)`` with the most recent call
first; ``tail`` is another flat tuple of older frames, or None. It holds code objects, never frames.

The outer part of a stack cannot change while a frame of it is active. So the walk leaves a :class:`Note` on the
caller's caller, in ``frame.f_trace``: the next event under the same activation finds it there and shares the tail. The
note dies with its frame. None is left while a trace function is set, nor on generators, whose callers change. Each
length of stacks has notes of its own, so that trackers with other settings do not take them for theirs.

Where none of a thread's frames is the user's, those follow by which its work was handed over, if that is known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FrameType
from typing import Any, TypeAlias

from lifetrack.ledger.origins import handed_over
from lifetrack.ledger.territory import FILES, OURS, RUNNER, USER, is_launcher, is_ours, is_users
from lifetrack.values.stacks import RawFrame, RawStack, Site, Stack, site_of

Trace: TypeAlias = tuple[Any, ...]

# CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
_RESUMABLE = 0x20 | 0x80 | 0x200


class Note:
    """The older frames of a stack, left on the frame above them."""

    __slots__ = ("tail",)
    tail: Trace | None

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        """Do nothing: a trace function that is set later may lead the interpreter here."""

    def __bool__(self) -> bool:
        """Look like no trace function: debuggers ask a frame whether it has one before they set theirs."""
        return False


#: The kind of note for each length of stacks.
_NOTES: dict[int, type[Note]] = {}


def locate(frame: FrameType | None) -> RawFrame | None:
    """Find the site: the innermost frame of the user's own, else the innermost that is not ours."""
    fallback: RawFrame | None = None
    while frame is not None:
        code = frame.f_code
        whose = FILES[code.co_filename]
        if whose == USER:
            return code, frame.f_lasti
        if fallback is None and whose != OURS:
            fallback = code, frame.f_lasti
        if whose is RUNNER:
            break
        frame = frame.f_back
    handed = handed_over()
    return fallback if handed is None else next(users_frames(handed, None), fallback)


def make_mark() -> Callable[[FrameType], Trace | None]:
    """Make the function that captures the site alone."""

    def mark(frame: FrameType) -> Trace | None:
        code = frame.f_code
        if files[code.co_filename] == USER:
            return code, frame.f_lasti, None
        raw = locate(frame)
        return None if raw is None else (*raw, None)

    files = FILES
    return mark


def capture_far(frame: FrameType | None, limit: int) -> Trace:
    """Capture from a frame that is not the user's: ``limit`` frames, and beyond them the nearest one of the user's."""
    trace: list[Any] = []
    files, found = FILES, False
    while frame is not None:
        code = frame.f_code
        whose = files[code.co_filename]
        if whose == OURS:
            if is_launcher(code):
                break
        elif whose is RUNNER and trace:
            break
        elif limit > 0 or whose == USER:
            trace += (code, frame.f_lasti)
            limit -= 1
            found = found or whose == USER
            if limit <= 0 and found:
                break
        frame = frame.f_back
    return (*trace, None if found else _origin(2 * limit))


def _origin(room: int) -> Trace | None:
    """Give as much as there is room for of where the thread's work was handed over; the user's first frame there."""
    handed = handed_over()
    if handed is None:
        return None
    end = len(handed) - 1
    first = next((at for at in range(0, end, 2) if FILES[handed[at].co_filename] == USER), end)
    return handed[first : min(first + max(2, room), end)] or None


def capture_error(error: BaseException, frame: FrameType, limit: int) -> Trace:
    """Capture where an exception came from: the frames that it has left behind, then ``frame`` and its callers."""
    left: list[RawFrame] = []
    traceback = error.__traceback__
    while traceback is not None:
        left.append((traceback.tb_frame.f_code, traceback.tb_lasti))
        traceback = traceback.tb_next
    inner = [part for raw in reversed(left) if not is_ours(raw[0]) for part in raw][: 2 * limit]
    return (*inner, *capture_far(frame, limit - len(inner) // 2))


def _older(frame: FrameType | None, limit: int) -> Trace | None:
    trace: list[Any] = []
    while frame is not None and limit > 0:
        trace += (frame.f_code, frame.f_lasti)
        frame = frame.f_back
        limit -= 1
    return tuple(trace) or None


#: How many frames of libraries may stand between an event and the user's frame whose notes are as long as others'.
_BETWEEN = 4


def capture_through(near: Callable[[FrameType], Trace], first: FrameType, limit: int) -> Trace:
    """Capture from a library's frame as :func:`capture_far` does: what stands above the user's is shared by its notes.

    ``near`` captures from the user's frame on, ``_BETWEEN`` frames less than ``limit``; it is bound first.
    """
    trace: list[Any] = []
    frame: FrameType | None = first
    files, room = FILES, 2 * limit
    while frame is not None:
        code = frame.f_code
        whose = files[code.co_filename]
        if whose == USER:
            return _followed(trace, near(frame), room)
        if whose == OURS:
            if is_launcher(code):
                break
        elif whose is RUNNER and trace:
            break
        elif len(trace) < room:
            trace.append(code)
            trace.append(frame.f_lasti)
        frame = frame.f_back
    return (*trace, _origin(room - len(trace)))


def _followed(trace: list[Any], captured: Trace, room: int) -> Trace:
    """Add what was captured from the user's frame on, as much as there is room for; that frame in any case."""
    if len(trace) <= 2 * _BETWEEN:
        return (*trace, *captured)
    trace += captured[:-1][: max(2, room - len(trace))]
    tail, rest = captured[-1], room - len(trace)
    return (*trace, tail[:rest] if tail is not None and rest > 0 else None)


_TEMPLATE = """
def make(Note, files, USER, far, older, gettrace, RESUMABLE):
    last = None

    def capture(frame):
        nonlocal last
        code = frame.f_code
        if code is not last:
            if files[code.co_filename] != USER:
                return far(frame, {limit})
            last = code
        caller = frame.f_back
        if caller is None:
            return (code, frame.f_lasti, None)
        note = caller.f_trace
        if note.__class__ is Note:
            return (code, frame.f_lasti, caller.f_code, caller.f_lasti, note.tail)
        try:
            f0 = caller
            {walk}
            tail = ({items})
        except AttributeError:
            tail = older(caller.f_back, {rest})
        above = caller.f_code
        if note is None and not above.co_flags & RESUMABLE and gettrace() is None:
            note = Note()
            note.tail = tail
            caller.f_trace = note
        return (code, frame.f_lasti, above, caller.f_lasti, tail)

    return capture
"""


def make_capture(limit: int) -> Callable[[FrameType], Trace]:
    """Make the function that captures up to ``limit`` frames; its walk is unrolled, half the cost of a loop."""
    if limit < 3:
        return lambda frame: capture_far(frame, limit)
    if limit < 3 + _BETWEEN:
        return _make_capture(limit, capture_far)
    shorter = _make_capture(limit - _BETWEEN, capture_far)
    return _make_capture(limit, partial(capture_through, shorter))


def _make_capture(limit: int, far: Callable[[FrameType, int], Trace]) -> Callable[[FrameType], Trace]:
    rest = limit - 2
    _NOTES.setdefault(limit, type("Note", (Note,), {"__slots__": ()}))
    walk = "; ".join(f"f{i} = f{i - 1}.f_back" for i in range(1, rest + 1))
    items = "".join(f"f{i}.f_code, f{i}.f_lasti, " for i in range(1, rest + 1))
    source = _TEMPLATE.format(limit=limit, rest=rest, walk=walk, items=items)
    namespace: dict[str, Any] = {}
    exec(compile(source, "<lifetrack capture>", "exec"), namespace)  # noqa: S102 - our own template and a number
    made: Callable[[FrameType], Trace] = namespace["make"](
        _NOTES[limit], FILES, USER, far, _older, sys.gettrace, _RESUMABLE
    )
    return made


def unpack(trace: Trace | CodeType | None, offset: int | None) -> RawStack:
    """Give the captured frames, without lifetrack's own. ``offset`` goes with a lone code object."""
    return tuple(frames(trace, offset))


def codes(trace: Trace) -> Iterator[CodeType]:
    """Give whose frames a trace holds, innermost first, lifetrack's own among them."""
    yield from trace[:-1:2]
    yield from (trace[-1] or ())[::2]


def users_frames(trace: Trace | CodeType | None, offset: int | None) -> Iterator[RawFrame]:
    """Give those frames of a trace that are the user's own, innermost first; looks no further than it is asked."""
    if not isinstance(trace, tuple):
        if trace is not None and is_users(trace):
            yield trace, offset or 0
        return
    files = FILES
    for part, end in ((trace, len(trace) - 1), (trace[-1] or (), len(trace[-1] or ()))):
        for at in range(0, end, 2):  # without slices and pairs: most frames in the way of a release are a library's
            code = part[at]
            whose = files[code.co_filename]
            if whose == USER:
                yield code, part[at + 1]
            elif whose is RUNNER or (whose == OURS and is_launcher(code)):
                return


def frames(trace: Trace | CodeType | None, offset: int | None) -> Iterator[RawFrame]:
    """As :func:`unpack`, looking no further than it is asked; the runner of a test stands there only if it is alone."""
    if trace is None:
        return
    if not isinstance(trace, tuple):
        yield trace, offset or 0
        return
    is_first = True
    for parts in (trace[:-1], trace[-1] or ()):
        for frame in zip(parts[::2], parts[1::2], strict=False):
            whose = FILES[frame[0].co_filename]
            if whose != OURS:
                if whose is RUNNER and not is_first:
                    return
                is_first = False
                yield frame
            elif is_launcher(frame[0]):
                return


def has_callers(trace: Trace | CodeType | None) -> bool:
    """Whether a trace holds more than one frame, also where the others are no part of the stack that is shown."""
    return isinstance(trace, tuple) and (len(trace) > _OF_ONE or trace[-1] is not None)


#: How long a trace of one frame is: code, offset, and no tail.
_OF_ONE = 3


def render(stack: RawStack) -> Stack:
    """Render captured frames for people."""
    return tuple(site_of(frame) for frame in stack)


def site_in(stack: RawStack) -> Site | None:
    """Give the site of a captured stack: its innermost frame of the user's own, else its innermost."""
    for frame in stack:
        if is_users(frame[0]):
            return site_of(frame)
    return site_of(stack[0]) if stack else None
