"""The process's standard error, written to without a buffer: nothing of ours is left for the interpreter to flush."""

from __future__ import annotations

import io
import os
import sys
import time

_DESCRIPTOR = 2
_RETRY_SECONDS = 0.01
_RETRIES = 500


class StandardError(io.TextIOBase):
    """A text stream onto descriptor 2.

    The program may have put anything into ``sys.stderr``; a report belongs to the process's own. When nobody is at the
    other end, or there is none, what is written is dropped: there is nobody to tell.
    """

    def __init__(self) -> None:
        super().__init__()
        original = sys.__stderr__
        self._usable = original is not None
        self._encoding = (original.encoding if original is not None else None) or "utf-8"

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the interpreter's own standard error."""
        return self._encoding

    def writable(self) -> bool:
        """Whether there is a standard error, as far as is known."""
        original = sys.__stderr__
        return self._usable and original is not None and not original.closed

    def fileno(self) -> int:
        """The descriptor."""
        return _DESCRIPTOR

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.writable() and os.isatty(_DESCRIPTOR)

    def write(self, text: str) -> int:
        """Write all of ``text`` at once."""
        data = memoryview(text.encode(self._encoding, "backslashreplace"))
        retries = _RETRIES
        while data and retries and self.writable():
            try:
                data = data[os.write(_DESCRIPTOR, data) :]
            except BlockingIOError:  # somebody made it non-blocking: give the reader some time
                retries -= 1
                time.sleep(_RETRY_SECONDS)
            except OSError:
                self._usable = False
        return len(text)
