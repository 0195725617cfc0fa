"""The report: what one process did with its resources, and what was found, as a small immutable value."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lifetrack.reports.grouping import group
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Finding
from lifetrack.values.records import Lasting, TypeTotals, Unseen

#: How a process can end, as reports word it.
ENDINGS = ("normal", "exit", "exception", "signal", "lost")


@dataclass(frozen=True, slots=True)
class Totals:
    """Exact totals of a process.

    ``findings`` counts resources, not groups, and leaves out the allowed ones. ``untrackable`` counts objects that
    could not be tracked, ``unknown`` those that were there before tracking began; :class:`TrackerInfo` tells which.
    """

    acquired: int
    released: int
    live: int
    findings: int
    untrackable: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """The process that a report is about.

    ``started`` and ``ended`` are ISO 8601 in UTC; ``ending`` is one of ``normal``, ``exit``, ``exception``,
    ``signal`` and ``lost``.
    """

    pid: int
    parent_pid: int
    python: str
    platform: str
    command: tuple[str, ...]
    started: str
    ended: str
    ending: str = "normal"
    #: What it is called beside its number, such as a worker's name.
    name: str | None = None

    @property
    def title(self) -> str:
        """Its name, or that of the program that it runs; never its arguments."""
        if self.name:
            return self.name
        program = os.path.basename(self.command[0]) if self.command else ""
        return f"python {program}".strip() if program in {"", "-c", "-m"} else program


@dataclass(frozen=True, slots=True)
class TrackerInfo:
    """How well the tracker did: whether it saw everything, how many events it dropped, and what it watched.

    ``unseen`` tells by type which objects could not be tracked, or were there before, and why.
    """

    complete: bool = True
    dropped: int = 0
    watched: tuple[str, ...] = ()
    unseen: tuple[Unseen, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What one process did with its resources. ``findings`` are grouped when the report is made, worst first."""

    level: str
    process: ProcessInfo
    totals: Totals
    types: tuple[TypeTotals, ...]
    findings: tuple[Finding, ...]
    tracker: TrackerInfo
    #: The child processes that it is about too; empty where they were not followed.
    processes: tuple[ProcessInfo, ...] = ()
    #: What lives as long as the process by design.
    lasting: tuple[Lasting, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "findings", group(self.findings))

    def to_text(self, *, color: bool = False, width: int | None = None) -> str:
        """Give the report for people to read, in lines of ``width`` characters where that can be done."""
        from lifetrack.reports.text import render

        return render(self, color=color, width=width)

    def to_json(self) -> str:
        """Give the report as JSON, valid against the schema that ships with the package."""
        from lifetrack.reports.json_form import render

        return render(self)

    def to_html(self) -> str:
        """Raise ConfigurationError: there is no HTML form yet."""
        raise ConfigurationError("HTML reports are not supported yet: use to_text() or to_json(), or .txt or .json")

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a file, in the form that its ending names; see :mod:`lifetrack.reports.files`."""
        from lifetrack.reports.files import write_report

        write_report(self, path)
