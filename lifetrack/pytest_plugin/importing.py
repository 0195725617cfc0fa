"""Our own modules are imported past pytest's rewriting of assertions, which takes longer than the import itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pytest

_OURS = __name__.partition(".")[0] + "."


class _Finder:
    """Finds modules of this package as they would be found without pytest; there are no assertions in them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of ours; leave all others to those who come next."""
        return PathFinder.find_spec(name, path, target) if name.startswith(_OURS) else None


def import_past_rewriting(config: pytest.Config) -> None:
    """Do so until the end of this run, unless it is done already."""
    if any(type(each) is _Finder for each in sys.meta_path):
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    config.add_cleanup(lambda: sys.meta_path.remove(finder) if finder in sys.meta_path else None)
