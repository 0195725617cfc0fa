"""Extension managers of stevedore: loaded extensions as resources of the manager. Needs the extra ``stevedore``."""

from __future__ import annotations

import weakref
from functools import partial
from importlib import import_module
from typing import Any

from lifetrack.backends.registrations import Registrations, TrackedManager
from lifetrack.backends.releasing import release
from lifetrack.backends.tracking import adopt_object, declare_class
from lifetrack.ledger.callers import caller
from lifetrack.values.errors import BackendError, MissingExtraError
from lifetrack.values.settings import shown


def track_stevedore(manager: Any) -> TrackedExtensions:
    """Track the extensions of a stevedore manager; see :func:`lifetrack.track_plugins`.

    Raises MissingExtraError where stevedore is not installed, BackendError for anything else than a manager.
    """
    try:
        kind: Any = import_module("stevedore.extension").ExtensionManager
    except ImportError as error:
        raise MissingExtraError("stevedore is not installed: pip install 'lifetrack[stevedore]'") from error
    if not isinstance(manager, kind):
        raise BackendError(f"track_stevedore() takes a stevedore manager, not a {type(manager).__name__}")
    tracked = _tracked.get(manager)
    if tracked is None:
        tracked = _tracked[manager] = TrackedExtensions(manager)
        for extension in manager.extensions:
            tracked.begin(extension)
    return tracked


def _plugin(extension: Any) -> Any:
    return extension.plugin if extension.obj is None else extension.obj


class TrackedExtensions(TrackedManager):
    """A stevedore manager under tracking, and what stevedore has no word for: the end of an extension."""

    def __init__(self, manager: Any) -> None:
        self._weak = weakref.ref(manager)
        registrations = Registrations(f"extension manager '{manager.namespace}'", "unregister", "extension ")
        super().__init__(registrations, partial(_let_go, self._weak, registrations))

    def begin(self, extension: Any) -> None:
        """Note an extension that is loaded; its object is tracked as a resource where it has a release method."""
        if extension.obj is not None:
            declare_class(type(extension.obj), None)
            adopt_object(extension.obj, extension.name)
        self._registrations.begin(_plugin(extension), extension.name, caller(2))

    def plugin_names(self) -> list[str]:
        """Give the names of the extensions, in order of loading."""
        manager = self._weak()
        return [] if manager is None else [each.name for each in manager.extensions]

    def unregister(self, name: str) -> None:
        """Take an extension out of the manager and release its object; what that raises comes out, afterwards.

        Raises BackendError if there is none of this name.
        """
        manager: Any = self._weak()
        found = [] if manager is None else [each for each in manager.extensions if each.name == name]
        if not found:
            known = ", ".join(map(repr, self.plugin_names())) or "none"
            raise BackendError(f"{self._registrations.manager}: unregister() of {shown(name)}; it has {known}")
        extension = found[-1]
        manager.extensions = [each for each in manager.extensions if each is not extension]
        manager._extensions_by_name_cache = None
        self._registrations.end(_plugin(extension), caller(1))
        if extension.obj is not None:
            release(extension.obj, None)


def _let_go(weak: Any, registrations: Registrations) -> None:
    registrations.forget()
    manager = weak()
    if manager is not None:
        _tracked.pop(manager, None)


_tracked: weakref.WeakKeyDictionary[Any, TrackedExtensions] = weakref.WeakKeyDictionary()
