"""The report: what one process did with its resources, and what was found, as a small immutable value."""

from __future__ import annotations

import os

from lifetrack.values.findings import Finding
from lifetrack.values.holders import Search
from lifetrack.values.making import dataclass
from lifetrack.values.records import NO_LIFETIMES, Lasting, Lifetimes, TypeTotals, Unseen

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

    ``unseen`` tells by type which objects could not be tracked, or were there before, and why. ``search`` is what it
    took to tell who holds what; None where nobody asked.
    """

    complete: bool = True
    dropped: int = 0
    watched: tuple[str, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    search: Search | None = None


def _grouped(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    from lifetrack.reports.grouping import group

    return group(findings)


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
    #: Some resources in time, for charts.
    lifetimes: Lifetimes = NO_LIFETIMES

    def __post_init__(self) -> None:
        object.__setattr__(self, "findings", _grouped(self.findings) if self.findings else ())

    def to_text(self, *, color: bool = False, width: int | None = None) -> str:
        """Give the report for people to read, in lines of ``width`` characters where that can be done."""
        from lifetrack.reports.text import render

        return render(self, color=color, width=width)

    def to_json(self) -> str:
        """Give the report as JSON, valid against the schema that ships with the package."""
        from lifetrack.reports.json_form import render

        return render(self)

    def to_html(self) -> str:
        """Give the report as one HTML page that needs nothing else; MissingExtraError without the extra ``html``."""
        return self._to("html")

    def to_dot(self) -> str:
        """Give the graph of owners, resources and holders in the DOT language of Graphviz."""
        return self._to("dot")

    def to_svg(self) -> str:
        """Give that graph as an SVG picture.

        Raises MissingExtraError where the program ``dot`` of Graphviz is not installed, ConfigurationError if it fails.
        """
        return self._to("svg")

    def to_trace(self) -> str:
        """Give the lifetimes as JSON in the Trace Event Format, for Perfetto and the trace viewer of Chromium."""
        return self._to("trace")

    def to_sarif(self) -> str:
        """Give the findings as a SARIF 2.1.0 log, for code scanners."""
        return self._to("sarif")

    def to_github(self) -> str:
        """Give the findings as workflow commands, one a line, which GitHub shows as annotations."""
        return self._to("github")

    def _to(self, form: str) -> str:
        from lifetrack.reports.forms import form_named

        return form_named(form).render(self)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the report to a file, in the form that its ending names; see :mod:`lifetrack.reports.files`."""
        from lifetrack.reports.files import write_report

        write_report(self, path)
