"""Plugin managers of other libraries: one line puts an existing one under tracking."""

from __future__ import annotations

from typing import Any

from lifetrack.backends.registrations import TrackedManager
from lifetrack.values.errors import BackendError


def track_plugins(manager: Any) -> TrackedManager:
    """Track the plugins of a ``pluggy.PluginManager`` or of a stevedore manager, from register to unregister.

    A call of an unregistered plugin through a hook that somebody kept is LT201; a plugin registered in a scope and not
    unregistered when that ends is LT103. The result finds plugins that are still held (``find_held()``), ends them
    (``unregister(name)``, ``cleanup()``, which stevedore has no words for), and is the undo.

    Raises BackendError for any other object, MissingExtraError where the library is not installed.
    """
    roots = {base.__module__.partition(".")[0] for base in type(manager).__mro__}
    if "pluggy" in roots:
        from lifetrack.backends.pluggy_managers import track_pluggy

        return track_pluggy(manager)
    if "stevedore" in roots:
        from lifetrack.backends.stevedore_managers import track_stevedore

        return track_stevedore(manager)
    raise BackendError(
        f"track_plugins() takes a pluggy.PluginManager or a stevedore manager, not a {type(manager).__name__}"
    )
