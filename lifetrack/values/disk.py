"""What is on disk, asked of the system itself: a test may have put something else in the place of ``os.stat``."""

from __future__ import annotations

import os
from importlib import import_module
from stat import S_ISREG
from typing import Any

#: From where ``os`` has it, so that it is the real one whenever this is loaded.
stat: Any = import_module(os.name).stat


def is_file(path: str) -> bool:
    """Ask as ``os.path.isfile()`` does."""
    try:
        return S_ISREG(stat(path).st_mode)
    except (OSError, ValueError):
        return False


def size(path: str) -> int | None:
    """Give the size of a file in bytes; None where there is none."""
    try:
        found: int = stat(path).st_size
    except (OSError, ValueError):
        return None
    return found
