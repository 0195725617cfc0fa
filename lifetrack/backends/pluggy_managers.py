"""Plugin managers of pluggy: register and unregister as acquire and release. Needs the extra ``pluggy``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import partial, wraps
from types import FrameType
from typing import Any

from lifetrack.backends.registrations import Registrations, TrackedManager, guarded
from lifetrack.ledger.callers import caller
from lifetrack.values.errors import BackendError, MissingExtraError
from lifetrack.values.settings import shown


def track_pluggy(manager: Any) -> TrackedPlugins:
    """Track the plugins of a ``pluggy.PluginManager``; see :func:`lifetrack.track_plugins`.

    Raises MissingExtraError where pluggy is not installed, BackendError for anything else than a plugin manager.
    """
    try:
        import pluggy
    except ImportError as error:
        raise MissingExtraError("pluggy is not installed: pip install 'lifetrack[pluggy]'") from error
    if not isinstance(manager, pluggy.PluginManager):
        raise BackendError(f"track_pluggy() takes a pluggy.PluginManager, not a {type(manager).__name__}")
    tracked = _tracked.get(manager)
    if tracked is None:
        tracked = _tracked[manager] = TrackedPlugins(manager)
        for name, plugin in manager.list_name_plugin():
            if plugin is not None:  # a blocked name
                tracked.begin(plugin, name, caller(1))
    return tracked


class TrackedPlugins(TrackedManager):
    """A plugin manager of pluggy under tracking."""

    def __init__(self, manager: Any) -> None:
        registrations = Registrations(f"plugin manager '{manager.project_name}'", "unregister")
        self._weak = weakref.ref(manager)
        cls = type(manager)
        put = {
            "register": _register(self._weak, cls.register, registrations),
            "unregister": _unregister(self._weak, cls.unregister, registrations),
        }
        vars(manager).update(put)
        super().__init__(registrations, partial(_let_go, self._weak, put, registrations))

    def begin(self, plugin: object, name: str, frame: FrameType) -> None:
        """Note a plugin that is registered already."""
        self._registrations.begin(plugin, name, frame)

    def plugin_names(self) -> list[str]:
        """Give the names of the plugins that are registered, in order of arrival."""
        manager = self._weak()
        if manager is None:
            return []
        return [name for name, plugin in manager.list_name_plugin() if plugin is not None]

    def unregister(self, name: str) -> None:
        """Take a plugin out of its manager; raises BackendError if there is none of this name."""
        manager = self._weak()
        if manager is None or name not in self.plugin_names():
            known = ", ".join(map(repr, self.plugin_names())) or "none"
            raise BackendError(f"{self._registrations.manager}: unregister() of {shown(name)}; it has {known}")
        manager.unregister(name=name)


def _let_go(weak: Any, put: dict[str, Any], registrations: Registrations) -> None:
    registrations.forget()
    manager = weak()
    if manager is None:
        return
    _tracked.pop(manager, None)
    for name, ours in put.items():
        if vars(manager).get(name) is ours:  # else somebody has replaced it since
            delattr(manager, name)


_tracked: weakref.WeakKeyDictionary[Any, TrackedPlugins] = weakref.WeakKeyDictionary()


def _register(weak: Any, original: Callable[..., Any], registrations: Registrations) -> Callable[..., Any]:
    @wraps(original)
    def register(plugin: Any, name: str | None = None, **kwargs: Any) -> Any:
        result = original(weak(), plugin, name, **kwargs)
        manager = weak()
        given = None if manager is None or plugin is None else manager.get_name(plugin)
        if given is not None:
            registrations.begin(plugin, given, caller(1))
        return result

    return register


def _unregister(weak: Any, original: Callable[..., Any], registrations: Registrations) -> Callable[..., Any]:
    @wraps(original)
    def unregister(plugin: Any = None, name: str | None = None) -> Any:
        manager = weak()
        known = plugin if plugin is not None or name is None else manager.get_plugin(name)
        hooks = list(_hooks(manager, known))
        result = original(manager, plugin=plugin, name=name)
        token = registrations.end(known, caller(1))
        if token is not None:
            for hook in hooks:
                hook.function = guarded(token, hook.function)
        return result

    return unregister


def _hooks(manager: Any, plugin: Any) -> Iterator[Any]:
    """Give the hook implementations of a plugin, which live on wherever somebody keeps a caller of them."""
    for caller_of_hook in (manager.get_hookcallers(plugin) or ()) if plugin is not None else ():
        yield from (each for each in caller_of_hook.get_hookimpls() if each.plugin is plugin)
