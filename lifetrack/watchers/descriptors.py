"""The mechanism for raw descriptors: the functions of ``os`` that make and close them, under all their names."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from types import FrameType
from typing import Any

from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import RELEASED, STATE, extra_of
from lifetrack.ledger.territory import OURS, STDLIB
from lifetrack.values.declarations import Declaration
from lifetrack.values.descriptors import number_of
from lifetrack.values.findings import Certainty
from lifetrack.watchers.aliases import exchange_all, replacement
from lifetrack.watchers.number_sources import is_asked_for
from lifetrack.watchers.numbers import CLOSED, OPEN, UNASKED, Descriptor, is_open, watched
from lifetrack.watchers.provenance import whose_call
from lifetrack.watchers.rows import PROCESS_WIDE
from lifetrack.watchers.shared import Shared
from lifetrack.watchers.stale_uses import StaleUses

#: The functions whose result is a descriptor, or a tuple of them, or of something else and one.
_MAKERS = (
    "open", "pipe", "pipe2", "dup", "openpty", "posix_openpt", "memfd_create", "eventfd", "pidfd_open",
    "timerfd_create",
)  # fmt: skip
#: Standard error, the last of the standard streams.
_STANDARD = 2
#: Modules of the standard library that hand out what they make; the others close it themselves.
_GENEROUS = frozenset({"tempfile", "pty", "os"})
#: Those that keep for themselves what a generous one hands to them: the arenas of shared memory go back with the heap.
_KEEPERS = frozenset({"multiprocessing.heap", "billiard.heap"})
#: What the sentence of a second close says of a number that is used again.
_ANOTHERS = ", the second time when its number was that of another file or socket, which has lost its descriptor"
_HANDED = ", though a file or socket had taken it over, and has closed it"


class WatchedDescriptors(Shared):
    """Raw descriptors, for all trackers."""

    def __init__(self, declaration: Declaration) -> None:
        super().__init__()
        self._declaration = declaration
        self._replaced: list[tuple[object, object]] = []
        self._uses = StaleUses(lambda: self.listeners)
        #: What was closed under a number that the standard library uses meanwhile.
        self._hidden: dict[int, Descriptor] = {}
        self._types: dict[str, type[Descriptor]] = {}

    def put(self) -> None:
        """Replace the functions under all their names."""
        made = {name: self._making(name) for name in _MAKERS}
        made |= {"dup2": self._duplicating, "forkpty": self._forking}
        made |= {"close": self._closing, "closerange": self._closing_range}
        functions = [(getattr(os, name), make) for name, make in made.items() if hasattr(os, name)]
        self._replaced = [(function, replacement(function, make(function))) for function, make in functions]
        self._uses.prepare()
        exchange_all(self._replaced)
        watched.append(self)

    def restore(self) -> None:
        """Give all the names back, and forget the numbers."""
        exchange_all([(new, old) for old, new in self._replaced])
        self._replaced = []
        self._uses.restore()
        watched.remove(self)
        OPEN.clear()
        CLOSED.clear()
        UNASKED.clear()
        self._hidden.clear()

    # -- what the functions do -----------------------------------------------------------------------------------

    def _making(self, name: str) -> Callable[[Any], Any]:
        def make(native: Any) -> Any:
            def making(_: object, /, *args: Any, **kwargs: Any) -> Any:
                result = native(*args, **kwargs)
                for number in result if type(result) is tuple else (result,):
                    self._acquired(number, f"os.{name}", caller(1))
                return result

            return making

        return make

    def _duplicating(self, native: Any) -> Any:
        def duplicating(_: object, /, *args: Any, **kwargs: Any) -> Any:
            # What takes the place of another one is whoever's that was; a standard stream is the process's.
            number = args[1] if len(args) > 1 else kwargs.get("fd2")
            fresh = type(number) is int and number > _STANDARD and not is_open(number)
            result = native(*args, **kwargs)
            if fresh:
                self._acquired(result, "os.dup2", caller(1))
            return result

        return duplicating

    def _forking(self, native: Any) -> Any:
        def forking(_: object, /, *args: Any, **kwargs: Any) -> Any:
            result = native(*args, **kwargs)
            if result[0]:
                self._acquired(result[1], "os.forkpty", caller(1))
            return result

        return forking

    def _closing(self, native: Any) -> Any:
        def closing(_: object, /, *args: Any, **kwargs: Any) -> Any:
            number = args[0] if args else kwargs.get("fd")
            known = OPEN.pop(number, None) if type(number) is int else None
            if known is None and number.__class__ is int and number in CLOSED:
                self._closed_again(number, caller(1))
            try:
                return native(*args, **kwargs)
            finally:
                if known is not None:
                    self._released(known, caller(1))
                elif number in self._hidden:
                    CLOSED[number] = self._hidden.pop(number)

        return closing

    def _closing_range(self, native: Any) -> Any:
        def closing_range(_: object, /, *args: Any, **kwargs: Any) -> Any:
            native(*args, **kwargs)
            for number in [number for number in OPEN.copy() if not is_open(number)]:
                known = OPEN.pop(number, None)
                if known is not None:
                    self._released(known, caller(1))

        return closing_range

    # -- what becomes of them ------------------------------------------------------------------------------------

    def _type(self, name: str) -> type[Descriptor]:
        """Give the class of what one function makes; it bears the function's name."""
        if name not in self._types:
            module, _, function = name.rpartition(".")
            self._types[name] = type(function, (Descriptor,), {"__slots__": (), "__module__": module})
        return self._types[name]

    def _acquired(self, number: int, name: str, frame: FrameType) -> None:
        self.taken(number)
        before = CLOSED.pop(number, None)
        if _is_kept(frame, name.rpartition(".")[2]):
            if before is not None:
                self._hidden[number] = before
            return
        self._hidden.pop(number, None)
        made = OPEN[number] = self._type(name)(number)
        for listener in self.listeners:
            listener.acquired(made, self._declaration, frame)

    def given(self, number: int, name: str, frame: FrameType) -> None:
        """Note that an object has given its descriptor away; to whom cannot always be seen."""
        if frame.f_globals.get("__name__") == "ssl":
            return  # another socket has it already
        self._acquired(number, name, frame)
        made = OPEN.get(number)
        for listener in self.listeners if made is not None else ():
            entry = listener.ledger.entries.get(id(made))
            if entry is not None:
                extra_of(entry).certainty = Certainty.SUSPECTED

    def taken(self, number: int) -> None:
        """Note that a number belongs to an object from now on."""
        known = OPEN.pop(number, None)
        if known is not None:
            for listener in self.listeners:
                entry = listener.ledger.entries.pop(id(known), None)
                if entry is not None:
                    if listener.ledger.journal is not None:
                        listener.ledger.journal.ended(entry)
                    entry[STATE] = RELEASED

    def handed(self, number: int, taker: object, frame: FrameType) -> None:
        """Note that a number belongs to a file or socket from now on; whoever used it until now may go on to do so."""
        known = OPEN.pop(number, None)
        if known is None:
            return
        known.hand_to(taker)
        CLOSED[number] = known
        self._uses.put()
        for listener in self.listeners:
            listener.handed_over(known, frame)

    def _released(self, known: Descriptor, frame: FrameType) -> None:
        CLOSED[known.number] = known
        self._uses.put()
        for listener in self.listeners:
            listener.released(known, self._declaration, frame, asked=False)

    def _closed_again(self, number: int, frame: FrameType) -> None:
        """Judge a second close. Where the number is another's by now, that one is about to lose its descriptor.

        One that the system will refuse is only suspected: tests ask that way whether something is closed. Who asks a
        file for its number and closes that does so to the file.
        """
        known = CLOSED[number]
        if known.is_in_hand() or is_asked_for(frame, "close"):
            return
        is_anothers = is_open(number)
        if is_anothers and not _owned_by_object(number):
            CLOSED.pop(number, None)  # opened by ways that are not watched
            return
        for listener in self.listeners:
            entry = listener.ledger.entries.get(id(known))
            if entry is not None:
                words = {"again": _ANOTHERS if is_anothers else _HANDED if known.is_handed() else ""}
                listener.engine.violation(
                    "LT202", entry, "released", frame, certain=is_anothers, may_raise=False, words=words
                )


def _is_kept(frame: FrameType, function: str) -> bool:
    """Whether whoever makes a descriptor takes care of it, or keeps it as long as the process."""
    name = frame.f_globals.get("__name__") or ""
    whose = whose_call(frame, function)
    if whose == OURS or (whose == STDLIB and name not in _GENEROUS) or name.startswith(PROCESS_WIDE):
        return True
    asking: FrameType | None = frame if whose == STDLIB else None
    while asking is not None and asking.f_globals.get("__name__") in _GENEROUS:
        asking = asking.f_back
    return asking is not None and asking.f_globals.get("__name__") in _KEEPERS


def _owned_by_object(number: int) -> bool:
    """Whether a file or socket has a descriptor and will close it."""
    import gc

    owners = (obj for obj in gc.get_objects() if number_of(obj) == number)
    return any(not issubclass(type(owner), io.FileIO) or owner.closefd for owner in owners)
