"""Beginning a journal: a file of one process, and others beside it for the processes that it starts."""

from __future__ import annotations

import os
import platform
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from lifetrack.journal.description import description_of
from lifetrack.journal.files import identity_of, is_journal, make, siblings_of, target_of
from lifetrack.journal.format import (
    ENDING,
    FORMAT,
    VERSION,
    described,
    layout,
)
from lifetrack.journal.plans import JournalPlan
from lifetrack.journal.processes import begun, is_running, machine
from lifetrack.journal.writer import Journal
from lifetrack.ledger.entries import KIND, Entry
from lifetrack.ledger.ledger import Ledger
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import Settings


class _NotedPending(deque[Entry]):
    """What the collector noticed; the journal is told first. This runs in the garbage collector."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def append(self, entry: Entry, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        """Note a collected resource; at the very end of the process nothing is left to note it with."""
        if not finalizing() and not entry[KIND].declaration.hollow:  # what is hollow may turn out to be no leak
            self._journal.collected(entry)
        super().append(entry)


class ProcessJournal(Journal):
    """The journal of a process, with its file."""

    def __init__(self, ledger: Ledger, plan: JournalPlan, settings: Settings) -> None:
        super().__init__(ledger)
        self._settings = settings
        self._path = ""
        self.file: tuple[int, int] | None = None
        self.level(settings.level)
        path, run = _path_for(plan)
        self.plan = JournalPlan(plan.path, plan.bound, run or os.urandom(8).hex())
        self._command = plan.command or tuple(getattr(sys, "argv", ()) or sys.orig_argv[1:])
        self._make(path)

    def _make(self, path: str) -> None:
        size = self.plan.bound // 4096 * 4096
        tables = layout(size)
        description = {
            "format": FORMAT, "version": VERSION, "byte_order": sys.byteorder, "run": self.plan.run,
            "pid": os.getpid(), "parent_pid": os.getppid(), "process_begun": begun(os.getpid()), "machine": machine(),
            "python": platform.python_version(), "platform": sys.platform,
            "command": list(self._command),
            "started": datetime.now(UTC).isoformat(timespec="milliseconds"), "clock": perf_counter(),
            "tracking": self._ledger.started, "level": self._settings.level.word, "frames": self._settings.frames,
            "bound": size, "tables": {name: [each.at, each.count, each.size] for name, each in tables.items()},
        }  # fmt: skip
        mapping = make(path, size, described(description))
        self._path = path
        self.file = identity_of(path)
        self.begin(mapping, tables)

    def begin_in_child(self) -> None:
        """Go on in a file of its own, in a forked child that is followed; without one if there is no room."""
        try:
            self._make(_beside(self.plan.path))
        except ConfigurationError:
            self.leave()

    def end(self, ending: str) -> None:
        """Note how the process ends; what is acquired later, such as by our own report, is of no account.

        The journal of a child that leaves nothing to tell is taken away.
        """
        if self._path:
            super().end(ending)
            is_clean = not self._ledger.open_entries() and not self._ledger.cases.all()
            if self._path != self.plan.path and ending in ("normal", "exit") and is_clean:
                try:
                    os.unlink(self._path)
                except OSError:
                    pass
            self._path = ""
            self.leave()

    def close(self) -> None:
        """Note that tracking ends, if nothing was said of an end before."""
        self.end("normal")

    def begin_in_fork(self) -> None:
        """Write no more to the file of the parent process."""
        self._path = ""
        self.leave()


def _beside(path: str) -> str:
    return f"{path}.{os.getpid()}-{os.urandom(3).hex()}"


def _path_for(plan: JournalPlan) -> tuple[str, str | None]:
    """Give the path itself, or one beside it and its run where another process is writing there."""
    if plan.run is not None:
        return _beside(plan.path), plan.run
    target = target_of(plan.path)
    if not is_journal(target):
        return plan.path, None
    try:
        before = description_of(target)
    except ConfigurationError:
        return plan.path, None
    if before.word(ENDING) == 0 and is_running(before.told):
        return _beside(plan.path), before.told["run"]
    for each in siblings_of(target):
        try:
            other = description_of(each)
            if other.told["run"] == before.told["run"] and not is_running(other.told):
                os.unlink(each)
        except (ConfigurationError, OSError):
            continue
    return plan.path, None


def journaled(ledger: Ledger, plan: JournalPlan, settings: Settings) -> Ledger:
    """Give a new ledger a journal; raise ConfigurationError if there can be none."""
    journal: Any = ProcessJournal(ledger, plan, settings)
    ledger.pending = _NotedPending(journal)
    ledger.journal = journal
    ledger.cases.listener = journal.found
    return ledger
