"""The witness of one tracker: looks at the beginning and at the end of a place, and files what no record explains."""

from __future__ import annotations

import io
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from lifetrack.guards.engine import Engine
from lifetrack.ledger.capture import Trace
from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import EXTRA, KIND, LIVE, OPEN_STATES, RELEASED, STATE, UNOPENED, Entry, Extra, Kind
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.values.declarations import Declaration
from lifetrack.values.descriptors import number_of
from lifetrack.values.each_thread import name_of
from lifetrack.values.findings import Certainty
from lifetrack.values.records import Lasting
from lifetrack.witness import lasting as known
from lifetrack.witness import system
from lifetrack.witness.asking import raw_number
from lifetrack.witness.baseline import Baseline, Own
from lifetrack.witness.kept import lasting_numbers
from lifetrack.witness.owned import Owned
from lifetrack.witness.sites import THREAD, Sites, listen, unlisten

#: For how many seconds threads that are just ending are waited for, while there are any.
SETTLE = 0.5
#: How many sockets and pipes of records are remembered beyond those whose descriptor is in use.
_KEPT = 4096

_HINTS = {
    "LT501": "close it: by the function that belongs to the one which opened it, or by os.close()",
    "LT502": "tell the thread to stop and join it; if it lives as long as the process by design, add it to the list",
    "LT503": "end the child and wait for it; with subprocess, use Popen in a 'with' block",
}
#: The classes of the queues of events in ``select``.
_EVENTS = ("epoll", "kqueue")


class _Noted(NamedTuple):
    """What a descriptor of a record stands for, the record, and the address under which the ledger has it."""

    identity: system.Identity
    entry: Entry
    key: int


