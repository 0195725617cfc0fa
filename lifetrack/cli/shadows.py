"""A program's own modules that bear the name of one which lifetrack has loaded already.

``queue.py`` beside a script is what its ``import queue`` means, though the standard library's is loaded by then. So
what lifetrack loaded gives way to it, and is put back while lifetrack reports; what it loads only then is the standard
library's, too, and found where it was when the program began.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_PACKAGE = "lifetrack"
_BEFORE_ANY_PATH = ("built-in", "frozen")
_held: dict[str, ModuleType] = {}
_folders: list[str] = []
#: Names of modules of the standard library that mean others to the program.
_namesakes: set[str] = set()
#: Where modules were found before the program began, which may change that.
_path = list(sys.path)


def give_way(folder: str) -> None:
    """Unload what was loaded since lifetrack's first module and has a namesake in ``folder``, the program's own."""
    _folders.append(folder)
    namesakes = _importable_from(folder)
    loaded = list(sys.modules)
    # Modules stand in the order of their loading; what the interpreter itself had loaded stays, as without us.
    since = loaded.index(_PACKAGE) if _PACKAGE in loaded else 0
    namesakes.difference_update(loaded[:since])
    namesakes = {top for top in namesakes if not _beats_the_path(top)}
    _namesakes.update(namesakes & sys.stdlib_module_names)
    for name in loaded[since:]:
        if name.partition(".")[0] in namesakes:
            _held[name] = sys.modules[name]
    for name in _held:
        sys.modules.pop(name, None)


@contextmanager
def own_modules() -> Iterator[None]:
    """Have lifetrack's modules back for the time of the block, and the program's folder out of the way."""
    theirs = _take_out()
    path = sys.path
    sys.modules.update(_held)
    sys.path = [entry for entry in _path if entry not in _folders]
    try:
        yield
    finally:
        sys.path = path
        _held.update(_take_out())
        sys.modules.update(theirs)


def _take_out() -> dict[str, ModuleType]:
    """Take out the modules of which there may be two, the program's or our own, whichever are there."""
    found = [name for name in list(sys.modules) if name in _held or name.partition(".")[0] in _namesakes]
    return {name: module for name in found if (module := sys.modules.pop(name, None)) is not None}


def _importable_from(folder: str) -> set[str]:
    try:
        entries = os.listdir(folder or os.curdir)
    except OSError:
        return set()
    names = set()
    for entry in entries:
        stem = next((entry[: -len(end)] for end in importlib.machinery.all_suffixes() if entry.endswith(end)), None)
        if stem is not None:
            names.add(stem)
        elif os.path.isfile(os.path.join(folder, entry, "__init__.py")):
            names.add(entry)
    return names - {_PACKAGE, "__main__"}


def _beats_the_path(name: str) -> bool:
    module = sys.modules.get(name)
    return getattr(getattr(module, "__spec__", None), "origin", None) in _BEFORE_ANY_PATH
