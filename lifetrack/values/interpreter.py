"""What a report says of the interpreter and the time, without the modules that take long to load."""

from __future__ import annotations

import sys
import time


def now() -> str:
    """Give the time in UTC, in the form of ISO 8601 to the millisecond: ``2026-01-31T12:00:00.000+00:00``."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 1_000_000:03d}+00:00"


def python_version() -> str:
    """Give the version of the interpreter, such as ``3.13.1`` or ``3.15.0a2``."""
    return sys.version.split(maxsplit=1)[0]