class Witness:
    """The operating system's word on what one ledger records. What lives as long as the process goes to ``lasting``."""

    def __init__(self, engine: Engine, lasting: dict[Lasting, None]) -> None:
        system.psutil()
        self._engine = engine
        self._ledger = engine.ledger
        self._sites = Sites(engine.mark)
        self._pid = os.getpid()
        self._baselines: weakref.WeakKeyDictionary[Place, Baseline] = weakref.WeakKeyDictionary()
        #: What came while a place was being set up, which goes on while others have their turn.
        self._own: weakref.WeakKeyDictionary[Place, Own] = weakref.WeakKeyDictionary()
        self._last: tuple[frozenset[str], frozenset[int]] | None = None
        #: The record of each descriptor by its number, and of each socket or pipe by what it is.
        self._by_number: dict[int, _Noted] = {}
        self._by_identity: dict[system.Identity, _Noted] = {}
        self._told: set[object] = set()
        self._kinds: dict[str, Kind] = {}
        self._lasting = lasting
        self._ledger.observer = self.note
        listen(self._sites)

    def use(self, engine: Engine) -> None:
        """Go on with other settings."""
        self._engine = engine
        self._sites.mark = engine.mark

    def stop(self) -> None:
        """Look no more."""
        unlisten(self._sites)
        self._ledger.observer = None

    # -- while the program runs ----------------------------------------------------------------------------------

    def note(self, obj: Any, entry: Entry) -> None:
        """Note which descriptor a record is about; ``obj`` may be the number itself. Keeps the object not."""
        number = _number_of(obj)
        what = None if number is None or number < 0 else system.identity(number)
        if number is None or what is None:
            return
        noted = self._by_number[number] = _Noted(what, entry, id(obj))
        if isinstance(obj, io.FileIO):
            self._sites.explained()
            return
        self._by_identity[what] = noted
        while len(self._by_identity) > _KEPT:
            self._by_identity.pop(next(iter(self._by_identity)), None)

    def begin(self, place: Place) -> None:
        """Look at what is there when a place begins."""
        self._baselines[place] = self._look(self._sites.moment())

    def _look(self, moment: int) -> Baseline:
        names = system.names()
        if self._last is None or self._last[0] != names:
            self._last = names, system.numbers(names)
        return Baseline(*self._last, system.threads(), system.children(), moment)

    def pause(self, place: Place) -> None:
        """What comes from now on is not this place's, and what came until now is nobody else's."""
        if (before := self._baseline(place)) is not None:
            self._own[place] = self._look(before.moment).since(before)

    def resume(self, place: Place) -> None:
        """What comes from now on is this place's again."""
        own, before = self._own.pop(place, None), self._baseline(place)
        if own is not None and before is not None:
            self._baselines[place] = self._look(before.moment).without(own)

    def pending(self, place: Place) -> float:
        """Give for how many seconds threads and sockets that may be just ending are worth waiting for; mostly 0."""
        before = self._baseline(place)
        if before is None:
            return 0.0
        before = before.joined(self._own.values())
        return SETTLE if any(True for _ in self._new_threads(before)) or self._has_closing(before) else 0.0

    def _has_closing(self, before: Baseline) -> bool:
        """Whether there are sockets that a thread of C code, as ZeroMQ's, may close in its own time."""
        if not known.closes_later() or (names := system.names()) == before.names:
            return False
        new = (system.describe(number) for number in system.numbers(names) - before.numbers)
        return any(each is not None and each.kind == "socket" and not self._is_explained(each) for each in new)

    def _baseline(self, place: Place) -> Baseline | None:
        return self._baselines.get(place) if os.getpid() == self._pid else None

    # -- the end of a place --------------------------------------------------------------------------------------

    def testify(self, place: Place) -> list[Case]:
        """File what has come since a place began and is explained by no record; nothing where nobody looked then."""
        before = self._baseline(place)
        if before is None:
            return []
        if place is not PROCESS:
            self._baselines.pop(place, None)
            self._own.pop(place, None)
        before = before.joined(own for other, own in list(self._own.items()) if other is not place)
        cases = [self._thread(place, before, number, thread) for number, thread in self._new_threads(before)]
        cases += self._children(place, before)
        names = system.names()
        if names != before.names:
            cases += self._descriptors(place, before, system.numbers(names))
        return cases

    def _file(self, rule: str, place: Place, kind: str, label: str, trace: Trace | None, *, sure: bool = True) -> Case:
        if kind not in self._kinds:
            self._kinds[kind] = Kind(kind, Declaration(release=(), hint=_HINTS[rule], watched=True))
        extra = Extra()
        extra.label = label
        # What nobody saw being acquired has no such event.
        state = UNOPENED if trace is None else LIVE
        entry: Entry = [state, 0, trace, None, place, self._kinds[kind], None, None, None, None, extra]
        certainty = Certainty.PROVEN if sure else Certainty.SUSPECTED
        return self._ledger.cases.add(Case(rule, certainty, entry, None))

    def _is_news(self, *what: object) -> bool:
        if what in self._told:
            return False
        self._told.add(what)
        return True

    # -- descriptors ---------------------------------------------------------------------------------------------

    def _descriptors(self, place: Place, before: Baseline, now: frozenset[int]) -> Iterator[Case]:
        numbers = lasting_numbers(known.DESCRIPTOR)
        for found in self._unexplained(now - before.numbers):
            number = found.number
            if not self._is_news("descriptor", number, found.identity):
                continue
            noted = self._by_identity.get(found.identity) if found.is_unique else None
            if noted is not None and noted.entry[STATE] == RELEASED:
                words = {"descriptor": _shown(found)}
                yield self._ledger.cases.add(Case("LT504", Certainty.PROVEN, list(noted.entry), None, words=words))
                continue
            path = found.path or ""
            lives = numbers.get(number) or known.lasting(known.DESCRIPTOR, path) or known.native(found.kind, found.kind)
            if lives is not None:
                self._lasting[lives] = None
            elif not self._is_connections(path):
                trace = self._sites.of_path(path, before.moment) if path else None
                yield self._file("LT501", place, f"{found.kind} descriptor", _shown(found), trace)

    def _unexplained(self, numbers: Iterable[int]) -> Iterator[system.Descriptor]:
        """Give what is told of the descriptors that no record and no live object of the standard library explains."""
        found = [each for each in map(system.describe, sorted(numbers)) if each and not self._is_explained(each)]
        owned = Owned() if found else None
        return (each for each in found if owned is not None and not owned.has(each))

    def _is_explained(self, found: system.Descriptor) -> bool:
        """Whether an open record is about this very descriptor."""
        noted = self._by_number.get(found.number)
        if noted is None or noted.identity != found.identity or noted.entry[STATE] not in OPEN_STATES:
            return False
        return self._ledger.entries.get(noted.key) is noted.entry  # a file that is closed is taken out at once

    def _is_connections(self, path: str) -> bool:
        """Whether a file is open by a recorded connection of sqlite3."""
        if not path or not self._sites.is_database(path):
            return False
        return any("sqlite3" in entry[KIND].type_name for entry in self._ledger.open_entries())

    # -- threads -------------------------------------------------------------------------------------------------

    def _new_threads(self, before: Baseline) -> Iterator[tuple[int, threading.Thread | None]]:
        """Give the new threads that no record explains and that are not known to last."""
        new = system.threads() - before.threads
        if not new:
            return
        python = system.python_threads()
        for number in sorted(new):
            thread = python.get(number)
            if number == threading.get_native_id() or (thread is not None and self._is_recorded(thread)):
                continue
            name = system.thread_name(number) if thread is None else name_of(thread)
            if name is None:  # it has ended in this moment
                continue
            lives = known.lasting(known.THREAD, name)
            if lives is None and thread is None and name == system.thread_name(self._pid):  # it has none of its own
                lives = known.native(known.THREAD, name)
            if lives is not None:
                self._lasting[lives] = None
            elif ("thread", number) not in self._told:
                yield number, thread

    def _is_recorded(self, thread: threading.Thread) -> bool:
        entry = self._ledger.entries.get(id(thread))
        return entry is not None and entry[STATE] in OPEN_STATES

    def _thread(self, place: Place, before: Baseline, number: int, thread: threading.Thread | None) -> Case:
        self._told.add(("thread", number))
        if thread is None:
            name = system.thread_name(number) or str(number)
            return self._file("LT502", place, "thread that Python does not know", name, None, sure=False)
        name = name_of(thread)
        return self._file("LT502", place, "thread", name, self._sites.find(THREAD, name, before.moment))

    # -- children ------------------------------------------------------------------------------------------------

    def _children(self, place: Place, before: Baseline) -> Iterator[Case]:
        new = system.children() - before.children
        recorded = self._recorded_children() if new else set()
        numbers = lasting_numbers(known.PROCESS) if new else {}
        for pid in sorted(new - recorded):
            child = system.child(pid)
            if child is None or not self._is_news("child", pid):
                continue
            # One that has just been forked still has the command of this process.
            if (lives := numbers.get(pid) or known.lasting(known.PROCESS, child.command, child.name)) is not None:
                self._lasting[lives] = None
                continue
            ended = ", ended but not waited for" if child.has_ended else ""
            label = f"{pid} ({child.name}{ended})"
            yield self._file("LT503", place, "child process", label, self._sites.of_program(child.name, before.moment))

    def _recorded_children(self) -> set[int]:
        """Give the numbers of the children that records are about: also of what was dropped, and waits for them yet."""
        kinds = [
            getattr(sys.modules.get(module), name, None)
            for module, name in (("subprocess", "Popen"), ("multiprocessing.process", "BaseProcess"))
        ]
        classes: Any = tuple(kind for kind in kinds if isinstance(kind, type))
        found: set[int] = set()
        filed = (case.entry for case in self._ledger.cases.all())
        for entry in (*self._ledger.open_entries(), *filed):
            reference = None if entry[EXTRA] is None else entry[EXTRA].reference
            obj: Any = None if reference is None else reference()
            if isinstance(obj, classes):
                found.add(obj.pid)
        return found


def _shown(found: system.Descriptor) -> str:
    return f"{found.number}" if found.path is None else f"{found.number} ({found.path})"


def _number_of(obj: Any) -> int | None:
    """Give the descriptor of a file, socket or queue of events, without running what a subclass may have overridden.

    What stands for a raw descriptor in the records has its number as ``number``.
    """
    if any(base.__module__.startswith("lifetrack.") for base in type(obj).__mro__):
        return raw_number(obj)
    if isinstance(obj, int):
        return int(obj)
    connections: Any = getattr(sys.modules.get("multiprocessing.connection"), "_ConnectionBase", ())
    data: Any = getattr(sys.modules.get("h5py._hl.files"), "File", ())
    try:
        if isinstance(obj, connections):
            handle = vars(obj).get("_handle")
            return handle if isinstance(handle, int) else None
        if isinstance(obj, data):
            return int(obj.id.get_vfd_handle())  # of files, but not of those in memory
        for name in _EVENTS:
            events: Any = getattr(sys.modules.get("select"), name, ())
            if isinstance(obj, events):
                return int(events.fileno(obj))
    except (ValueError, OSError, RuntimeError, TypeError):
        return None
    return number_of(obj)
