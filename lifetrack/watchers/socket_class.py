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
from lifetrack.ledger.entries import OPEN_STATES, RELEASED, STATE
from lifetrack.values.declarations import Declaration
from lifetrack.watchers.entry_code import (
    REMEMBER,
    SPACE,
    compiled,
    frame_at,
    indented,
    parts,
    record,
    release,
    suspect,
)
from lifetrack.watchers.finalizers import in_finalizer
from lifetrack.watchers.numbers import OPEN, given, handed
from lifetrack.watchers.recording import Recording
from lifetrack.watchers.shared import Shared
from lifetrack.watchers.sockets import watch_files

_ACQUIRE = f"""
def acquire({{parameters}}):
    {REMEMBER}
    original({{arguments}}){frame_at(1)}"""
_NOTE = """
    if pending{i}:
        drain{i}()
    kind = kind{i} if self.__class__ is cls else kinds{i}.get(self.__class__)
    if kind is None:
        slow{i}(self, frame)
    else:{record}"""
#: A descriptor is given back also by a close that fails.
_RELEASE = f"""
def release({{parameters}}):
    {REMEMBER}
    try:
        result = original({{arguments}})
    finally:
        pass"""
#: The same for a method that does nothing but call what its argument gives: one call less.
_DIRECT = _RELEASE.replace("original({arguments})", "_ss.close(self)")
_FORGET = """
        entry = take{i}(id(self), None)
        if entry is not None:{frame}
            code = frame.f_code
            if {asked}entry[0] != 1 or ({suspect} and in_finalizer(frame, entry, self)):
                ended{i}(self, entry, getframe(1))
            else:
                {release}"""
#: Where a descriptor comes from, and where it goes.
_TAKE = """
    if OPEN and fileno is not None:
        handed(fileno, self, frame)
"""
_GIVE = """
    if result != -1:
        given(result, "socket.detach", getframe(1))
"""
_RETURN = """
    return result
"""


class _Finalizer:
    """Stands for the finalizer written in C, which is called from the frame of whoever drops the object, as before.

    Looking it up is what tells of the end; a function in its place would stand in every warning.
    """

    __slots__ = ()


_FINALIZE = """
def finalize(self, obj, owner=None):
    if obj is None:
        return finalizer
    try:
        if obj._closed and not obj._io_refs:
            return nothing
    except AttributeError:
        pass"""
_LOSE = """
    entry = take{i}(id(obj), None)
    if entry is not None and entry[0] in OPEN_STATES:
        lose{i}(entry)
"""
#: A socket that has no descriptor left has nothing to finalize; that of an unfinished constructor may have no state.
_FINALIZER = """
    return finalizer.__get__(obj)
"""


def _standard_class() -> Any:
    """Give the class of the standard library, though another may go by its name, as that of gevent does."""
    named: Any = sys.modules["socket"].socket
    if named.__module__ == "socket":
        return named
    found = sys.modules["_socket"].socket.__subclasses__()
    return next((cls for cls in found if (cls.__module__, cls.__name__) == ("socket", "socket")), named)


class WatchedSockets(Shared):
    """``socket.socket``, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self._declaration = declaration
        self._cls: Any = _standard_class()
        self._patches = Patches()
        self._space: dict[str, Any] = {
            **SPACE,
            "cls": self._cls,
            "OPEN": OPEN,
            "handed": handed,
            "given": given,
            "in_finalizer": in_finalizer,
        }
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

        def slow(obj: Any, frame: FrameType) -> None:
            """Record a socket of a class of which not even the finalizer is known."""
            listener.acquired(obj, declaration, frame)

        def ended(obj: Any, entry: Any, frame: FrameType) -> None:
            """Look closer at a release: at its conditions, and at who asked for it."""
            ledger.entries[id(obj)] = entry
            listener.released(obj, declaration, frame, asked=False)
            if entry[STATE] == RELEASED:
                ledger.entries.pop(id(obj), None)  # the finalizer does not ask for one that is closed

        made = parts(listener, declaration, known)
        return {**made, "kind": made["kinds"].get(self._cls), "slow": slow, "ended": ended}

    def _noting(self, i: int, listener: Recording) -> str:
        return _NOTE.format(i=i, record=indented(record(i, listener, "self"), 4))

    def _forgetting(self, depth: int, i: int, listener: Recording) -> str:
        # The witness wants to know where it was released.
        asked = "" if listener.ledger.observer is None else "True or "
        return _FORGET.format(
            i=i,
            asked=asked,
            suspect=suspect(listener),
            frame=indented(frame_at(depth), 8).rstrip(),
            release=indented(release(i, listener), 16),
        )

    def _finalizer(self) -> _Finalizer:
        """Make what stands for the finalizer; its code is for whoever listens, too."""

        def source() -> CodeType:
            losing = "".join(_LOSE.format(i=i) for i in range(len(self.listeners)))
            return compiled(_FINALIZE + losing + _FINALIZER, "sockets")

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
            return compiled(text, "sockets").replace(co_name=name, co_qualname=original.__qualname__)

        self._space[f"original{name}"] = original
        function: Any = functools.wraps(original)(FunctionType(source(), self._space))
        if plain:
            function.__defaults__ = original.__defaults__
        self._patches.put(self._cls, name, function)
        self._made.append((function, source))
