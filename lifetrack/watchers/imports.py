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
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                if isinstance(spec.loader, type):
                    spec.loader = _OfAllItsKind(spec.loader, lambda module: self._has_run(name, module, None))
                else:
                    self.listen(name, spec.loader)
                return spec
        return None

    def listen(self, name: str, loader: Any) -> None:
        """Shadow ``exec_module`` on this one loader until it has run this module; it may load others too."""
        attributes = getattr(loader, "__dict__", None)
        run = getattr(loader, "exec_module", None)
        if run is None or type(attributes) is not dict:
            return
        before = attributes.get("exec_module", _NOTHING)

        def exec_module(module: ModuleType) -> None:
            if _spec(module, "name") == name and attributes.get("exec_module") is exec_module:
                if before is _NOTHING:
                    del attributes["exec_module"]
                else:
                    attributes["exec_module"] = before
            run(module)
            if _spec(module, "name") == name:
                self._has_run(name, module, loader)

        attributes["exec_module"] = exec_module

    def _has_run(self, name: str, module: ModuleType, loader: Any) -> None:
        # A lazy module runs when somebody asks it for something, by the loader that it has now; it may look lazy until
        # that has returned.
        if is_lazy(module) and _spec(module, "loader") is not loader:
            self.listen(name, _spec(module, "loader"))
            return
        while name in self.wanted:  # one of them may wait for the same module, as long as that is not complete
            for callback in self.wanted.pop(name):
                callback()
        _tidy()


class _OfAllItsKind:
    """Stands for a loader that is a class, as of modules built into the interpreter, until it has run one module."""

    def __init__(self, loader: Any, has_run: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._has_run = has_run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        """Run it by the loader itself, which is the module's from then on."""
        spec: Any = module.__spec__
        for owner, name in ((spec, "loader"), (module, "__loader__")):
            if getattr(owner, name, None) is self:
                setattr(owner, name, self._loader)
        self._loader.exec_module(module)
        self._has_run(module)


_NOTHING: Any = object()


def is_lazy(module: object) -> bool:
    """Whether a module was imported by ``importlib.util.LazyLoader`` and has not run yet; asking it would run it."""
    cls = type(module)
    return cls.__module__ == "importlib.util" and cls.__name__ == "_LazyModule"


def _spec(module: ModuleType, name: str) -> Any:
    """Give what the module's spec says, without asking a lazy module for anything."""
    return getattr(object.__getattribute__(module, "__dict__").get("__spec__"), name, None)


_finder: Any = _Finder()


def _tidy() -> None:
    if not _finder.wanted and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def is_loaded(name: str) -> bool:
    """Whether a module has been imported completely, and has run."""
    module: Any = sys.modules.get(name)
    if module is None or is_lazy(module):
        return False
    return not getattr(getattr(module, "__spec__", None), "_initializing", False)


def when_imported(name: str, callback: Callable[[], None]) -> None:
    """Call ``callback`` when the module has been imported: now, if it is there already."""
    if is_loaded(name):
        callback()
        return
    waiting = name in _finder.wanted
    _finder.wanted.setdefault(name, []).append(callback)
    module: Any = sys.modules.get(name)
    if not waiting and module is not None and is_lazy(module):
        _finder.listen(name, _spec(module, "loader"))
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
