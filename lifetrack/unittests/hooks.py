"""What :mod:`unittest` is given so that each test, class and module is a stretch of its own; and the exact undo."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lifetrack.tracker import Tracker
from lifetrack.unittests.stretches import FIXTURE, TEST, Stretch, running
from lifetrack.watchers.imports import forget, when_imported


class Attribution:
    """The methods of unittest that are wrapped, for one tracker."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._originals: list[tuple[type, str, Any, Any]] = []
        #: The open class and module of each result, by its address.
        self._open: dict[tuple[int, str], Stretch] = {}

    def install(self) -> None:
        """Wrap them now, or when unittest is imported."""
        when_imported("unittest.suite", self._install)
        when_imported("unittest.async_case", self._install_asynchronous)

    def remove(self) -> None:
        """Restore exactly what was there."""
        forget("unittest.suite", self._install)
        forget("unittest.async_case", self._install_asynchronous)
        for owner, name, original, ours in reversed(self._originals):
            if owner.__dict__.get(name) is ours:
                setattr(owner, name, original)
        self._originals.clear()

    def _install(self) -> None:
        from unittest.case import TestCase
        from unittest.suite import TestSuite

        if any(owner is TestCase for owner, *_ in self._originals):
            return
        # A subclass may do more in its run() than it lets ours see, as one that makes an event loop does.
        self._wrap(TestCase, "__call__", self._run)
        self._wrap(TestCase, "run", self._run)
        self._wrap(TestSuite, "_handleClassSetUp", self._class_begins)
        self._wrap(TestSuite, "_tearDownPreviousClass", self._class_ends)
        self._wrap(TestSuite, "_handleModuleFixture", self._module_begins)
        self._wrap(TestSuite, "_handleModuleTearDown", self._module_ends)

    def _install_asynchronous(self) -> None:
        from unittest.async_case import IsolatedAsyncioTestCase

        if not any(owner is IsolatedAsyncioTestCase for owner, *_ in self._originals):
            self._wrap(IsolatedAsyncioTestCase, "run", self._run)

    def _wrap(self, owner: type, name: str, around: Callable[..., Any]) -> None:
        original = owner.__dict__.get(name)
        if original is None:  # another Python may have another way
            return

        @functools.wraps(original)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            return around(lambda: original(self, *args, **kwargs), self, *args, **kwargs)

        setattr(owner, name, wrapper)
        self._originals.append((owner, name, original, wrapper))

    # -- tests ---------------------------------------------------------------------------------------------------

    def _run(self, go_on: Callable[[], Any], test: Any, *_: Any, **__: Any) -> Any:
        if running(self._tracker, TEST) is not None:
            return go_on()
        stretch = Stretch(self._tracker, test.id(), TEST)
        try:
            with stretch.inside(test):
                return go_on()
        finally:
            stretch.end()

    # -- classes and modules -------------------------------------------------------------------------------------

    def _class_begins(self, go_on: Callable[[], Any], _: Any, test: Any, result: Any) -> Any:
        cls = type(test)
        if cls is getattr(result, "_previousTestClass", None) or not hasattr(cls, "setUpClass"):
            return go_on()
        return self._begin(go_on, result, "class", f"setUpClass ({cls.__module__}.{cls.__qualname__})")

    def _class_ends(self, go_on: Callable[[], Any], _: Any, test: Any, result: Any) -> Any:
        cls = getattr(result, "_previousTestClass", None)
        if cls is None or type(test) is cls:
            return go_on()
        return self._end(go_on, result, "class")

    def _module_begins(self, go_on: Callable[[], Any], _: Any, test: Any, result: Any) -> Any:
        module, before = type(test).__module__, getattr(result, "_previousTestClass", None)
        if before is not None and before.__module__ == module:
            return go_on()
        ending = self._open.pop((id(result), "module"), None)
        if ending is not None:  # the original calls the teardown of the module before in here
            self._open[id(result), "ending"] = ending
        return self._begin(go_on, result, "module", f"setUpModule ({module})")

    def _module_ends(self, go_on: Callable[[], Any], _: Any, result: Any) -> Any:
        part = "ending" if (id(result), "ending") in self._open else "module"
        return self._end(go_on, result, part)

    def _begin(self, go_on: Callable[[], Any], result: Any, part: str, name: str) -> Any:
        stretch = self._open[id(result), part] = Stretch(self._tracker, name, FIXTURE)
        with stretch.inside():
            return go_on()

    def _end(self, go_on: Callable[[], Any], result: Any, part: str) -> Any:
        stretch = self._open.pop((id(result), part), None)
        if stretch is None:
            return go_on()
        with stretch.inside():
            value = go_on()
        stretch.end()
        return value
