"""The pytest plugin: ``pytest --lifetrack``.

PYTEST_DONT_REWRITE: there are no assertions here, and pytest would warn where somebody has imported it already.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

# Past pytest's rewriting of assertions: to ask it takes longer than all that is imported here.
sys.meta_path.insert(0, PathFinder)
try:
    from lifetrack.pytest_plugin.registration import (
        lifetrack,
        pytest_addoption,
        pytest_configure,
        pytest_load_initial_conftests,
    )
finally:
    sys.meta_path.remove(PathFinder)

__all__ = ["lifetrack", "pytest_addoption", "pytest_configure", "pytest_load_initial_conftests"]


def __dir__() -> list[str]:
    """Give what pytest looks for in a plugin, as it looks at each name twice: this is in its way at every start."""
    return __all__
