"""The baseline in a run of pytest: who counts, what is known to have run, and what is said at the end."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.pytest_plugin.options import worker_of
from lifetrack.pytest_plugin.ratchet import Coverage, Ratchet
from lifetrack.pytest_plugin.run import Run
from lifetrack.values.errors import ConfigurationError, LeakError, LifetrackError
from lifetrack.values.findings import Finding

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from lifetrack.reports.baseline import Known

_OUTPUT = "lifetrack-baseline"
_MOST = 20
#: Options that pick single tests without a word about the others.
_NARROWING = ("lf", "stepwise", "stepwise_skip")
_WRITTEN = "lifetrack: this misuse is written to the baseline; what lies behind it is found by the next run"


class BaselineHooks:
    """The hooks of a run that has a baseline."""

    def __init__(self, run: Run, ratchet: Ratchet) -> None:
        self._run = run
        self._ratchet = ratchet
        self._collected: set[str] = set()
        self._called: set[str] = set()
        self._passed: set[str] = set()
        self._done: set[str] = set()
        self._left_out = self._failed = False
        self._coverage = Coverage()
        self._told = ""

    # -- what was run --------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note a test that is there, whether it will run or not."""
        self._collected.add(item.nodeid)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Note that something was left out."""
        self._left_out = self._left_out or bool(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that came to its own end; it is called in the controller, too."""
        self._failed = self._failed or report.failed
        if report.when == "call" and report.passed:
            self._called.add(report.nodeid)
        elif report.when == "teardown":
            self._done.add(report.nodeid)
            if report.nodeid in self._called:
                self._passed.add(report.nodeid)

    def _covered(self, session: pytest.Session) -> Coverage:
        config = self._run.config
        narrowed = any("::" in argument for argument in config.args) or any(
            map(config.getoption, _NARROWING, (None,) * 3)
        )
        stopped = bool(session.shouldstop or session.shouldfail or self._failed)
        whole = self._done >= self._collected and not (narrowed or stopped or self._left_out)
        whole = whole and _asks_for_all(config)
        return Coverage(frozenset(self._passed), frozenset(self._collected), whole, narrowed)

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
            self._left_out = True
            return
        counts, collected, left_out = told
        self._ratchet.merge(counts)
        self._collected.update(collected)
        self._left_out = self._left_out or left_out

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Hand over as a worker; else write the baseline, or fail the run for what has grown."""
        result = yield
        config, ratchet = self._run.config, self._ratchet
        if worker_of(config) is not None:
            told = [ratchet.packed(), sorted(self._collected), self._left_out]
            config.workeroutput[_OUTPUT] = told  # type: ignore[attr-defined]
            return result
        self._coverage = self._covered(session)
        written = not self._run.options.updates_baseline or self._update()
        if session.exitstatus == pytest.ExitCode.OK and (ratchet.grown() or ratchet.expired() or not written):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    def _update(self) -> bool:
        try:
            self._told = self._ratchet.update(self._coverage)
        except ConfigurationError as error:
            self._run.problems.append(f"lifetrack: {error}")
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


def _asks_for_all(config: pytest.Config) -> bool:
    """Whether pytest was asked for everything there is: no paths, or those that stand for all."""
    if config.args_source.name == "TESTPATHS":
        return True
    root, paths = os.fspath(config.rootpath), config.getini("testpaths")
    everything = {os.path.join(root, path) for path in paths} or {root}
    asked = {os.path.abspath(os.path.join(config.invocation_params.dir, argument)) for argument in config.args}
    return root in asked or asked >= everything
