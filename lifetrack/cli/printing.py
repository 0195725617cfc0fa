"""Writing to standard output, which somebody may have closed."""

from __future__ import annotations

import sys


def print_text(text: str) -> bool:
    """Write to standard output; tell whether somebody was there to read it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return False
    return True


def print_document(text: str) -> bool:
    """Write to standard output in UTF-8, whatever its encoding is; tell whether somebody was there to read it."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        return print_text(text)
    try:
        sys.stdout.flush()
        binary.write(text.encode("utf-8", "backslashreplace"))
        binary.flush()
    except (OSError, ValueError):
        return False
    return True
