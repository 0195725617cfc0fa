"""Bad usage: one clear line on standard error, exit status 2."""

from __future__ import annotations

import sys

BAD_USAGE = 2


def complain(message: str) -> None:
    """Say what is wrong in one line, if there is a standard error to say it on."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(f"lifetrack: error: {' '.join(message.split())}\n")
            sys.stderr.flush()
    except (OSError, ValueError):
        pass
