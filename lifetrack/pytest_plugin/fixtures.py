"""Fixtures: each setup of one is a scope of its own, to the end of its teardown."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from lifetrack.ledger.places import PROCESS, Place
from lifetrack.pytest_plugin.coroutines import fixture_within, is_fixture_run_by_others
from lifetrack.pytest_plugin.duties import FIXTURE, Duty, put_back
from lifetrack.pytest_plugin.exits import exit_hooks_of
from lifetrack.pytest_plugin.fixture import DUTY
from lifetrack.pytest_plugin.options import terms_of
from lifetrack.pytest_plugin.run import Run
from lifetrack.values.findings import Finding

if TYPE_CHECKING:
    from lifetrack.pytest_plugin.reach import Caches
    from lifetrack.witness.witness import Witness

#: The function of all such fixtures.
_DIRECT = "get_direct_param_fixture_func"


class _Active(NamedTuple):
    """A fixture that outlives a test, from its setup to its teardown."""

    duty: Duty
    fixturedef: pytest.FixtureDef[Any]

    def held(self) -> list[object]:
        """Give what it has handed out, what its teardown can be about, and the pools that were made in it."""
        from lifetrack.pytest_plugin.cleanups import held_by_cleanup

        result = self.fixturedef.cached_result
        values = [] if result is None else [result[0]]
        for finalizer in list(getattr(self.fixturedef, "_finalizers", ())):
            values += held_by_cleanup(finalizer)
        return values + self.duty.pools_of(self.duty.place)


def _only_hands_over(fixturedef: pytest.FixtureDef[Any]) -> bool:
    """Whether it is what pytest makes of an argument of ``parametrize``: a value that is there already."""
    function: Any = fixturedef.func
    return getattr(function, "__name__", None) == _DIRECT and str(function.__module__).startswith("_pytest.")


class FixtureHooks:
    """The hooks that concern fixtures."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._active: list[_Active] = []
        #: The test that was begun last, with its duty; threads that run others at the same time ask for theirs.
        self._latest: tuple[pytest.Item, Duty] | None = None
        self._exits = exit_hooks_of(run.config)
        self._exits.start()
        self._caches: Caches | None = None

    def begin_test(self, item: pytest.Item, duty: Duty) -> None:
        """Note which test runs, with its duty."""
        item.stash[DUTY] = duty
        self._latest = item, duty

    def duty_of(self, item: pytest.Item) -> Duty | None:
        """Give the duty of a test that runs; None where a hook around its setup has ended that before it began."""
        latest = self._latest
        return latest[1] if latest is not None and latest[0] is item else item.stash.get(DUTY, None)

    def forget_test(self, item: pytest.Item) -> Duty | None:
        """Keep nothing of a test that is over, as pytest keeps the test itself to the end; give its duty."""
        duty = item.stash.get(DUTY, None)
        if duty is not None:
            del item.stash[DUTY]
        self._latest = None
        return duty

    def pytest_unconfigure(self) -> None:
        """Take note of exit hooks no more."""
        self._exits.stop()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Give a fixture a scope of its own, from its setup to the end of its teardown.

        Finalizers run last in, first out: what is added before the setup runs after the fixture's own teardown.
        """
        if _only_hands_over(fixturedef) or self._run.tracker.ledger is None:
            return (yield)
        scope = fixturedef.scope
        name = f"{fixturedef.argname} ({scope})"
        if scope == "function":
            duty = request.node.stash.get(DUTY, None)
            if duty is None or duty.ended or not duty.is_current():
                return (yield)
            place: Place = duty.part(name)
            fixturedef.addfinalizer(partial(duty.leave, place))
            enter = partial(duty.enter, place)
        else:
            duty = self._run.new_duty(name, FIXTURE, terms_of(request.node, self._run.terms))
            place = duty.inner
            active = _Active(duty, fixturedef)
            self._active.append(active)
            fixturedef.addfinalizer(partial(self._end, active))
            enter = partial(self._begin_teardown, active)
        token = duty.variable.set(place)
        try:
            if not is_fixture_run_by_others(request):
                return (yield)
            with fixture_within(fixturedef, partial(duty.inside, place)):
                return (yield)
        except BaseException:
            duty.failed = True
            raise
        finally:
            put_back(duty.variable, token)
            fixturedef.addfinalizer(enter)
            if scope != "function" and (witness := self._witness()) is not None:
                witness.pause(duty.place)

    def _witness(self) -> Witness | None:
        """Give the operating system, where it is asked."""
        judgement = self._run.tracker.judgement
        return None if judgement is None else judgement.witness

    def _begin_teardown(self, active: _Active) -> None:
        """What the test has left in the keeping of a fixture is the fixture's, which has its turn now."""
        duty = None if self._latest is None else self._latest[1]
        if duty is not None and not duty.ended:
            duty.hand_on([(active.duty, active.held)])
        active.duty.enter()
        if (witness := self._witness()) is not None:
            witness.resume(active.duty.place)

    def _end(self, active: _Active) -> None:
        duty = active.duty
        duty.leave()
        self._active.remove(active)
        failures = self.end(duty)
        if not duty.failed:
            self._run.failing += failures

    def end(self, duty: Duty) -> list[Finding]:
        """End a test or fixture; give the findings that are failures.

        What it leaves that others are going to release, wider fixtures or exit hooks, is handed on to them.
        """
        if self._run.ends_quietly(duty):
            return []
        duty.hand_on(self._holders(duty))
        return self._run.end(duty)

    def _holders(self, duty: Duty) -> Iterator[tuple[Duty | None, Callable[[], Iterable[object]]]]:
        for active in list(self._active):  # the one that was set up first, and so ends last, before the others
            if active.duty is not duty:
                yield active.duty, active.held
        yield None, self._exits.held
        yield None, self._left_to_nodes
        duty.wait()  # a thread that is just ending need not be looked for in all that caches hold
        yield None, partial(self._kept, duty)

    def _left_to_nodes(self) -> list[object]:
        """Give what tests have left to their classes, modules and session, and to the run, to be released."""
        if self._latest is None:
            return []
        from lifetrack.pytest_plugin.nodes import held_by_nodes

        return held_by_nodes(self._latest[0])

    def _kept(self, duty: Duty) -> list[object]:
        """Give what the caches of the program hold, and the pools that were made outside of any test and fixture."""
        if self._caches is None:
            from lifetrack.pytest_plugin.reach import Caches

            self._caches = Caches()
        return [*duty.pools_of(PROCESS), *self._caches.results()]
