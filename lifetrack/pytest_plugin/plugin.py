"""The plugin that is on: a scope for each test, and what becomes of its findings."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest

from lifetrack.ledger.leaving import note_left
from lifetrack.pytest_plugin.annotations import AnnotationHooks, properties
from lifetrack.pytest_plugin.coroutines import is_run_by_others, test_within
from lifetrack.pytest_plugin.duties import TEST, Duty, put_back
from lifetrack.pytest_plugin.ending import EndHooks
from lifetrack.pytest_plugin.fixture import DUTY
from lifetrack.pytest_plugin.fixtures import FixtureHooks
from lifetrack.pytest_plugin.options import read_options, terms_of
from lifetrack.pytest_plugin.run import Run
from lifetrack.pytest_plugin.telling import evidence, failure
from lifetrack.pytest_plugin.tidying import tidy
from lifetrack.pytest_plugin.workers import WorkerHooks
from lifetrack.tracker import default_tracker
from lifetrack.values.settings import Level


def switch_on(config: pytest.Config, level: str) -> None:
    """Start the default tracker and register the hooks; raise pytest.UsageError for a bad option."""
    run = Run(config, read_options(config, level), default_tracker())
    run.start()
    workers = WorkerHooks(run)
    fixtures = FixtureHooks(run)
    rooms: dict[str, object] = {
        "plugin": Plugin(run, fixtures, workers),
        "fixtures": fixtures,
        "judge": Judge(fixtures),
        "workers": workers,
        # Before the ending: of wrappers that come last the one registered last is the innermost.
        "annotations": AnnotationHooks(run),
    }
    if "pytest_twisted" in sys.modules:
        from lifetrack.pytest_plugin.reactor import ReactorHooks

        rooms["reactor"] = ReactorHooks(run.tracker)
    if run.options.baseline is not None:  # no test pays for it where there is none
        from lifetrack.pytest_plugin.baselines import BaselineHooks
        from lifetrack.pytest_plugin.coverage import CoverageHooks

        rooms["coverage"] = covering = CoverageHooks(located=run.options.level > Level.COUNTS)
        rooms["baseline"] = BaselineHooks(run, run.ratchet, covering)
    rooms["ending"] = EndHooks(run, workers)
    for name, room in rooms.items():
        config.pluginmanager.register(room, f"lifetrack-{name}")


class Plugin:
    """The hooks that concern tests: few of each kind for all rooms, because every test pays for every hook."""

    def __init__(self, run: Run, fixtures: FixtureHooks, workers: WorkerHooks) -> None:
        self._run = run
        self._fixtures = fixtures
        self._workers = workers

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Stop tracking, or go back to the settings that it had before this run."""
        self._run.stop()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Check every marker before the first test runs."""
        try:
            for item in items:
                terms_of(item, self._run.terms)
        except pytest.UsageError as error:
            self._workers.refuse(error, items)
        for path in {item.path for item in items}:
            self._run.options.leniency.own_package_of(str(path))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Open the test's scope; the innermost wrapper, so that it holds no other plugin's work."""
        terms = terms_of(item, self._run.terms)
        self._run.ensure(terms)
        duty = self._run.new_duty(item.nodeid, TEST, terms)
        self._fixtures.begin_test(item, duty)
        token = duty.variable.set(duty.inner)
        try:
            return (yield)
        finally:
            put_back(duty.variable, token)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run the test in its scope."""
        duty = self._fixtures.duty_of(item)
        if duty is None:
            return (yield)
        token = duty.variable.set(duty.inner)
        try:
            if not is_run_by_others(item):
                return (yield)
            with test_within(item, duty.variable, duty.inside):
                return (yield)
        finally:
            put_back(duty.variable, token)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run all of the test's teardown in its scope."""
        duty = self._fixtures.duty_of(item)
        if duty is None:
            return (yield)
        token = duty.variable.set(duty.inner)
        try:
            return (yield)
        finally:
            put_back(duty.variable, token)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note whether the test failed, and show a failed test's leaks beside its failure."""
        if call.excinfo is not None:
            tidy(call.excinfo.value)
            if self._run.tracker.ledger is not None:
                note_left(self._run.tracker.ledger.entries, call.excinfo.value, heads=True)
        report = yield
        if call.when == "teardown":
            duty = self._fixtures.forget_test(item)
            if duty is not None and (duty.found or duty.section):
                _add_to(report, duty)
            self._workers.load(report)
        elif report.outcome != "passed" and (duty := item.stash.get(DUTY, None)) is not None:
            duty.failed = True
            duty.report = report
        return report


class Judge:
    """The end of a test: the outermost of those who are around its teardown, as they may release something yet."""

    def __init__(self, fixtures: FixtureHooks) -> None:
        self._fixtures = fixtures

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """End the test's scope after all of its teardown, and fail it if it leaks and has not failed already."""
        duty = self._fixtures.duty_of(item)
        if duty is None:
            return (yield)
        try:
            result = yield
        except BaseException:
            duty.failed = True
            raise
        finally:
            blamed = self._fixtures.end(duty)
            if blamed and duty.failed:
                duty.section = evidence(blamed)
        if blamed and not duty.failed:
            raise pytest.fail.Exception(failure(blamed), pytrace=False)
        return result


def _add_to(report: pytest.TestReport, duty: Duty) -> None:
    """Add to the last report of a test what was found at its end: properties, and what a failed test left open."""
    if duty.found:
        report.user_properties.extend(("lifetrack", text) for text in properties(duty.found, duty.terms))
    if duty.section:
        section = ("lifetrack: left open, after the failure above (teardown)", duty.section)
        report.sections.append(section)
        if duty.report is not None and duty.report.when == "setup":
            duty.report.sections.append(section)  # beside a failed setup pytest shows no sections of the teardown
