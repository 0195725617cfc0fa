"""What is exercised: how objects are made, used and released, and what lifetrack has found about them."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from lifetrack.guards.release_names import recognise, release_names
from lifetrack.guards.shapes import resolve
from lifetrack.guards.tombstones import ASKED
from lifetrack.ledger.entries import STATE, UNOPENED
from lifetrack.tracker import Tracker, default_tracker
from lifetrack.values.declarations import CONTEXT_RELEASES, STRONG_RELEASES, WEAK_RELEASES, Declaration
from lifetrack.values.errors import ConfigurationError, LifetrackError
from lifetrack.values.findings import Finding

#: Why what the exercise leaves open is no leak of the test that exercises.
REASON = "left open on purpose, by lifetrack.testing"
_RELEASES = {*STRONG_RELEASES, *WEAK_RELEASES, *CONTEXT_RELEASES}


class Subject:
    """One factory with all that was said about it."""

    def __init__(
        self,
        factory: Callable[[], Any],
        release: str | None,
        use: Callable[[Any], object] | None,
        child: Callable[[Any], object] | None,
        failing: Callable[[], object] | None,
    ) -> None:
        self._factory = factory
        self._release = release
        self._use = use
        self._child = child
        self.failing = failing
        self.tracker: Tracker = default_tracker()
        self._open: list[Any] = []
        self.name = getattr(factory, "__qualname__", type(factory).__qualname__)

    def is_async(self) -> bool:
        """Whether any part needs an event loop; one object is made, looked at and released to know."""
        given = (self._factory, self._use, self._child, self.failing)
        if any(inspect.iscoroutinefunction(function) for function in given):
            return True
        with self.tracker.allow(REASON):
            made = self._factory()
            if inspect.isawaitable(made):
                getattr(made, "close", lambda: None)()
                return True
            obj = self._tracked(made)
            if self.is_released_by_coroutine(obj):
                return True
            with suppress(Exception):  # what is wrong with its release is for the expectations to tell
                self._call_release(obj)
        return False

    # -- objects -------------------------------------------------------------------------------------------------

    async def make(self) -> Any:
        """Make an object; it is released at the end of the case if the case does not do it."""
        obj = self._tracked(await settled(self._factory()))
        self._open.append(obj)
        return obj

    async def make_and_forget(self) -> None:
        """Make an object and keep nothing of it."""
        self._tracked(await settled(self._factory()))

    def _tracked(self, obj: Any) -> Any:
        declared = self.declaration(obj)
        if declared is None:
            return self.tracker.track(obj, self._release)
        if self._is_unopened(obj):
            raise ConfigurationError(
                f"the factory {self.name} gives a {obj.__class__.__qualname__} that is not acquired: "
                f"call {declared.acquire}() in the factory, and hand over what is acquired"
            )
        return obj

    def _is_unopened(self, obj: Any) -> bool:
        entry = None if self.tracker.ledger is None else self.tracker.ledger.entries.get(id(obj))
        return entry is not None and entry[STATE] == UNOPENED

    def declaration(self, obj: Any) -> Declaration | None:
        """Give the declaration of the object's class; None for one that is tracked as a single object."""
        return self.tracker.declaration_of(obj.__class__)

    def rules(self, obj: Any) -> Declaration:
        """Give what holds for the object, declared or not."""
        return self.declaration(obj) or Declaration(self.releases(obj))

    def releases(self, obj: Any) -> tuple[str, ...]:
        """Give the release methods, the one that is called first."""
        declared = self.declaration(obj)
        if declared is not None:
            return declared.release
        if self._release is not None:
            return (self._release,)
        return recognise(obj.__class__) or release_names(obj)

    async def release(self, obj: Any) -> None:
        """Release an object by its first release method."""
        self._open = [other for other in self._open if other is not obj]
        await settled(self._call_release(obj))

    def _call_release(self, obj: Any) -> Any:
        name = self.releases(obj)[0]
        method = getattr(obj, name)
        return method(None, None, None) if name in CONTEXT_RELEASES else method()

    def release_here(self, obj: Any) -> None:
        """Release an object in this thread, where that needs no event loop."""
        self._call_release(obj)

    def is_released_by_coroutine(self, obj: Any) -> bool:
        """Whether the release has to be awaited."""
        return inspect.iscoroutinefunction(resolve(obj.__class__, self.releases(obj)[0]))

    async def tidy(self) -> None:
        """Release what a case has left open; what cannot be released any more is left."""
        for obj in reversed(self._open):
            try:
                await settled(self._call_release(obj))
            except Exception:  # noqa: S112 - the case has told what is wrong with it
                continue
        self._open.clear()

    # -- uses ----------------------------------------------------------------------------------------------------

    async def use(self, obj: Any) -> bool:
        """Use an object as its user said; give whether there is such a use."""
        if self._use is None:
            return False
        await settled(self._used(obj))
        return True

    def _used(self, obj: Any) -> Any:
        """Use an object; a method of its class is called as its own, by which guards are passed."""
        name = getattr(self._use, "__name__", "")
        if getattr(obj.__class__, name, None) is self._use:
            return getattr(obj, name)()
        return None if self._use is None else self._use(obj)

    def uses(self, obj: Any) -> dict[str, Callable[[], Any]]:
        """Give the uses that must be refused after the release, by name: the one given, else all public methods."""
        if self._use is not None:
            return {"use": lambda: self._used(obj)}
        left_out = {self.rules(obj).acquire, *self.rules(obj).after_release, *self.releases(obj), *ASKED, *_RELEASES}
        names = [name for name in dir(obj.__class__) if not name.startswith("_") and name not in left_out]
        functions = [name for name in names if inspect.isfunction(inspect.getattr_static(obj.__class__, name))]
        return {name: lambda name=name: getattr(obj, name)() for name in functions}  # type: ignore[misc]

    async def make_child(self, parent: Any) -> Any | None:
        """Make something that depends on an object; None where nobody has said how."""
        if self._child is not None:
            return await settled(self._child(parent))
        names = self.rules(parent).children
        if not names:
            return None
        try:
            return await settled(getattr(parent, names[0])())
        except TypeError:  # it needs arguments
            return None

    async def release_child(self, child: Any) -> None:
        """Release a child by the method of its own."""
        names = release_names(child)
        await settled(getattr(child, names[0])())

    # -- findings ------------------------------------------------------------------------------------------------

    async def leaks_of(self, steps: Callable[[], Awaitable[None]]) -> list[Finding]:
        """Give what is dropped or open after some steps; none of it is held against the test that exercises."""
        scope = self.tracker.scope("protocol")
        async with scope:
            with self.tracker.allow(REASON):
                await steps()
            return self.tracker.find_leaks(scope=scope)


async def settled(value: Any) -> Any:
    """Await what has to be awaited."""
    return await value if inspect.isawaitable(value) else value


async def refusal(action: Callable[[], Any]) -> LifetrackError | None:
    """Give the error of ours with which something is refused; None where it is not. Others' errors come through."""
    try:
        await settled(action())
    except LifetrackError as error:
        return error
    return None
