"""Waiting for a module to be imported: watching imports nothing, and leaves nothing behind in the import system."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any


class _Finder:
    """Stands first among the finders while a module is waited for; finds nothing itself."""

    def __init__(self) -> None:
        self.wanted: dict[str, list[Callable[[], None]]] = {}

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        """Ask the other finders, and be told when the module that they found has run."""
        if name not in self.wanted:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                self._listen(name, spec.loader)
                return spec
        return None

    def _listen(self, name: str, loader: Any) -> None:
        """Shadow ``exec_module`` on this one loader until it has run once."""
        run = getattr(loader, "exec_module", None)
        if run is None or not hasattr(loader, "__dict__") or isinstance(loader, type):
            return

        def exec_module(module: ModuleType) -> None:
            loader.__dict__.pop("exec_module", None)
            run(module)
            for callback in self.wanted.pop(name, ()):
                callback()
            _tidy()

        loader.exec_module = exec_module


_finder: Any = _Finder()


def _tidy() -> None:
    if not _finder.wanted and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def is_loaded(name: str) -> bool:
    """Whether a module has been imported completely."""
    module = sys.modules.get(name)
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def when_imported(name: str, callback: Callable[[], None]) -> None:
    """Call ``callback`` when the module has been imported: now, if it is there already."""
    if is_loaded(name):
        callback()
        return
    _finder.wanted.setdefault(name, []).append(callback)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def forget(name: str, callback: Callable[[], None]) -> None:
    """Wait for a module no more."""
    callbacks = _finder.wanted.get(name, [])
    if callback in callbacks:
        callbacks.remove(callback)
    if not callbacks:
        _finder.wanted.pop(name, None)
    _tidy()
