"""Holders: who still refers to a plugin that was unregistered, in words."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
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


def paths_to(target: object, ignored: tuple[object, ...] = ()) -> list[Path]:
    """Give the paths of references that hold an object, each from the holder down, without the caller's own.

    Nothing of the program runs, and nothing is kept. Objects of the plugin itself are no holders.
    """
    own = getattr(target, "__dict__", None)
    modules = _module_names()
    skipped = {id(own), *map(id, ignored)}
    found: list[Path] = []
    waiting: list[tuple[Any, Path]] = [(target, ())]
    skipped |= {id(waiting), id(found)}
    for _ in range(_STEPS):
        waiting, before = [], waiting
        skipped |= {id(waiting), id(before)}
        for held, path in before:
            for holder in _referrers(held, skipped):
                skipped.add(id(holder))
                end = _ends(holder, modules)
                if end is None:
                    waiting.append((holder, (_step(holder, held), *path)))
                else:
                    found.append((end, *([_step(holder, held)] if isinstance(holder, dict) else []), *path))
        if not waiting or len(found) >= _HOLDERS:
            break
    return found[:_HOLDERS]


def _referrers(held: object, skipped: set[int]) -> Iterator[Any]:
    referrers = gc.get_referrers(held)
    skipped.add(id(referrers))
    for holder in referrers:
        mine = isinstance(holder, FrameType) and holder.f_globals.get("__name__", "").startswith("lifetrack.")
        if id(holder) in skipped or mine or (type(holder) is tuple and len(holder) == 2 and holder[1] == ()):
            continue
        yield holder
