"""The folder through which the processes of one run exchange settings and reports.

It is private to its user. A process that begins leaves a ``.begun`` file there, and at its end its report, written
atomically; a ``.begun`` file without a report is a process that was lost.
"""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lifetrack.journal.plans import JournalPlan
from lifetrack.reports.files import write_atomically
from lifetrack.reports.model import ProcessInfo, Report
from lifetrack.reports.reading import load
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass
from lifetrack.values.settings import Policy, Settings, parse_frames, parse_level, parse_policy
from lifetrack.watchers.watching import check_names

_SETTINGS = "settings.json"
_BEGUN, _REPORT = ".begun", ".json"
#: For how many seconds the end of the run waits for reports of processes that are still alive, and how often it looks.
SETTLE, _LOOK = 0.5, 0.01


@dataclass(frozen=True, slots=True)
class Orders:
    """What every process of the run does: its settings, and the names that it watches."""

    settings: Settings
    watch: tuple[str, ...]
    #: The journals of the run, if there are any.
    journal: JournalPlan | None = None


def now() -> str:
    """Give the time as reports have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def this_process(ending: str = "lost", name: str | None = None) -> ProcessInfo:
    """Describe the running process, as one that has just begun."""
    moment = now()
    return ProcessInfo(
        pid=os.getpid(),
        parent_pid=os.getppid(),
        python=platform.python_version(),
        platform=sys.platform,
        command=tuple(getattr(sys, "argv", ()) or sys.orig_argv[1:]),
        started=moment,
        ended=moment,
        ending=ending,
        name=name,
    )


class Exchange:
    """One such folder, by its path."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @classmethod
    def make(cls) -> Exchange:
        """Make a new one; raise ConfigurationError if there is no place for it."""
        try:
            folder = os.path.join(tempfile.gettempdir(), f"lifetrack-{os.urandom(8).hex()}")
            os.mkdir(folder, 0o700)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ConfigurationError(
                f"children: no temporary folder could be made ({reason}): set TMPDIR to a folder of yours"
            ) from error
        return cls(folder)

    def is_sound(self) -> bool:
        """Whether the folder is there and is its user's alone."""
        try:
            status = os.lstat(self.folder)
        except (OSError, ValueError):
            return False
        mine = not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o077)
        return stat.S_ISDIR(status.st_mode) and mine

    # -- orders ----------------------------------------------------------------------------------------------------

    def give_orders(self, orders: Orders) -> None:
        """Say what processes that begin from now on shall do."""
        settings = orders.settings
        policy = {**settings.policy.rules, "*": settings.policy.default}
        told = {
            "level": settings.level.word, "policy": policy, "frames": settings.frames, "watch": list(orders.watch),
            "journal": None if orders.journal is None else orders.journal.told(),
        }  # fmt: skip
        write_atomically(os.path.join(self.folder, _SETTINGS), json.dumps(told))

    def orders(self) -> Orders:
        """Read what this process shall do; raise ConfigurationError if that cannot be read."""
        told = _read(os.path.join(self.folder, _SETTINGS))
        try:
            policy: Policy = parse_policy(told["policy"])
            settings = Settings(parse_level(told["level"]), policy, parse_frames(told["frames"]))
            journal = None if told.get("journal") is None else JournalPlan.of(told["journal"])
            return Orders(settings, check_names(told["watch"]), journal)
        except KeyError as error:
            raise ConfigurationError(f"children: the settings lack {error}: start the program again") from None

    # -- one process -----------------------------------------------------------------------------------------------

    def begin(self, token: str, info: ProcessInfo) -> None:
        """Note that a process has begun, or what it is called now; a folder that is gone is no matter."""
        told = {
            "pid": info.pid, "parent_pid": info.parent_pid, "python": info.python, "platform": info.platform,
            "command": list(info.command), "started": info.started, "name": info.name,
        }  # fmt: skip
        data = json.dumps(told).encode()
        try:
            descriptor = os.open(self._path(token, _BEGUN), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError:
            return
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def forget(self, token: str) -> None:
        """Take the note back: the process becomes another program."""
        try:
            os.unlink(self._path(token, _BEGUN))
        except OSError:
            pass

    def finish(self, token: str, report: Report) -> None:
        """Leave the report of a process; one whose run is over already leaves none."""
        if self.is_sound():
            write_atomically(self._path(token, _REPORT), report.to_json())

    def _path(self, token: str, ending: str) -> str:
        return os.path.join(self.folder, token + ending)

    # -- all of them -----------------------------------------------------------------------------------------------

    def collect(self, journal: JournalPlan | None = None) -> tuple[list[Report], list[ProcessInfo]]:
        """Give the reports that have come, oldest process first, and the processes that left none.

        Of what was lost its journal tells, if there is one.

        What is still alive is given half a second to report.
        """
        deadline = time.monotonic() + SETTLE
        while any(_is_running(info.pid) for _, info in self._waiting()) and time.monotonic() < deadline:
            time.sleep(_LOOK)
        reports, lost = [], []
        for token, info in self._begun():
            try:
                reports.append(load(self._path(token, _REPORT)))
            except ConfigurationError:
                told = None if journal is None else _from_journal(journal, info.pid)
                if told is None:
                    lost.append(replace(info, ended=now()))
                else:
                    reports.append(replace(told, process=replace(told.process, name=info.name)))
        return reports, lost

    def _tokens(self, ending: str) -> list[str]:
        try:
            return sorted(name.removesuffix(ending) for name in os.listdir(self.folder) if name.endswith(ending))
        except OSError:
            return []

    def _waiting(self) -> list[tuple[str, ProcessInfo]]:
        done = set(self._tokens(_REPORT))
        return [pair for pair in self._begun() if pair[0] not in done]

    def _begun(self) -> list[tuple[str, ProcessInfo]]:
        found = []
        for token in self._tokens(_BEGUN):
            try:
                told = _read(self._path(token, _BEGUN))
                info = replace(this_process(), **{**told, "command": tuple(told["command"])})
            except (ConfigurationError, KeyError, TypeError):
                continue
            found.append((token, info))
        return sorted(found, key=lambda pair: pair[1].started)

    def remove(self) -> None:
        """Take the folder away with all that is in it."""
        try:
            for name in os.listdir(self.folder):
                os.unlink(os.path.join(self.folder, name))
            os.rmdir(self.folder)
        except OSError:
            pass


def _from_journal(journal: JournalPlan, pid: int) -> Report | None:
    from lifetrack.journal.reading import load_child

    return load_child(journal.path, pid, journal.run or "")


def _is_running(pid: int) -> bool:
    """Whether a process is alive and not merely unburied."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[:1] != [b"Z"]
    except OSError:
        return True


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            told = json.loads(file.read())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"children: {path!r} cannot be read ({type(error).__name__})") from None
    if not isinstance(told, dict):
        raise ConfigurationError(f"children: {path!r} is not what it should be: start the program again")
    return told
