"""The garbage collector does not run while lifetrack starts: there is no garbage yet, and it would look for some."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Switch the collector off for the block if it is on, and count what was made in it as looked at already."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:  # nobody else's are thawed
            gc.freeze()
            gc.unfreeze()
        gc.enable()
