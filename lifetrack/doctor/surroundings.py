"""Where lifetrack runs: the Python, the optional extras, and what is off unless somebody asks for it."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

#: Each extra that adds something, the package that it brings, and what is off without it.
EXTRAS: tuple[tuple[str, str, str], ...] = (
    ("os", "psutil", "the operating system as witness"),
    ("rich", "rich", "colour in reports"),
    ("pytest", "pytest", "the pytest plugin"),
    ("pluggy", "pluggy", "tracking of pluggy's managers"),
    ("stevedore", "stevedore", "tracking of stevedore's managers"),
)
#: What is off unless it is asked for.
OFF = (
    "locks (--watch stdlib,locks)",
    "the operating system as witness (--witness)",
    "child processes (--children)",
)


def python() -> str:
    """Name this Python."""
    flags = " -" + "O" * sys.flags.optimize if sys.flags.optimize else ""
    return (
        f"{platform.python_implementation()} {platform.python_version()}{flags} on {sys.platform} {platform.machine()}"
    )


def installed(package: str) -> str | None:
    """Give the version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def extras() -> tuple[list[str], list[str]]:
    """Give the extras that are there with their versions, and those that are not with what is off for it."""
    here = [f"{package} {found}" for _, package, _ in EXTRAS if (found := installed(package)) is not None]
    missing = [
        f"{package}: {what} (install lifetrack[{extra}])"
        for extra, package, what in EXTRAS
        if installed(package) is None
    ]
    return here, missing


def settings() -> list[str]:
    """Give the settings of the environment that lifetrack would follow, which are left out of the examination."""
    return sorted(f"{name}={value}" for name, value in os.environ.items() if name == "LIFETRACK")
