"""The parser of options. It takes long to load, so that ``lifetrack run`` does without where it can."""

from __future__ import annotations

import argparse
from typing import NoReturn

from lifetrack.cli.bad_usage import BAD_USAGE, complain


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
