"""The baseline in a run of pytest: who counts, and what is said and written at the end."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.pytest_plugin.coverage import Coverage, CoverageHooks
from lifetrack.pytest_plugin.options import worker_of
from lifetrack.pytest_plugin.ratchet import Ratchet
from lifetrack.pytest_plugin.run import Run
from lifetrack.values.errors import ConfigurationError, LeakError, LifetrackError
from lifetrack.values.findings import Finding

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from lifetrack.reports.baseline import Known

_OUTPUT = "lifetrack-baseline"
_MOST = 20
_WRITTEN = "lifetrack: this misuse is written to the baseline; what lies behind it is found by the next run"


class BaselineHooks:
    """The hooks of a run that has a baseline."""

    def __init__(self, run: Run, ratchet: Ratchet, covering: CoverageHooks) -> None:
        self._run = run
        self._ratchet = ratchet
        self._covering = covering
        self._coverage = Coverage()
        self._told = ""

    # -- an update accepts -----------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Count the misuse that a test fails by; while the baseline is written, the test is one expected to fail."""
        report = yield
        error = None if call.excinfo is None else call.excinfo.value
        if self._ratchet.baseline is not None and report.failed and isinstance(error, LifetrackError):
            findings = self._raised_for(error)
            self._ratchet.note(item.nodeid, findings)
            if findings and self._run.options.updates_baseline:
                report.outcome, report.wasxfail = "skipped", _WRITTEN
        return report

    def _raised_for(self, error: LifetrackError) -> list[Finding]:
        """Give what an exception was raised for: a misuse or the end of a scope, not the test's own question."""
        if error.finding is None:
            return []
        findings = list(error.findings) if isinstance(error, LeakError) else [error.finding]
        self._run.docket.take(self._run.tracker.ledger, scopes_raised=True)
        raised = {finding.fingerprint for finding in self._run.docket.raised}
        return findings if all(finding.fingerprint in raised for finding in findings) else []

    # -- the end -------------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker has counted, and which tests it knows of."""
        told = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if told is None:  # it crashed
            self._covering.lose_worker()
            return
        counts, seen = told
        self._ratchet.merge(counts)
        self._covering.merge(seen)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Hand over as a worker; else write the baseline, or fail the run for what has grown."""
        result = yield
        config, ratchet = self._run.config, self._ratchet
        if worker_of(config) is not None:
            config.workeroutput[_OUTPUT] = [ratchet.packed(), self._covering.packed()]  # type: ignore[attr-defined]
            return result
        self._coverage = self._covering.coverage(session)
        updates = self._run.options.updates_baseline
        fails = not self._update() if updates else bool(ratchet.grown() or ratchet.expired())
        if session.exitstatus == pytest.ExitCode.OK and fails:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    def _update(self) -> bool:
        try:
            self._told = self._ratchet.update(self._coverage)
        except ConfigurationError as error:
            self._run.problems.append(f"lifetrack: {error}")
            self._run.shown += self._run.known  # nothing is known by a file that was not written
            self._run.known.clear()
            return False
        return True

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say what became of the baseline; with ``-q`` only what fails the run or is stale."""
        baseline = self._ratchet.baseline
        if baseline is None:
            return
        from lifetrack.reports.layout import counted
        from lifetrack.reports.paths import shortest

        name = shortest(baseline.path)
        lines = self._lines(name)
        if self._told:
            lines.append((f"baseline {name}: {self._told}", {"green": True}))
        elif not lines and terminalreporter.config.get_verbosity() >= 0 and self._ratchet.matched():
            known = counted(self._ratchet.matched(), "known finding")
            lines = [(f"baseline {name}: {known}, nothing new", {})]
        if lines:
            terminalreporter.write_sep("=", "lifetrack baseline")
            for line, markup in lines:
                terminalreporter.write_line(line, **markup)

    def _lines(self, name: str) -> list[tuple[str, dict[str, bool]]]:
        bad = []
        for entry, found, owners in self._ratchet.grown():
            bad.append(f"grown: {entry.words}: {entry.count} accepted, {found.count} found, in {_some(owners)}")
        bad += [f"expired on {known.expires}: {known.words}{_about(known)}" for known in self._ratchet.expired()]
        stale = [f"stale: {known.words}: nothing like it was found" for known in self._ratchet.stale(self._coverage)]
        if len(stale) > _MOST:
            stale[_MOST:] = [f"... and {len(stale) - _MOST} more that are stale"]
        mends = ["mend what has grown or expired, or accept it by a higher count or a later date"] if bad else []
        mends += ["take stale entries out: --lifetrack-update-baseline does"] if stale else []
        last = [f"baseline {name}: {'; '.join(mends)}"] if mends else []
        red, yellow = {"red": True}, {"yellow": True}
        return [*((line, red) for line in bad), *((line, yellow) for line in stale), *((line, {}) for line in last)]


def _about(known: Known) -> str:
    return "".join(f" ({text})" for text in (known.reason, known.issue) if text)


def _some(owners: list[str]) -> str:
    return owners[0] + (f" and {len(owners) - 1} more" if len(owners) > 1 else "")
