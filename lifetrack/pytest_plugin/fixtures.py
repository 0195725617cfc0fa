"""Fixtures: each setup of one is a scope of its own, to the end of its teardown."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from lifetrack.pytest_plugin.coroutines import Inside, fixture_within
from lifetrack.pytest_plugin.duties import FIXTURE, Duty
from lifetrack.pytest_plugin.exits import ExitHooks
from lifetrack.pytest_plugin.fixture import DUTY
from lifetrack.pytest_plugin.options import terms_of
from lifetrack.pytest_plugin.run import Run

if TYPE_CHECKING:
    from lifetrack.pytest_plugin.reach import Caches

#: The function of all such fixtures.
_DIRECT = "get_direct_param_fixture_func"


class _Active(NamedTuple):
    """A fixture that outlives a test, from its setup to its teardown."""

    duty: Duty
    fixturedef: pytest.FixtureDef[Any]

    def held(self) -> list[object]:
        """Give what it has handed out, and what its teardown can be about."""
        from lifetrack.pytest_plugin.cleanups import held_by_cleanup

        result = self.fixturedef.cached_result
        values = [] if result is None else [result[0]]
        for finalizer in list(getattr(self.fixturedef, "_finalizers", ())):
            values += held_by_cleanup(finalizer)
        return values


def _only_hands_over(fixturedef: pytest.FixtureDef[Any]) -> bool:
    """Whether it is what pytest makes of an argument of ``parametrize``: a value that is there already."""
    function: Any = fixturedef.func
    return getattr(function, "__name__", None) == _DIRECT and str(function.__module__).startswith("_pytest.")


class FixtureHooks:
    """The hooks that concern fixtures."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._active: list[_Active] = []
        self._item: pytest.Item | None = None
        self._exits = ExitHooks()
        self._exits.start()
        self._caches: Caches | None = None

    def begin_test(self, item: pytest.Item, duty: Duty) -> None:
        """Note which test runs, with its duty."""
        self.forget_test()
        self._item = item
        item.stash[DUTY] = duty

    def forget_test(self) -> None:
        """Forget the test that is over."""
        item, self._item = self._item, None
        if item is not None and DUTY in item.stash:
            del item.stash[DUTY]

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
        if self._run.tracker.ledger is None:
            return (yield)
        name = f"{fixturedef.argname} ({fixturedef.scope})"
        own: Duty | None = None
        if fixturedef.scope == "function":
            duty = request.node.stash.get(DUTY, None)
            if duty is None or duty.ended or not duty.is_current() or _only_hands_over(fixturedef):
                return (yield)
            part = duty.part(name)
            inside: Inside = partial(duty.inside, part)
            enter = partial(duty.enter, part)
            fixturedef.addfinalizer(partial(duty.leave, part))
        else:
            duty = self._run.new_duty(name, FIXTURE, terms_of(request.node, self._run.terms))
            active = _Active(duty, fixturedef)
            self._active.append(active)
            inside = duty.inside
            enter = partial(self._begin_teardown, active)
            fixturedef.addfinalizer(partial(self._end, active))
            own = duty
        try:
            with inside(), fixture_within(fixturedef, request, inside):
                return (yield)
        except BaseException:
            duty.failed = True
            raise
        finally:
            fixturedef.addfinalizer(enter)
            if own is not None and own.place is not None:
                self._run.tracker.pause_witness(own.place)

    def _begin_teardown(self, active: _Active) -> None:
        """What the test has left in the keeping of a fixture is the fixture's, which has its turn now."""
        duty = None if self._item is None else self._item.stash.get(DUTY, None)
        if duty is not None and not duty.ended:
            duty.hand_on([(active.duty, active.held)])
        active.duty.enter()
        if active.duty.place is not None:
            self._run.tracker.resume_witness(active.duty.place)

    def _end(self, active: _Active) -> None:
        duty = active.duty
        duty.leave()
        self._active.remove(active)
        self.hand_on(duty)
        failures = self._run.end(duty)
        if not duty.failed:
            self._run.failing += failures

    def hand_on(self, duty: Duty) -> None:
        """Hand on what a test or fixture leaves that others are going to release: wider fixtures, or exit hooks."""
        if duty.is_open():
            duty.hand_on(self._holders(duty))

    def _holders(self, duty: Duty) -> Iterator[tuple[Duty | None, Callable[[], Iterable[object]]]]:
        for active in list(self._active):  # the one that was set up first, and so ends last, before the others
            if active.duty is not duty:
                yield active.duty, active.held
        yield None, self._exits.held
        yield None, self._cached

    def _cached(self) -> list[object]:
        """Give what the caches of the program hold."""
        if self._caches is None:
            from lifetrack.pytest_plugin.reach import Caches

            self._caches = Caches()
        return self._caches.results()
