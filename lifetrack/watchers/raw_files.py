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


_BUFFERED: Any = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)


def raw_below(source: Any) -> Any:
    """Give the raw file below any file object, also of a subclass; None where there is none."""
    if isinstance(source, io.TextIOWrapper):
        source = _part(source, io.TextIOWrapper.buffer)
    for cls in _BUFFERED:
        if isinstance(source, cls):
            return _part(source, cls.raw)
    if isinstance(source, io.FileIO) or source is None:
        return source
    buffer = getattr(source, "buffer", source)  # one that is written in Python, as those of _pyio
    return getattr(buffer, "raw", None)


def _part(obj: Any, member: Any) -> Any:
    try:
        return member.__get__(obj)
    except (AttributeError, ValueError):  # detached
        return None
