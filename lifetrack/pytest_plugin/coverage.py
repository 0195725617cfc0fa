"""What a run with a baseline has seen: an entry that nothing was found for is stale only where it would have been."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.values.making import dataclass

if TYPE_CHECKING:
    from lifetrack.reports.baseline import Known

#: Options that pick single tests without a word about the others, or run none at all.
_NARROWING = ("lf", "stepwise", "stepwise_skip", "setuponly", "setupplan", "collectonly")
#: Options, and settings that ``-o`` may override, by which whole files are left out without a word.
_LEAVING_OUT = ("ignore", "ignore_glob")
_SETTINGS = ("testpaths", "norecursedirs", "python_files", "python_classes", "python_functions", "collect_")
_FIXTURE = "fixture "


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was run: the tests that passed, all those that are there, and whether nothing was left out but what skips.

    ``narrowed`` says that single tests were picked, so that others may be there though nobody has seen them.
    ``unseen`` are the files of which something was skipped, ``files`` those that were collected, ``fixtures`` the wider
    ones that ended. What was found without lines, at level ``counts``, is not ``located``.
    """

    passed: frozenset[str] = frozenset()
    collected: frozenset[str] = frozenset()
    complete: bool = False
    narrowed: bool = False
    unseen: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    fixtures: frozenset[str] = frozenset()
    root: str = ""
    located: bool = True

    def covers(self, known: Known) -> bool:
        """Whether what an entry accepts would have been found: its test passed, is no longer there, or all were run."""
        file, colons, _ = known.test.partition("::")
        if not self.located and known.site:
            return False
        if not colons:
            return self._covers_fixture(known)
        if known.test in self.passed:
            return known.count == 1 or self.settles(known)
        if known.test in self.collected or self.narrowed:
            return False
        if file in self.files or any(_file(test) == file for test in self.collected):
            return self.complete or self._has_run(file)
        return self.complete and not os.path.exists(os.path.join(self.root, file))

    def settles(self, known: Known) -> bool:
        """Whether all that an entry accepts, be it of several tests, would have been found."""
        if not self.complete or (known.site and not self.located):
            return False
        site = _site(known)
        return not self.unseen or (site == _file(known.test) and site not in self.unseen)

    def _covers_fixture(self, known: Known) -> bool:
        if not self.complete or not self.unseen:
            return self.complete
        has_ended = not known.test.startswith(_FIXTURE) or known.test in self.fixtures
        return has_ended and _site(known) not in self.unseen

    def _has_run(self, file: str) -> bool:
        return self.passed.issuperset(test for test in self.collected if _file(test) == file)


def _file(test: str) -> str:
    return test.partition("::")[0]


def _site(known: Known) -> str:
    return known.site.rpartition(" in ")[0]


class CoverageHooks:
    """The hooks that note what is run; in the controller of pytest-xdist they hear of the workers."""

    def __init__(self, *, located: bool) -> None:
        self._located = located
        self._collected: set[str] = set()
        self._files: set[str] = set()
        self._unseen: set[str] = set()
        self._fixtures: set[str] = set()
        self._called: set[str] = set()
        self._passed: set[str] = set()
        #: Those that came to their own end, each in one of the three ways.
        self._settled: set[str] = set()
        self._left_out = self._failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note a test that is there, whether it will run or not."""
        self._collected.add(item.nodeid)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Note that something was left out."""
        self._left_out = self._left_out or bool(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that was collected, and one that could not be, or is skipped as a whole."""
        if report.failed:
            self._failed = True
        elif report.skipped:
            self._unseen.add(_file(report.nodeid))
        elif "::" not in report.nodeid:
            self._files.add(report.nodeid)

    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Note a fixture that has ended, by the name that stands in the baseline."""
        if fixturedef.scope != "function":
            self._fixtures.add(f"{_FIXTURE}{fixturedef.argname} ({fixturedef.scope})")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test came to its end."""
        test = report.nodeid
        self._failed = self._failed or report.failed
        if report.when == "call" and report.passed:
            self._called.add(test)
        elif report.skipped and (report.when == "setup" or not hasattr(report, "wasxfail")):
            self._unseen.add(_file(test))
        if report.when == "teardown":
            self._settled.add(test)
            if test in self._called:
                self._passed.add(test)

    # -- workers -------------------------------------------------------------------------------------------------

    def packed(self) -> list[Any]:
        """Give what only a worker sees, for the controller."""
        return [*map(sorted, (self._collected, self._files, self._unseen, self._fixtures)), self._left_out]

    def merge(self, packed: Iterable[Any]) -> None:
        """Take in what a worker has seen."""
        *names, left_out = packed
        for own, told in zip((self._collected, self._files, self._unseen, self._fixtures), names, strict=True):
            own.update(told)
        self._left_out = self._left_out or left_out

    def lose_worker(self) -> None:
        """Note that nobody knows what a worker has seen: it crashed."""
        self._left_out = True

    # -- the end -------------------------------------------------------------------------------------------------

    def coverage(self, session: pytest.Session) -> Coverage:
        """Give what this run has seen."""
        config = session.config
        narrowed = any("::" in argument for argument in config.args) or _has(config, _NARROWING)
        stopped = bool(session.shouldstop or session.shouldfail or self._failed)
        whole = bool(self._collected) and self._settled >= self._collected
        whole = whole and not (narrowed or stopped or self._left_out) and _asks_for_all(config)
        return Coverage(
            passed=frozenset(self._passed),
            collected=frozenset(self._collected),
            complete=whole,
            narrowed=narrowed,
            unseen=frozenset(self._unseen),
            files=frozenset(self._files),
            fixtures=frozenset(self._fixtures),
            root=os.fspath(config.rootpath),
            located=self._located,
        )


def _has(config: pytest.Config, options: Iterable[str]) -> bool:
    return any(config.getoption(option, None) for option in options)


def _asks_for_all(config: pytest.Config) -> bool:
    """Whether pytest was asked for everything there is: no paths, or those that stand for all, and nothing left out."""
    overridden = config.getoption("override_ini", None) or ()
    if _has(config, _LEAVING_OUT) or any(each.startswith(_SETTINGS) for each in overridden):
        return False
    if config.args_source.name == "TESTPATHS":
        return True
    root, paths = os.fspath(config.rootpath), config.getini("testpaths")
    everything = {os.path.join(root, path) for path in paths} or {root}
    asked = {os.path.abspath(os.path.join(config.invocation_params.dir, argument)) for argument in config.args}
    return root in asked or asked >= everything
