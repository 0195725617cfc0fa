"""Holders: who still refers to a plugin that was unregistered, in words."""

from __future__ import annotations

import gc
import sys
from types import FrameType, MethodType, ModuleType
from typing import Any

from lifetrack.ledger.entries import type_name

#: How far to go from the plugin towards something that has a name, and how many holders to tell.
_STEPS, _HOLDERS = 6, 8
Path = tuple[str, ...]


def _module_names() -> dict[int, str]:
    modules: dict[str, Any] = dict(sys.modules)  # whatever a program has put there
    return {id(vars(module)): name for name, module in modules.items() if isinstance(module, ModuleType)}


def _step(holder: Any, held: Any) -> str:
    """Tell how one object holds another; keys are told where they are names."""
    if isinstance(holder, dict):
        key = next((key for key, value in holder.items() if value is held), None)
        return f"['{key}']" if isinstance(key, str) else "(dict)"
    if isinstance(holder, MethodType):
        return f"(method {holder.__func__.__name__})"
    return f"({type_name(type(holder))})"


def _ends(holder: Any, modules: dict[int, str]) -> str | None:
    """Tell what a path ends with: a module, or an object that has the attribute; None to go on."""
    if isinstance(holder, dict):
        name = modules.get(id(holder))
        return None if name is None else f"{name} (module)"
    if isinstance(holder, FrameType):
        return f"{holder.f_code.co_qualname}() (running function)"
    return None if isinstance(holder, tuple | list | set | frozenset | MethodType) else type_name(type(holder))


def _attribute(holder: Any, held: Any) -> Path:
    """Tell under which name the end of a path has what it holds, where it has names."""
    names = holder
    if not isinstance(holder, dict):
        try:
            names = object.__getattribute__(holder, "__dict__")
        except AttributeError:
            return ()
    if not isinstance(names, dict) or not any(value is held for value in names.values()):
        return ()
    return (_step(names, held),)


class _Walk:
    """A walk from an object along who refers to it. Its own parts refer to what it has met, and are left out."""

    def __init__(self, target: object) -> None:
        self._modules = _module_names()
        self._skipped = {id(self.__dict__), id(getattr(target, "__dict__", None))}
        self._parts: list[Any] = []
        self._skipped.add(id(self._parts))
        self.found: list[Path] = []
        self._waiting: list[tuple[Any, Path]] = []
        self._later(target, ())

    def _skip(self, part: Any) -> Any:
        """Leave out a part of the walk; it is kept, so that nothing else gets its address."""
        self._parts.append(part)
        self._skipped.add(id(part))
        return part

    def _later(self, holder: Any, path: Path) -> None:
        self._waiting.append(self._skip((holder, path)))

    def step(self) -> bool:
        """Go one step further from everything met so far; False if there is nothing more."""
        before: list[tuple[Any, Path]] = self._skip(self._waiting)
        self._waiting = self._skip([])
        for held, path in before:
            for holder in self._skip(gc.get_referrers(held)):
                if id(holder) not in self._skipped and not _is_ours(holder):
                    self._skipped.add(id(holder))
                    self._meet(holder, held, path)
        return bool(self._waiting)

    def _meet(self, holder: Any, held: Any, path: Path) -> None:
        end = _ends(holder, self._modules)
        if end is None:
            self._later(holder, (_step(holder, held), *path))
        else:
            self.found.append((end, *_attribute(holder, held), *path))


def _is_ours(holder: Any) -> bool:
    return isinstance(holder, FrameType) and str(holder.f_globals.get("__name__")).startswith("lifetrack.")


def paths_to(target: object) -> list[Path]:
    """Give the paths of references that hold an object, each from the holder down.

    Nothing of the program runs, and nothing is kept. The object's own attributes are no holders.
    """
    walk = _Walk(target)
    for _ in range(_STEPS):
        if not walk.step() or len(walk.found) >= _HOLDERS:
            break
    return walk.found[:_HOLDERS]
