"""The mechanism for sockets: cheap and many, so their wrappers are generated with nothing in them but what is needed.

An open socket is one entry and nothing else: no weak reference, which costs as much as the rest. That it was dropped
its own finalizer tells, which the interpreter looks up on the class.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from functools import partial
from types import CodeType, FrameType, FunctionType
from typing import Any

from lifetrack.guards.patches import Patches
from lifetrack.guards.shapes import own
from lifetrack.ledger.capture import locate
from lifetrack.ledger.departures import COUNTED
from lifetrack.ledger.entries import OPEN_STATES
from lifetrack.ledger.journaling import AGAIN
from lifetrack.ledger.moment import moment, stamp
from lifetrack.ledger.territory import FILES, GENERATED, NOT_COUNTED, USER
from lifetrack.values.declarations import Declaration
from lifetrack.values.settings import Level
from lifetrack.watchers.numbers import OPEN, given, taken
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.shared import Shared
from lifetrack.watchers.sockets import watch_files

#: For each kind of level, how an entry knows its place: trace, offset, and moment.
_PLACES = {
    Level.COUNTS: ("", "None", "None", "None"),
    Level.SITES: (
        """
    code, at = frame.f_code, frame.f_lasti
    if FILES[code.co_filename] != USER:
        above = frame.f_back or frame
        code, at = above.f_code, above.f_lasti
        if FILES[code.co_filename] != USER:
            code, at = locate(frame) or (code, at)""",
        "code", "at", "None",
    ),
    Level.STACKS: ("", "capture{i}(frame)", "None", "moment()"),
}  # fmt: skip
_ACQUIRE = """
def acquire({parameters}):
    original({arguments})
    try:
        frame = getframe(1)
    except ValueError:
        frame = getframe(0)
"""
_NOTE = """
    if pending{i}:
        drain{i}()
    kind = kinds{i}.get(self.__class__)
    if kind is None:
        slow{i}(self, frame)
    else:{place}
        entry = [1, kind.next(), {trace}, {offset}, place{i}(), kind, {moment}, None, None, None, None]
        {begin}entries{i}[id(self)] = entry{then}
"""
#: What is added where the operating system is asked as a witness.
_OBSERVE = """
        observe{i}(self, entry)"""
_RELEASE = """
def release({parameters}):
    result = original({arguments})
"""
#: The same for a method that does nothing but call what its argument gives: one call less.
_DIRECT = _RELEASE.replace("original({arguments})", "_ss.close(self)")
_FORGET = """
    entry = take{i}(id(self), None)
    if entry is not None:
        try:
            code = getframe({depth}).f_code
        except ValueError:
            code = None
        if {asked}entry[0] != 1 or code is None or code.co_name in SUSPECT or FILES[code.co_filename] != USER:
            ended{i}(self, entry, getframe(1))
        else:
            {write}entry[0] = 3
            number = entry[1]
            if not (number.__class__ is INT and COUNTED <= number < AGAIN):
                tally{i}(entry, getframe({depth}))
"""
#: Where a descriptor comes from, and where it goes.
_TAKE = """
    if OPEN and fileno is not None:
        taken(fileno)
"""
_GIVE = """
    if result != -1:
        given(result, "socket.detach", getframe(1))
"""
_RETURN = """
    return result
"""
#: Functions of the program that may be at work for a finalizer.
_SUSPECT = frozenset({"__del__", "close", "__exit__"})


def _compiled(text: str) -> CodeType:
    """Compile one function."""
    outer = compile(text, f"{GENERATED}sockets{NOT_COUNTED}", "exec")
    return next(const for const in outer.co_consts if isinstance(const, CodeType))


class _Finalizer:
    """Stands for the finalizer written in C, which is called from the frame of whoever drops the object, as before.

    Looking it up is what tells of the end; a function in its place would stand in every warning.
    """

    __slots__ = ()


_FINALIZE = """
def finalize(self, obj, owner=None):
    if obj is None:
        return finalizer
"""
_LOSE = """
    entry = take{i}(id(obj), None)
    if entry is not None and entry[0] in OPEN_STATES:
        lose{i}(entry)
"""
#: A socket that has no descriptor left has nothing to finalize; that of an unfinished constructor may have no state.
_FINALIZER = """
    try:
        if obj._closed and not obj._io_refs:
            return nothing
    except AttributeError:
        pass
    return finalizer.__get__(obj)
