"""Bad usage: one clear line on standard error, exit status 2."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

BAD_USAGE = 2


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def __init__(self, prog: str, description: str, usage: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            usage=usage,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Complain and leave; raise SystemExit with status 2."""
        complain(f"{message} (see '{self.prog} --help')")
        raise SystemExit(BAD_USAGE)


def complain(message: str) -> None:
    """Say what is wrong in one line, if there is a standard error to say it on."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(f"lifetrack: error: {' '.join(message.split())}\n")
            sys.stderr.flush()
    except (OSError, ValueError):
        pass
