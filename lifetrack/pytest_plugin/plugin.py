"""The plugin that is on: a scope for each test and for each wider fixture, and what becomes of their findings."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.ledger.leaving import note_left
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.pytest_plugin.duties import FIXTURE, TEST, Docket, Duty
from lifetrack.pytest_plugin.fixture import DUTY
from lifetrack.pytest_plugin.options import Options, Terms, read_options, terms_of, worker_of
from lifetrack.pytest_plugin.summary import Row, Summary, evidence, failure, rows_of, write
from lifetrack.pytest_plugin.tidying import tidy
from lifetrack.pytest_plugin.verdict import fails_run
from lifetrack.reports.files import write_report
from lifetrack.reports.layout import counted
from lifetrack.tracker import Tracker, default_tracker
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Finding
from lifetrack.values.settings import Settings, parse_policy

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_SECTION = pytest.StashKey[str]()
_NAME = "lifetrack-plugin"
_WORKER_OUTPUT = "lifetrack"
#: Left out: what is live when the tests are over may well be released before the process ends.
_AT_EXIT = "LT101"


def switch_on(config: pytest.Config, level: str) -> None:
    """Start the default tracker and register the hooks; raise pytest.UsageError for a bad option."""
    options = read_options(config, level)
    plugin = Plugin(config, options, default_tracker())
    plugin.start()
    config.pluginmanager.register(plugin, _NAME)


class Plugin:
    """The hooks of one run of pytest."""

    def __init__(self, config: pytest.Config, options: Options, tracker: Tracker) -> None:
        self._config = config
        self._options = options
        self._tracker = tracker
        self._terms = Terms(options.level, options.fail_on)
        self._docket = Docket()
        self._shown: list[Finding] = []
        self._failing: list[Finding] = []
        self._problems: list[str] = []
        self._from_workers: list[Summary] = []
        self._before: Settings | None = None
        self._base: Place = PROCESS
        self._started = False
        self._clean = ""

    # -- the tracker ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start tracking; what was on before, if anything, is remembered."""
        engine = self._tracker.engine
        self._before = None if engine is None else engine.settings
        self._ensure(self._terms)
        if self._tracker.ledger is not None:
            # In a run inside a test of another run, what is acquired is that test's.
            self._base = self._tracker.ledger.place.get()

    def _ensure(self, terms: Terms) -> None:
        """Bring the settings to what this run wants: a test's marker or the program itself may have changed them."""
        engine = self._tracker.engine
        wanted = Settings(terms.level, parse_policy("raise"))
        if engine is not None and engine.settings == wanted:
            return
        watch = self._options.watch if engine is None or not self._started else ()
        self._started = True
        # Whoever had switched it on before us still gets the report at exit.
        report = None if self._before is not None else False
        self._tracker.start(terms.level, policy=wanted.policy, watch=watch, report=report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Stop tracking, or go back to the settings that it had before this run."""
        if self._before is None:
            self._tracker.stop()
        else:
            self._tracker.start(self._before.level, policy=self._before.policy, frames=self._before.frames)

    # -- tests ---------------------------------------------------------------------------------------------------

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Check every marker before the first test runs."""
        for item in items:
            terms_of(item, self._options)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Open the test's scope; the innermost wrapper, so that it holds no other plugin's work."""
        terms = terms_of(item, self._options)
        self._ensure(terms)
        duty = self._new(item.nodeid, TEST, terms)
        item.stash[DUTY] = duty
        with duty.inside():
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run the test in its scope."""
        with item.stash[DUTY].inside():
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """End the test's scope after all of its teardown, and fail it if it leaks and has not failed already."""
        duty = item.stash[DUTY]
        try:
            with duty.inside():
                result = yield
        except BaseException:
            duty.failed = True
            raise
        finally:
            blamed = self._end(duty)
            item.stash[_SECTION] = evidence(blamed) if blamed and duty.failed else ""
        if blamed and not duty.failed:
            raise pytest.fail.Exception(failure(blamed), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note whether the test failed, and show a failed test's leaks beside its failure."""
        if call.excinfo is not None:
            tidy(call.excinfo.value)
            if self._tracker.ledger is not None:
                note_left(self._tracker.ledger.entries, call.excinfo.value, heads=True)
        report = yield
        if call.when != "teardown":
            duty = item.stash.get(DUTY, None)
            if duty is not None and report.outcome != "passed":
                duty.failed = True
        elif text := item.stash.get(_SECTION, ""):
            report.sections.append(("lifetrack: left open, after the failure above (teardown)", text))
        return report

    def _new(self, name: str, kind: str, terms: Terms) -> Duty:
        ledger = self._tracker.ledger
        if ledger is None:
            raise ConfigurationError("tracking is off")
        duty = Duty(self._tracker, ledger, name, kind, terms, self._base)
        if self._options.witness and duty.place is not None:
            self._tracker.begin_witness(duty.place)
        return duty

    def _end(self, duty: Duty) -> list[Finding]:
        """End a scope; give the findings that are failures, and keep for the summary what is worth it."""
        self._docket.take(self._tracker.ledger, scopes_raised=True)
        duty.end()
        self._docket.take(self._tracker.ledger)
        findings = [] if duty.place is None else self._docket.of(duty.place)
        if duty.failed:  # a consequence, which the failing test shows
            return [finding for finding in findings if finding.allowed is None]
        self._shown += findings
        return [finding for finding in findings if duty.terms.fails(finding)]

    # -- fixtures ------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Give a fixture that outlives the test a scope of its own, from its setup to the end of its teardown.

        Finalizers run last in, first out: what is added before the setup runs after the fixture's own teardown.
        """
        if fixturedef.scope == "function" or self._tracker.ledger is None:
            return (yield)
        terms = terms_of(request.node, self._options)
        duty = self._new(f"{fixturedef.argname} ({fixturedef.scope})", FIXTURE, terms)
        fixturedef.addfinalizer(lambda: self._end_fixture(duty))
        try:
            with duty.inside():
                return (yield)
        except BaseException:
            duty.failed = True
            raise
        finally:
            fixturedef.addfinalizer(duty.enter)

    def _end_fixture(self, duty: Duty) -> None:
        duty.leave()
        failures = self._end(duty)
        if not duty.failed:
            self._failing += failures

    # -- the end -------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Judge what came too late for its test, write the reports, and fail the run where that is due."""
        result = yield
        self._write_reports()
        for place, finding in self._docket.rest():
            if finding.rule == _AT_EXIT:
                continue
            self._shown.append(finding)
            if self._terms.fails(finding) and fails_run(finding, place):
                self._failing.append(finding)
        summary = self._summary()
        if worker_of(self._config) is not None:
            self._config.workeroutput[_WORKER_OUTPUT] = _packed(summary)  # type: ignore[attr-defined]
        failing = any(each.failing or each.problems for each in (summary, *self._from_workers))
        if failing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    def _write_reports(self) -> None:
        if not self._tracker.is_tracking():
            self._ensure(self._terms)
        report = self._tracker.final_report()
        self._docket.take(self._tracker.ledger)
        found = [finding for finding in report.findings if finding.rule != _AT_EXIT]
        totals = replace(report.totals, findings=sum(finding.count for finding in found if finding.allowed is None))
        for path in self._options.reports:
            try:
                write_report(replace(report, findings=tuple(found), totals=totals), path)
            except ConfigurationError as error:
                self._problems.append(f"lifetrack: {error}")
        self._clean = (
            f"lifetrack: no findings; {counted(totals.acquired, 'resource')} acquired, {totals.released} released"
        )

    def _summary(self) -> Summary:
        allowed = [finding for finding in self._shown if finding.allowed is not None]
        found = [finding for finding in self._shown if finding.allowed is None]
        quiet = [*rows_of(allowed), *rows_of(self._docket.raised, "raised in the program")]
        text = evidence(self._failing) if self._failing else ""
        number = sum(finding.count for finding in self._failing)
        return Summary(rows_of(found), quiet, text, number, self._problems, worker_of(self._config) or "")

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Write the section at the end."""
        verbose = self._config.get_verbosity() > 0
        write(terminalreporter, [self._summary(), *self._from_workers], verbose, self._clean)

    def pytest_report_header(self) -> str:
        """Say that it is on, and what is watched."""
        watched = ", ".join(self._options.watch) or "declared classes only"
        return f"lifetrack: level {self._options.level.word}, watching {watched}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist has to say; a crashed one has nothing."""
        packed = getattr(node, "workeroutput", {}).get(_WORKER_OUTPUT)
        if packed is not None:
            self._from_workers.append(_unpacked(packed))


def _packed(summary: Summary) -> list[Any]:
    """Give a summary as lists, words and numbers."""
    return list(summary._replace(rows=_lists(summary.rows), quiet=_lists(summary.quiet)))


def _lists(rows: list[Row]) -> list[Any]:
    return [list(row) for row in rows]


def _unpacked(packed: list[Any]) -> Summary:
    rows, quiet, *rest = packed
    return Summary([Row(*row) for row in rows], [Row(*row) for row in quiet], *rest)
