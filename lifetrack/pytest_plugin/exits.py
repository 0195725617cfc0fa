"""Exit hooks: what one of them will release is the process's, not the test's that happened to acquire it."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest

from lifetrack.guards.patches import Patches


class ExitHooks:
    """Notes the hooks that are registered from its start to its stop, with their arguments.

    The interpreter tells nobody of these; of hooks that were registered before it is known which functions they are.
    """

    def __init__(self) -> None:
        self._hooks: list[partial[Any]] = []
        self._patches = Patches()
        self._is_on = False

    def start(self) -> None:
        """Begin to take note; does nothing the second time."""
        if self._is_on:
            return
        self._is_on = True
        self._patches.put(atexit, "register", self._register(atexit.register))
        self._patches.put(atexit, "unregister", self._unregister(atexit.unregister))

    def stop(self) -> None:
        """Put everything back, and forget the hooks."""
        self._is_on = False
        self._patches.undo()
        self._hooks.clear()

    def _register(self, register: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(register)
        def noting(function: Any, /, *args: Any, **kwargs: Any) -> Any:
            result = register(function, *args, **kwargs)
            self._hooks.append(partial(function, *args, **kwargs))
            return result

        return noting

    def _unregister(self, unregister: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(unregister)
        def noting(function: Any, /) -> Any:
            result = unregister(function)
            self._hooks[:] = [hook for hook in self._hooks if hook.func != function]
            return result

        return noting

    def held(self) -> list[object]:
        """Give what the hooks can be about, and the finalizers of libraries that run at exit at the latest."""
        from lifetrack.pytest_plugin.cleanups import held_by_cleanup

        hooks = (*self._earlier(), *self._hooks, *_finalizers())
        return [value for hook in hooks for value in held_by_cleanup(hook)]

    def _earlier(self) -> list[Any]:
        """Give what plugins and all that they import had registered before."""
        from lifetrack.holders.roots import programs_exit_functions

        noted = {id(hook.func) for hook in self._hooks}
        return [each for each in programs_exit_functions() if id(each) not in noted]


_EXITS = pytest.StashKey[ExitHooks]()


def exit_hooks_of(config: pytest.Config) -> ExitHooks:
    """Give those of a run: what conftest.py and all that it imports have registered is among them."""
    return config.stash.setdefault(_EXITS, ExitHooks())


def _finalizers() -> list[partial[Any]]:
    """Give what every living ``weakref.finalize`` will call, such as that of a pool which closes its connections."""
    known = [each.peek() for each in list(getattr(weakref.finalize, "_registry", ())) if each.atexit]
    return [partial(function, *args, **(kwargs or {})) for _, function, args, kwargs in filter(None, known)]
