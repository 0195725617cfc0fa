"""Source text that records an entry, for wrappers on hot paths: generated with nothing in them but what is needed.

The text uses the names of :func:`parts`, each with the number of its listener behind it, and ``frame``. It remembers
the code objects that it has met last, of which it need not ask again whose they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from types import CodeType
from typing import Any

from lifetrack.ledger.capture import locate
from lifetrack.ledger.departures import COUNTED
from lifetrack.ledger.journaling import AGAIN
from lifetrack.ledger.moment import moment, stamp
from lifetrack.ledger.territory import FILES, GENERATED, NOT_COUNTED, USER
from lifetrack.values.declarations import Declaration
from lifetrack.values.settings import Level
from lifetrack.watchers.recording import Recording

#: For each kind of level, how an entry knows its place: what comes before it, trace, offset, and moment.
_PLACES = {
    Level.COUNTS: ("", "None", "None", "None"),
    Level.SITES: (
        """
    code = frame.f_code
    if code is mine or FILES[code.co_filename] == USER:
        at = frame.f_lasti
        mine = code
    else:
        above = frame.f_back or frame
        code, at = above.f_code, above.f_lasti
        if code is mine or FILES[code.co_filename] == USER:
            mine = code
        else:
            code, at = locate(frame) or (code, at)""",
        "code", "at", "None",
    ),
    Level.STACKS: ("", "capture{i}(frame)", "None", "moment()"),
}  # fmt: skip
_RECORD = """{place}
    place = place{i}() if scoped{i} else None
    entry = [1, kind.next(), {trace}, {offset}, place, kind, {moment}, None, None, None, None]
    {begin}entries{i}[id({obj})] = entry{then}
"""
#: What is added where the operating system is asked as a witness.
_OBSERVE = """
    observe{i}({obj}, entry)"""
#: The first line of functions with such text.
REMEMBER = "global mine"
_FRAME = """
    try:
        frame = getframe({depth})
    except ValueError:  # called straight from C
        frame = getframe(0)
"""
#: Whether a release at ``code`` needs a closer look: not where the same function has acquired the resource. The level
#: may have been another one then.
_SUSPECTS = {
    Level.COUNTS: "True",
    Level.SITES: "code is not entry[2]",
    Level.STACKS: "(entry[2].__class__ is not tuple or code is not entry[2][0])",
}
_RELEASED = "entry[0] = 3"
#: The first of a type wait to be counted, with the place of their release.
_LATER = """
if {number} < {counted}:
    entry[7], entry[8] = code, frame.f_lasti
    later{i}(entry)"""
#: With a journal a larger number stands there, of which it is the rest.
_JOURNALED = """
write{i}(entry, frame)
entry[0] = 3"""

#: What all of these functions know.
SPACE: dict[str, Any] = {
    "getframe": sys._getframe, "locate": locate, "moment": moment, "stamp": stamp, "FILES": FILES, "USER": USER,
    "mine": None,
}  # fmt: skip


def indented(text: str, by: int) -> str:
    """Move all lines of a text but the first to the right."""
    return text.replace("\n", "\n" + " " * by)


def frame_at(depth: int) -> str:
    """Give the text that finds the frame of whoever calls."""
    return _FRAME.format(depth=depth)


def record(i: int, listener: Recording, obj: str) -> str:
    """Give the text that makes the entry of an object: in a block, four to the right."""
    settings, ledger = listener.engine.settings, listener.ledger
    place, trace, offset, when = _PLACES[min(settings.level, Level.STACKS)]
    if settings.timed and settings.level == Level.SITES:
        when = "stamp()"
    return _RECORD.format(
        i=i,
        obj=obj,
        place=place,
        trace=trace.format(i=i),
        offset=offset,
        moment=when,
        begin="" if ledger.journal is None else f"begin{i}(entry)\n    ",
        then="" if ledger.observer is None else _OBSERVE.format(i=i, obj=obj),
    )


def release(i: int, listener: Recording) -> str:
    """Give the text that notes an ordinary release at ``frame``, whose code is ``code``; its lines are not indented."""
    number, text = "entry[1]", _RELEASED
    if listener.ledger.journal is not None:
        number, text = f"entry[1] % {AGAIN}", _JOURNALED.format(i=i).lstrip()
    return text + (
        _LATER.format(i=i, number=number, counted=COUNTED) if listener.engine.settings.level >= Level.SITES else ""
    )


def suspect(listener: Recording) -> str:
    """Give the text that asks whether a finalizer may be at work where ``entry`` is released by ``code``."""
    return _SUSPECTS[min(listener.engine.settings.level, Level.STACKS)]


def parts(listener: Recording, declaration: Declaration, classes: Iterable[type]) -> dict[str, Any]:
    """Give what the text uses of one listener."""
    ledger = listener.ledger
    kinds = {cls: kind for cls in classes if (kind := listener.kind(cls, declaration)) is not None}
    return {
        "pending": ledger.pending, "drain": listener.drain, "entries": ledger.entries, "kinds": kinds,
        "place": ledger.place.get, "scoped": ledger.scoped, "take": ledger.entries.pop, "lose": ledger.pending.append,
        "later": ledger.departures.later, "capture": listener.engine.capture,
        "write": None if ledger.journal is None else ledger.journal.released_at,
        "begin": None if ledger.journal is None else ledger.journal.acquired,
        "observe": ledger.observer,
    }  # fmt: skip


@lru_cache(maxsize=64)
def compiled(text: str, what: str) -> CodeType:
    """Compile one function; ``what`` stands in tracebacks. The end of tracking asks for what stood there before."""
    outer = compile(text, f"{GENERATED}{what}{NOT_COUNTED}", "exec")
    return next(const for const in outer.co_consts if isinstance(const, CodeType))
