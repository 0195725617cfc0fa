"""The descriptor of an object, without running what a subclass may have overridden."""

from __future__ import annotations

import io
import sys
from typing import Any


def number_of(obj: object) -> int | None:
    """Give the descriptor of a file or socket of the interpreter's own; None of a closed file, or of something else."""
    sockets: Any = getattr(sys.modules.get("_socket"), "socket", ())
    try:
        if issubclass(type(obj), io.FileIO):
            return io.FileIO.fileno(obj)  # type: ignore[arg-type]
        return int(sockets.fileno(obj)) if sockets and issubclass(type(obj), sockets) else None
    except ValueError:  # closed
        return None
