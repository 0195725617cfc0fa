"""Test cases that fail by their own leaks, with :mod:`unittest` alone."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from lifetrack.tracker import default_tracker
from lifetrack.unittests.classes import ClassFixtures, is_under_way
from lifetrack.unittests.stretches import TEST, Stretch, running
from lifetrack.unittests.terms import failing, raised, tracking_for
from lifetrack.values.findings import Finding


class LeakCheckMixin(ClassFixtures):
    """Put first among the bases of a ``TestCase``: a test that leaves a resource open, or misuses one, fails.

    What ``setUpClass`` acquires is due after the cleanups of the class; what they leave is an error of its
    ``tearDownClass``. Under ``pytest --lifetrack`` the plugin does all of this, and the mixin does nothing.

    The attributes ``lifetrack_level``, ``lifetrack_watch``, ``lifetrack_fail_on`` and ``lifetrack_policy`` set what the
    options of the plugin set; a wrong one raises ConfigurationError where the class is made. Where tracking is on
    already, as under ``lifetrack run``, what a class does not say itself stays as it is.
    """

    def run(self, result: Any = None) -> Any:
        """Run the test as unittest does, and report it as a failure if nothing else is wrong but a leak."""
        tracker = default_tracker()
        if running(tracker, TEST) not in {None, self.id()}:  # type: ignore[attr-defined]
            return super().run(result)  # type: ignore[misc]
        given = result
        result = self.defaultTestResult() if given is None else given  # type: ignore[attr-defined]
        if given is None:
            getattr(result, "startTestRun", _nothing)()
        patient = _Patient(result)
        try:
            with nullcontext() if is_under_way(type(self)) else tracking_for(type(self)):
                stretch = Stretch(tracker, self.id(), TEST)  # type: ignore[attr-defined]
                with stretch.inside(self):
                    super().run(patient)  # type: ignore[misc]
                patient.conclude(self, failing(type(self), stretch.end()))
        finally:
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
            self._result.addFailure(test, raised(findings, test.id()))
        elif self._succeeded:
            self._result.addSuccess(test)
        if self._stopped:
            self._result.stopTest(test)


def _nothing() -> None:
    """Stand in for what a result does not have."""
