"""The raw file below a file object: it is what an open file is recorded by."""

from __future__ import annotations

import io
from operator import attrgetter
from typing import Any

_of_buffer: Any = attrgetter("raw")
#: How to reach the raw file, by the type of what ``open`` returns.
RAW_OF: dict[type, Any] = {
    io.TextIOWrapper: attrgetter("buffer.raw"),
    io.BufferedReader: _of_buffer,
    io.BufferedWriter: _of_buffer,
    io.BufferedRandom: _of_buffer,
}


def recorded_as(obj: object) -> object:
    """Give the object under whose address a resource is recorded: the object itself, or the raw file of a file."""
    reach = RAW_OF.get(type(obj))
    if reach is None:
        return obj
    try:
        return reach(obj)
    except (AttributeError, ValueError):  # detached
        return obj
