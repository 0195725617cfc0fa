"""Whether what a record is about lives as long as the process, by the design of a library."""

from __future__ import annotations

import gc
import io
import sys
import threading
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lifetrack.ledger.entries import EXTRA, KIND, Entry
from lifetrack.values.collector import objects_of, referring
from lifetrack.values.each_thread import name_of
from lifetrack.values.records import Lasting
from lifetrack.witness.kept import globals_of_packages, kept, lasting_numbers, recorded, reusable
from lifetrack.witness.lasting import DESCRIPTOR, THREAD, lasting, of_files
from lifetrack.witness.package_threads import kept_by_package


class Asking:
    """Gives what is known of records, or of what those belong to, in one pass over many; keeps nothing beyond it.

    A thread is known by its name, a descriptor by its number, an executor by the event loop that has it, and what a
    library keeps by where that stands; ``entries`` are all records, by the addresses of what they are about. What event
    loops have is looked for in all that there is, which takes long: once for all executors and threads. Globals of
    installed packages are looked at only where the process is ``ending``.
    """

    def __init__(self, entries: Mapping[int, Entry], *, ending: bool = False) -> None:
        self._entries = entries
        self._of_loops: list[object] | None = None
        self._paths: dict[int, str] | None = None
        self._kept: dict[int, Lasting] = {}
        for kind, name, value, why in (*kept(), *(globals_of_packages(entries) if ending else ())):
            if (entry := entries.get(id(recorded(value)))) is not None:
                self._kept[id(entry)] = Lasting(kind, name, why)

    def __call__(self, entry: Entry) -> Lasting | None:
        """Give what is known of what a record is about, or of what that belongs to; None for all else."""
        if id(entry) in self._kept:
            return self._kept[id(entry)]
        extra = entry[EXTRA]
        obj: Any = None if extra is None or extra.reference is None else extra.reference()
        known = self._file(entry) if obj is None else self._object(obj, entry)
        return self(extra.parent) if known is None and extra is not None and extra.parent is not None else known

    def _file(self, entry: Entry) -> Lasting | None:
        """Give what is known of a file by its path; its record has no way to the object, which is looked for."""
        if not entry[KIND].type_name.startswith("_io.") or not (lines := of_files()):
            return None
        if self._paths is None:
            found = ((self._entries.get(id(each)), each.name) for each in objects_of(io.FileIO))
            self._paths = {id(entry): name for entry, name in found if entry is not None and isinstance(name, str)}
        path = self._paths.get(id(entry), "")
        return next((Lasting(DESCRIPTOR, path, each.why) for each in lines if fnmatchcase(path, each.pattern)), None)

    def _object(self, obj: Any, entry: Entry) -> Lasting | None:
        if isinstance(obj, threading.Thread):
            return lasting(THREAD, name_of(obj)) or reusable(obj) or kept_by_package(obj, entry)
        if (number := raw_number(obj)) is not None:
            return lasting_numbers(DESCRIPTOR).get(number)
        executor: Any = getattr(sys.modules.get("concurrent.futures._base"), "Executor", ())
        return self._executor(obj) if isinstance(obj, executor) else reusable(obj)

    def _executor(self, executor: object) -> Lasting | None:
        """Give what is known of an executor that an event loop has: it is ended with its loop."""
        if self._of_loops is None:
            self._of_loops = list(_had_by_loops())
        if not any(each is executor for each in self._of_loops):
            return None
        return Lasting(THREAD, type(executor).__name__, "the default executor of an event loop")


def _had_by_loops() -> Iterator[object]:
    """Give all that event loops refer to, or that is an attribute of one."""
    base: Any = getattr(sys.modules.get("asyncio.events"), "AbstractEventLoop", None)
    if base is None:
        return
    classes = [base]
    for each in classes:  # which grows
        classes += [below for below in type.__subclasses__(each) if all(below is not known for known in classes)]
    for loop in referring(classes, *classes):
        for each in gc.get_referents(loop):
            has_attributes = type(each) is dict and "_default_executor" in each
            yield from each.values() if has_attributes else (each,)


def raw_number(obj: Any) -> int | None:
    """Give the number of what stands for a raw descriptor in the records; None for all else."""
    if not any(base.__module__.startswith("lifetrack.") for base in type(obj).__mro__):
        return None
    number = getattr(obj, "number", None)
    return number if isinstance(number, int) else None
