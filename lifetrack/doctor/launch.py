"""How child processes are started: by this Python, with this lifetrack, and without settings from the environment."""

from __future__ import annotations

import os
import sys

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def command(program: str, *arguments: str) -> list[str]:
    """Give the command that runs a program in this lifetrack, wherever the child would find another one."""
    optimise = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    start = f"import sys; sys.path.insert(0, {_ROOT!r}); {program}"
    return [sys.executable, *optimise, "-c", start, *arguments]


def environment() -> dict[str, str]:
    """Give the environment for children: this one, without settings of lifetrack's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LIFETRACK")}
