"""Files made of sockets: ``socket.close()`` leaves the descriptor open until the last of them is closed.

A file or response that is dropped then closes the socket's descriptor, by luck: that is a leak of the socket.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, Protocol

from lifetrack.guards.patches import Patches


class Watched(Protocol):
    """The watched class of sockets."""

    def lost(self, obj: object) -> None:
        """Tell that a socket is given back by a finalizer."""


class Finalizer:
    """Stands for a finalizer written in C, which is called from the frame of whoever drops the object, as before.

    Looking it up is what tells of the end; a function in its place would stand in every warning.
    """

    def __init__(self, notice: Callable[[Any], None], original: Any) -> None:
        self._notice = notice
        self._original = original

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        if obj is None:
            return self._original
        self._notice(obj)
        return self._original.__get__(obj, owner)


def watch_files(watched: Watched, patches: Patches) -> None:
    """Notice when a dropped file closes the descriptor of a socket that was closed before."""
    files = getattr(sys.modules["socket"], "SocketIO", None)
    if files is None:
        return

    def notice(raw: Any) -> None:
        sock: Any = getattr(raw, "_sock", None)
        # It may be something else that a library has put there, and that passes on to the socket what it is told.
        if issubclass(type(sock), sys.modules["_socket"].socket) and sock._closed and sock._io_refs <= 1:
            watched.lost(sock)

    def _dealloc_warn(self: Any, _: object) -> None:
        """Hear from the buffer above that it was dropped."""
        notice(self)

    patches.put(files, "_dealloc_warn", _dealloc_warn)
    patches.put(files, "__del__", Finalizer(notice, io.RawIOBase.__del__))
