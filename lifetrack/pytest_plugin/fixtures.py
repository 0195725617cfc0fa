"""Fixtures that outlive a test: each setup of one is a scope of its own, to the end of its teardown."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from lifetrack.pytest_plugin.duties import FIXTURE, Duty
from lifetrack.pytest_plugin.options import terms_of
from lifetrack.pytest_plugin.run import Run


class FixtureHooks:
    """The hooks that concern fixtures."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Give a fixture that outlives the test a scope of its own, from its setup to the end of its teardown.

        Finalizers run last in, first out: what is added before the setup runs after the fixture's own teardown.
        """
        if fixturedef.scope == "function" or self._run.tracker.ledger is None:
            return (yield)
        terms = terms_of(request.node, self._run.options)
        duty = self._run.new_duty(f"{fixturedef.argname} ({fixturedef.scope})", FIXTURE, terms)
        fixturedef.addfinalizer(lambda: self._end(duty))
        try:
            with duty.inside():
                return (yield)
        except BaseException:
            duty.failed = True
            raise
        finally:
            fixturedef.addfinalizer(duty.enter)

    def _end(self, duty: Duty) -> None:
        duty.leave()
        failures = self._run.end(duty)
        if not duty.failed:
            self._run.failing += failures
