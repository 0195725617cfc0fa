"""The fixtures of a class as one stretch, whoever calls them: a suite of unittest's, or pytest, which makes none.

Both call ``setUpClass()``, then, unless that has failed, ``tearDownClass()``, and last ``doClassCleanups()``, after
which they report what it has left in ``tearDown_exceptions``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

from lifetrack.tracker import default_tracker
from lifetrack.unittests.stretches import FIXTURE, TEST, Stretch, running
from lifetrack.unittests.terms import Terms, failing, raised, tracking_for
from lifetrack.values.findings import Finding

__unittest = True  # by this unittest knows whose frames to leave out of its tracebacks


class Term:
    """A class from before its setup until after its cleanups, tracked with its settings."""

    def __init__(self, cls: type[Terms], name: str) -> None:
        self._cls = cls
        self._session = ExitStack()
        self._session.enter_context(tracking_for(cls))
        self._stretch = Stretch(default_tracker(), name, FIXTURE)
        self.name = name
        #: Whether a fixture of the class is running, which may call those of its bases.
        self.is_inside = False
        #: Whether a fixture has raised; what is left open then is a consequence.
        self.failed = False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Acquire for the class, for a block."""
        self.is_inside = True
        try:
            with self._stretch.inside():
                yield
        except BaseException:
            self.failed = True
            raise
        finally:
            self.is_inside = False

    def end(self) -> list[Finding]:
        """Go back to the settings of before; give what fails the class."""
        with self._session:
            findings = self._stretch.end()
            return [] if self.failed else failing(self._cls, findings)


_terms: dict[type, Term] = {}


def is_under_way(cls: type) -> bool:
    """Whether a class is tracked with its settings already."""
    return cls in _terms


def _set_up(cls: type[Terms], set_up: Callable[[], Any]) -> Any:
    __tracebackhide__ = True
    term, name = _terms.get(cls), f"setUpClass ({cls.__module__}.{cls.__qualname__})"
    if term is not None and term.is_inside:
        return set_up()
    if term is not None:  # somebody has left out its cleanups
        _terms.pop(cls).end()
    if running(default_tracker(), TEST, FIXTURE) not in {None, name}:  # who has entered that will judge
        return set_up()
    term = _terms[cls] = Term(cls, name)
    try:
        with term.inside():
            return set_up()
    except Exception:  # the cleanups follow
        raise
    except BaseException:
        _terms.pop(cls).end()
        raise


def _tear_down(cls: type[Terms], tear_down: Callable[[], Any]) -> Any:
    __tracebackhide__ = True
    term = _terms.get(cls)
    if term is None or term.is_inside:
        return tear_down()
    with term.inside():
        return tear_down()


def _guarded(own: Any, around: Callable[[type[Terms], Callable[[], Any]], Any]) -> Any:
    def guarded(cls: type[Terms]) -> Any:
        __tracebackhide__ = True
        return around(cls, own.__get__(None, cls))

    return classmethod(functools.wraps(getattr(own, "__func__", own))(guarded))


_AROUND = {"setUpClass": _set_up, "tearDownClass": _tear_down}


class ClassFixtures(Terms):
    """Has what the fixtures of a class leave open reported as an error of its ``tearDownClass``."""

    tearDown_exceptions: ClassVar[list[Any]]  # noqa: N815 - unittest's name

    def __init_subclass__(cls, **options: Any) -> None:
        """Stand in front of the fixtures that a class defines."""
        super().__init_subclass__(**options)
        for name, around in _AROUND.items():
            if name in vars(cls):
                setattr(cls, name, _guarded(vars(cls)[name], around))

    @classmethod
    def setUpClass(cls) -> None:
        """Set up the class as its bases do."""
        __tracebackhide__ = True
        _set_up(cls, super().setUpClass)  # type: ignore[misc]

    @classmethod
    def tearDownClass(cls) -> None:
        """Tear down the class as its bases do."""
        __tracebackhide__ = True
        _tear_down(cls, super().tearDownClass)  # type: ignore[misc]

    @classmethod
    def doClassCleanups(cls) -> None:  # noqa: N802 - unittest's name
        """Run the cleanups, and add to their errors what the class has left open if nothing else is wrong."""
        __tracebackhide__ = True
        clean_up: Callable[[], None] = super().doClassCleanups  # type: ignore[misc]
        term = _terms.get(cls)
        if term is None or term.is_inside:
            clean_up()
            return
        try:
            with term.inside():
                clean_up()
            term.failed = term.failed or bool(cls.tearDown_exceptions)
        finally:
            found = _terms.pop(cls).end()
        if found:
            cls.tearDown_exceptions.append(raised(found, term.name))