"""


class WatchedSockets(Shared):
    """``socket.socket``, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self._declaration = declaration
        self._cls: Any = sys.modules["socket"].socket
        self._patches = Patches()
        self._space: dict[str, Any] = {
            "getframe": sys._getframe, "locate": locate, "moment": moment, "stamp": stamp, "FILES": FILES, "USER": USER,
            "COUNTED": COUNTED, "AGAIN": AGAIN, "INT": int, "SUSPECT": _SUSPECT, "OPEN": OPEN,
            "taken": taken, "given": given,
        }  # fmt: skip
        self._made: list[tuple[Any, Callable[[], CodeType]]] = []

    def join(self, recording: Recording) -> None:
        """Let a tracker listen."""
        super().join(recording)
        self._listen()

    def leave(self, recording: Recording) -> None:
        """Let a tracker listen no more."""
        super().leave(recording)
        self._listen()

    def put(self) -> None:
        """Wrap the constructor and the two ways in which a descriptor leaves a socket."""
        self._made = []
        self._wrap("__init__", _ACQUIRE, self._noting, _TAKE)
        close: CodeType = own(self._cls)["_real_close"].__code__
        direct = close.co_names == ("close",) and close.co_varnames == ("self", "_ss") and close.co_consts == (None,)
        self._wrap("_real_close", _DIRECT if direct else _RELEASE, partial(self._forgetting, 2))
        self._wrap("detach", _RELEASE, partial(self._forgetting, 1), _GIVE)
        self._patches.put(self._cls, "__del__", self._finalizer())
        watch_files(self, self._patches)

    def restore(self) -> None:
        """Put the methods back."""
        self._patches.undo()

    def lost(self, obj: object) -> None:
        """Tell that a socket is given back by a finalizer."""
        for listener in self.listeners:
            listener.lost(obj)

    def _listen(self) -> None:
        """Give the wrappers the code for whoever listens now; the functions stay the same."""
        for i, listener in enumerate(self.listeners):
            self._space.update((f"{name}{i}", value) for name, value in self._parts(listener).items())
        for function, code in self._made:
            function.__code__ = code()

    def _parts(self, listener: Recording) -> dict[str, Any]:
        ledger, declaration = listener.ledger, self._declaration
        known = [self._cls, getattr(sys.modules.get("ssl"), "SSLSocket", self._cls)]
        kinds = {cls: listener.kind(cls, declaration) for cls in known}

        def slow(obj: Any, frame: FrameType) -> None:
            """Record a socket of a class of which not even the finalizer is known."""
            listener.acquired(obj, declaration, frame)

        def ended(obj: Any, entry: Any, frame: FrameType) -> None:
            """Look closer at a release: at its conditions, and at who asked for it."""
            ledger.entries[id(obj)] = entry
            listener.released(obj, declaration, frame, asked=False)

        return {
            "pending": ledger.pending, "drain": listener.drain, "entries": ledger.entries, "kinds": kinds,
            "place": ledger.place.get, "take": ledger.entries.pop, "lose": ledger.pending.append,
            "tally": ledger.departures.tally, "slow": slow, "ended": ended, "capture": listener.engine.capture,
            "write": None if ledger.journal is None else ledger.journal.released_at,
            "begin": None if ledger.journal is None else ledger.journal.acquired,
            "observe": ledger.observer,
        }  # fmt: skip

    def _noting(self, i: int, listener: Recording) -> str:
        place, trace, offset, when = _PLACES[min(listener.engine.level, Level.STACKS)]
        if listener.engine.settings.timed and listener.engine.level == Level.SITES:
            when = "stamp()"
        then = "" if listener.ledger.observer is None else _OBSERVE.format(i=i)
        return _NOTE.format(
            i=i,
            place=place.replace("\n", "\n    "),
            trace=trace.format(i=i),
            offset=offset,
            moment=when,
            then=then,
            begin="" if listener.ledger.journal is None else f"begin{i}(entry)\n        ",
        )

    def _forgetting(self, depth: int, i: int, listener: Recording) -> str:
        # The witness wants to know where it was released.
        asked = "" if listener.ledger.observer is None else "True or "
        write = "" if listener.ledger.journal is None else f"write{i}(entry, getframe({depth}))\n            "
        return _FORGET.format(i=i, depth=depth, asked=asked, write=write)

    def _finalizer(self) -> _Finalizer:
        """Make what stands for the finalizer; its code is for whoever listens, too."""

        def source() -> CodeType:
            return _compiled(_FINALIZE + "".join(_LOSE.format(i=i) for i in range(len(self.listeners))) + _FINALIZER)

        self._space |= {"finalizer": self._cls.__del__, "nothing": [].clear, "OPEN_STATES": OPEN_STATES}
        function = FunctionType(source(), self._space)
        function.__defaults__ = (None,)
        self._made.append((function, source))
        made: _Finalizer = type("Finalizer", (_Finalizer,), {"__slots__": (), "__get__": function})()
        return made

    def _wrap(self, name: str, head: str, body: Callable[[int, Recording], str], last: str = "") -> None:
        original: Any = own(self._cls)[name]
        code: CodeType = original.__code__
        names = code.co_varnames[: code.co_argcount]
        plain = not code.co_flags & 0x0C and not code.co_kwonlyargcount and names[0] == "self"
        parameters = ", ".join(names) if plain else "self, *args, **kwargs"
        begin = head.format(parameters=parameters, arguments=parameters).replace("original", f"original{name}")
        end = (last if last is not _TAKE or "fileno" in names else "") + ("" if head is _ACQUIRE else _RETURN)

        def source() -> CodeType:
            text = begin + "".join(body(i, listener) for i, listener in enumerate(self.listeners)) + end
            return _compiled(text).replace(co_name=name, co_qualname=original.__qualname__)

        self._space[f"original{name}"] = original
        function: Any = functools.wraps(original)(FunctionType(source(), self._space))
        if plain:
            function.__defaults__ = original.__defaults__
        self._patches.put(self._cls, name, function)
        self._made.append((function, source))
