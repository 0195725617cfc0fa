"""Test cases that fail by their own leaks, with :mod:`unittest` alone."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Sequence
from typing import Any, ClassVar
from unittest.util import strclass

from lifetrack.reports.evidence import evidence
from lifetrack.tracker import default_tracker
from lifetrack.unittests.hooks import Attribution
from lifetrack.unittests.stretches import TEST, Stretch, running_test
from lifetrack.values.errors import LeakError
from lifetrack.values.findings import Finding
from lifetrack.values.settings import PolicyChoice, parse_fail_on, parse_level, parse_policy
from lifetrack.watchers.watching import check_names


def _failing(cls: Any, findings: Sequence[Finding]) -> list[Finding]:
    least = parse_fail_on(cls.lifetrack_fail_on)
    if least is None:
        return []
    return [finding for finding in findings if finding.allowed is None and finding.certainty >= least]


def _begin(cls: Any) -> bool:
    """Start tracking with the settings of a class; give whether it was off before."""
    tracker = default_tracker()
    if tracker.is_tracking():
        return False
    tracker.start(cls.lifetrack_level, policy=cls.lifetrack_policy, watch=cls.lifetrack_watch, report=False)
    return True


_begun: set[type] = set()


def _switch(cls: type, begins: bool) -> None:
    """Track from before the setup of a class until after its teardown."""
    if begins and issubclass(cls, LeakCheckMixin):
        if _begin(cls):
            _begun.add(cls)
    elif cls in _begun:
        _begun.discard(cls)
        default_tracker().stop()


def _verdict(suite: Any, result: Any, about: Any, name: str, findings: list[Finding]) -> None:
    """Report what the fixtures of a class have left, in the way in which unittest reports errors in them."""
    failing = _failing(about, findings) if isinstance(about, type) and issubclass(about, LeakCheckMixin) else []
    if failing:
        try:
            raise _error(failing, name)
        except LeakError as error:
            suite._createClassOrModuleLevelException(result, error, "tearDownClass", strclass(about))


_attribution = Attribution(default_tracker(), _verdict, _switch)


class LeakCheckMixin:
    """Put first among the bases of a ``TestCase``: a test that leaves a resource open, or misuses one, fails.

    What ``setUpClass`` and ``setUpModule`` acquire is due after their teardown; what they leave is an error of its own.
    Under ``pytest --lifetrack`` the plugin does all of this, and the mixin does nothing. The attributes below set what
    the options of the plugin set; a wrong one raises ConfigurationError where the class is made.
    """

    #: How much is recorded: counts, sites, stacks or full.
    lifetrack_level: ClassVar[str] = "stacks"
    #: What is watched besides declared classes.
    lifetrack_watch: ClassVar[Sequence[str]] = ("stdlib",)
    #: From which certainty a finding fails: proven, suspected, hint or never.
    lifetrack_fail_on: ClassVar[str] = "proven"
    #: What a misuse does: raise, warn or record, also by rule.
    lifetrack_policy: ClassVar[PolicyChoice] = "raise"

    def __init_subclass__(cls, **options: Any) -> None:
        """Check the settings, and let unittest's suites tell when a class begins and ends."""
        super().__init_subclass__(**options)
        parse_level(cls.lifetrack_level)
        parse_fail_on(cls.lifetrack_fail_on)
        parse_policy(cls.lifetrack_policy)
        check_names(cls.lifetrack_watch)
        if cls.__module__ != __name__:
            _attribution.install()

    def run(self, result: Any = None) -> Any:
        """Run the test as unittest does, and report it as a failure if nothing else is wrong but a leak."""
        tracker = default_tracker()
        if running_test(tracker) not in {None, self.id()}:  # type: ignore[attr-defined]
            return super().run(result)  # type: ignore[misc]
        mine = _begin(type(self))
        given = result
        result = self.defaultTestResult() if given is None else given  # type: ignore[attr-defined]
        if given is None:
            getattr(result, "startTestRun", _nothing)()
        patient = _Patient(result)
        try:
            stretch = Stretch(tracker, self.id(), TEST)  # type: ignore[attr-defined]
            with stretch.inside(self):
                super().run(patient)  # type: ignore[misc]
            patient.conclude(self, _failing(type(self), stretch.end()))
        finally:
            if mine:
                tracker.stop()
            if given is None:
                getattr(result, "stopTestRun", _nothing)()
        return result


class LeakCheckTestCase(LeakCheckMixin, unittest.TestCase):
    """A ``TestCase`` with the mixin."""


class _Patient:
    """A result that hears of a success, and of the end of a test, only when its leaks are known."""

    def __init__(self, result: Any) -> None:
        self._result = result
        self._succeeded = self._stopped = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)

    def addSuccess(self, _: Any) -> None:  # noqa: N802 - unittest's name
        self._succeeded = True

    def stopTest(self, _: Any) -> None:  # noqa: N802 - unittest's name
        self._stopped = True

    def conclude(self, test: Any, findings: Sequence[Finding]) -> None:
        """Tell the result what it has waited for."""
        if self._succeeded and findings:
            self._result.addFailure(test, _raised(_error(findings, test.id())))
        elif self._succeeded:
            self._result.addSuccess(test)
        if self._stopped:
            self._result.stopTest(test)


def _nothing() -> None:
    """Stand in for what a result does not have."""


def _error(findings: Sequence[Finding], name: str) -> LeakError:
    number = sum(finding.count for finding in findings)
    noun = "resource was" if number == 1 else "resources were"
    return LeakError(f"{number} {noun} not released or misused in {name}\n\n{evidence(findings)}", findings=findings)


def _raised(error: LeakError) -> Any:
    try:
        raise error
    except LeakError:
        return sys.exc_info()
