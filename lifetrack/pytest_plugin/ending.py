"""The end of the run: what came too late for its test, the reports, the summary, and the exit status."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.pytest_plugin.options import Terms, is_for_github, worker_of
from lifetrack.pytest_plugin.run import Run
from lifetrack.pytest_plugin.telling import header
from lifetrack.pytest_plugin.workers import Told, WorkerHooks
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.headroom import headroom

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from lifetrack.reports.model import Report, Totals

#: Left out: what is live when the tests are over may well be released before the process ends.
_AT_EXIT = "LT101"


def _marked(report: Report, terms: Terms) -> Report:
    """Say of each finding that the baseline accepts that it is known."""
    leniency = terms.leniency
    if leniency.baseline is None:
        return report
    found = (
        finding if finding.allowed else replace(finding, known=leniency.is_known(finding))
        for finding in report.findings
    )
    return replace(report, findings=tuple(found))


class EndHooks:
    """The hooks that concern the whole run."""

    def __init__(self, run: Run, workers: WorkerHooks) -> None:
        self._run = run
        self._workers = workers
        self._totals: Totals | None = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Judge what came too late for its test, write the reports, and fail the run where that is due."""
        result = yield
        with headroom():
            self._finish(session)
        return result

    def _finish(self, session: pytest.Session) -> None:
        run = self._run
        report = self._report()
        self._judge_rest()
        if worker_of(run.config) is not None:
            told = Told(run.shown, run.failing, run.docket.raised, run.problems, run.known, run.foreign)
            self._workers.hand_over(told, report)
            return
        self._write(_marked(self._workers.merge(report), run.terms))
        told = self._told()
        if (told.failing or told.problems) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _judge_rest(self) -> None:
        run = self._run
        rest = [(place, finding) for place, finding in run.docket.rest() if finding.rule != _AT_EXIT]
        if not rest:
            return
        from lifetrack.pytest_plugin.summary import owner_name
        from lifetrack.pytest_plugin.verdict import fails_run

        is_due = [run.terms.counts(finding) and fails_run(finding, place) for place, finding in rest]
        found = [finding for _, finding in rest]
        due = list(compress(found, is_due))
        for owner in dict.fromkeys(map(owner_name, due)):
            run.ratchet.note(owner, [finding for finding in due if owner_name(finding) == owner])
        run.ratchet.spare(compress(found, map(not_, is_due)))
        run.show(found, run.terms)
        run.failing += filter(run.terms.fails, due)

    def _report(self) -> Report:
        """Make the report of this process, without what may still be released before it ends."""
        run = self._run
        if not run.tracker.is_tracking():
            run.ensure(run.terms)
        run.judge_late()
        # What each test shows in its own section is explained by now; the rest is for those who read a report.
        is_read = bool(run.options.reports) or worker_of(run.config) is not None or is_for_github()
        report_of = run.tracker.filed_report if run.is_guest else run.tracker.final_report
        report = report_of(in_full=is_read)
        run.docket.take(run.tracker.ledger)
        found = [finding for finding in report.findings if finding.rule != _AT_EXIT]
        totals = replace(report.totals, findings=sum(finding.count for finding in found if finding.allowed is None))
        return replace(report, findings=tuple(found), totals=totals)

    def _write(self, report: Report) -> None:
        self._totals = report.totals
        if not self._run.options.reports:
            return
        from lifetrack.reports.files import write_report

        for path in self._run.options.reports:
            try:
                write_report(report, path)
            except ConfigurationError as error:
                self._run.problems.append(f"lifetrack: {error}")

    def _told(self) -> Told:
        """Give what this process and others have found."""
        run, told = self._run, Told()
        told.take(Told(run.shown, run.failing, run.docket.raised, run.problems, run.known, run.foreign))
        told.take(self._workers.told())
        return told

    @headroom()
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Write the section at the end; what it needs is loaded only where there is something to say."""
        told, verbose = self._told(), terminalreporter.config.get_verbosity() > 0
        if not verbose and not (told.shown or told.failing or told.problems or told.foreign):
            return
        from lifetrack.pytest_plugin.summary import summary_of, write

        write(terminalreporter, [summary_of(told, verbose=verbose)], self._clean())

    def _clean(self) -> str:
        """Say that nothing was found."""
        from lifetrack.reports.layout import counted

        totals = self._totals
        if totals is None:
            return ""
        return f"lifetrack: no findings; {counted(totals.acquired, 'resource')} acquired, {totals.released} released"

    def pytest_report_header(self) -> str:
        """Say that it is on, what is watched, and what is held against nobody."""
        return header(self._run.options)
