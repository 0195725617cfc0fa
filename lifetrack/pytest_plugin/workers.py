"""Several processes: what workers of pytest-xdist and forked children have found is told and reported by one process.

A worker hands over everything when it ends. So that a worker that crashes loses no more than the test that it was in,
each report of a test carries what was found with it; that is also how a forked child tells its parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from os import getpid
from typing import Any

import pytest

from lifetrack.pytest_plugin.options import worker_of
from lifetrack.pytest_plugin.run import Run
from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo
from lifetrack.values.findings import Finding, ProcessName
from lifetrack.values.interpreter import now
from lifetrack.values.process import when_forking

_OUTPUT = "lifetrack"
_USAGE = "lifetrack-usage"
#: The attribute of a test's report that carries what was found with it, as text: reports travel as plain data.
_CARRIED = "lifetrack"


@dataclass(slots=True, eq=False, repr=False)
class Told:
    """What other processes have said: findings to show, those that fail the run, and what the program was told of."""

    shown: list[Finding] = field(default_factory=list)
    failing: list[Finding] = field(default_factory=list)
    raised: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    known: list[Finding] = field(default_factory=list)
    foreign: list[Finding] = field(default_factory=list)

    def take(self, other: Told) -> None:
        """Add what another process has said."""
        self.shown += other.shown
        self.failing += other.failing
        self.raised += other.raised
        self.problems += other.problems
        self.known += other.known
        self.foreign += other.foreign


class WorkerHooks:
    """The hooks that concern several processes; the same in a worker, in the controller and in an ordinary run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._listening = False
        when_forking(in_parent=self._listen)
        self._name = worker_of(run.config)
        self._carried = (0, 0)
        #: What workers have said at their end, by name.
        self._reports: dict[str, Report] = {}
        self._told: dict[str, Told] = {}
        #: What those have said that have not ended, and forked children.
        self._partial: dict[str, Told] = {}
        self._processes: dict[str, ProcessInfo] = {}

    # -- in the process that found it ------------------------------------------------------------------------------

    def load(self, report: pytest.TestReport) -> None:
        """Let the last report of a test carry what was found since the one before."""
        shown, failing = self._carried
        self._carried = len(self._run.shown), len(self._run.failing)
        if self._carried == (shown, failing):
            return
        import json

        new = Told(self._run.shown[shown:], self._run.failing[failing:])
        setattr(report, _CARRIED, json.dumps({"pid": getpid(), **_packed(new)}))

    def hand_over(self, told: Told, report: Report) -> None:
        """Let a worker give the controller all that it has to say."""
        import json

        from lifetrack.reports.json_form import as_dict

        named = replace(report, process=replace(report.process, name=self._name))
        output: dict[str, Any] = self._run.config.workeroutput  # type: ignore[attr-defined]
        output[_OUTPUT] = json.dumps({**_packed(told), "pid": getpid(), "report": as_dict(named)})

    def refuse(self, error: pytest.UsageError, items: list[pytest.Item]) -> None:
        """Raise a usage error; a worker, which would crash by it, runs nothing and lets the controller raise it."""
        if self._name is None:
            raise error
        self._run.config.workeroutput[_USAGE] = str(error)  # type: ignore[attr-defined]
        items.clear()

    # -- in the process that tells it ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_from_serializable(self) -> None:
        """Look at reports from now on: here comes one of another process."""
        self._listen()

    def _listen(self) -> None:
        """Look at each report of a test; where this process is the only one, no test pays for that."""
        if not self._listening:
            self._listening = True
            self._run.config.pluginmanager.register(_Listener(self), "lifetrack-listener")

    def take(self, report: pytest.TestReport) -> None:
        """Take what the report of another process's test carries."""
        text = getattr(report, _CARRIED, None)
        if not isinstance(text, str):
            return
        import json

        data = json.loads(text)
        if data["pid"] == getpid():
            return
        node: Any = getattr(report, "node", None)
        name = "a forked child" if node is None else str(node.gateway.id)
        self._processes.setdefault(name, _lost(name, data["pid"]))
        self._partial.setdefault(name, Told()).take(_unpacked(data, name, data["pid"]))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist has to say; of a crashed one its tests have told."""
        name, output = str(node.gateway.id), getattr(node, "workeroutput", {})
        if _USAGE in output:
            raise pytest.UsageError(output[_USAGE])
        text = output.get(_OUTPUT)
        if text is None:
            number = getattr(node, "workerinfo", {}).get("pid", 0)
            self._processes.setdefault(name, _lost(name, number))
            return
        import json

        from lifetrack.reports.reading import report_from

        self._partial.pop(name, None)
        self._processes.pop(name, None)
        data = json.loads(text)
        self._told[name] = _unpacked(data, name, data["pid"])
        self._reports[name] = report_from(data["report"], name)

    def told(self) -> Told:
        """Give what other processes have said."""
        everything = Told()
        for _, each in sorted([*self._told.items(), *self._partial.items()], key=_name):
            everything.take(each)
        return everything

    def merge(self, report: Report) -> Report:
        """Give the one report of this process and all others; of a crashed one there are the findings of its tests."""
        if self._reports or self._processes:
            name = "controller" if report.process.name is None and self._reports else report.process.name
            report = replace(report, process=replace(report.process, name=name))
        partial = [self._report_of(name, told.shown) for name, told in self._partial.items()]
        lost = [info for name, info in self._processes.items() if name not in self._partial]
        others = [*(told for _, told in sorted(self._reports.items(), key=_name)), *partial]
        if not others and not lost:
            return report
        from lifetrack.reports.merging import merged

        return merged(report, others, lost)

    def _report_of(self, name: str, findings: Sequence[Finding]) -> Report:
        count = sum(finding.count for finding in findings if finding.allowed is None)
        totals = Totals(acquired=0, released=0, live=0, findings=count)
        level = self._run.options.level.word
        return Report(level, self._processes[name], totals, (), tuple(findings), TrackerInfo(complete=False))


class _Listener:
    """The hook that every test pays for."""

    def __init__(self, workers: WorkerHooks) -> None:
        self._workers = workers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look for what it carries."""
        self._workers.take(report)


def _name(named: tuple[str, object]) -> tuple[int, str]:
    """Sort by name, gw2 before gw10."""
    return len(named[0]), named[0]


def _lost(name: str, pid: int) -> ProcessInfo:
    """Describe a process that has not told its own end."""
    moment = now()
    return ProcessInfo(pid, getpid(), "", "", (), moment, moment, "lost", name)


def _packed(told: Told) -> dict[str, Any]:
    """Give what was said as plain data."""
    from lifetrack.reports.json_form import finding_dict

    lists = {"shown": told.shown, "failing": told.failing, "raised": told.raised, "known": told.known}
    lists["foreign"] = told.foreign
    return {"problems": told.problems, **{key: list(map(finding_dict, value)) for key, value in lists.items()}}


def _unpacked(data: dict[str, Any], name: str, pid: int) -> Told:
    from lifetrack.reports.reading import findings_from

    def read(key: str) -> list[Finding]:
        return list(_named(findings_from(data[key], name), ProcessName(pid, name)))

    return Told(read("shown"), read("failing"), read("raised"), data["problems"], read("known"), read("foreign"))


def _named(findings: Iterable[Finding], process: ProcessName) -> Iterable[Finding]:
    for finding in findings:
        yield finding if finding.processes else replace(finding, processes=(process,))
