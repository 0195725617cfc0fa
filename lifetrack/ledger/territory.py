"""Whose code is it? Files are the user's own, an installed package's, the standard library's or lifetrack's."""

from __future__ import annotations

import os
import sys
from types import CodeType

OURS, STDLIB, INSTALLED, USER = range(4)


class _Runner(int):
    """An installed package's, equal to that; a walk up the callers tells it by identity."""


#: Where pytest calls tests and fixtures: what called that, thirty frames and more, is part of none, and a walk ends.
RUNNER = _Runner(INSTALLED)

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LAUNCHER = os.path.join(_PACKAGE, "cli", "")
#: Of our own code, what plays the part of a program: it exercises the protocols of plugins.
_ACTORS = tuple(os.path.join(_PACKAGE, "testing", name) for name in ("cases.py", "subject.py"))
_STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
#: Where installers put the little scripts that start installed programs.
_SCRIPTS = os.path.dirname(os.path.abspath(sys.executable or "python")).replace("\\", "/")
_INSTALLED_FOLDERS = {"site-packages", "dist-packages"}
_RUNNERS = ("/_pytest/runner.py", "/_pytest/python.py", "/_pytest/unittest.py")
#: Code that lifetrack generates carries this in place of a file name.
GENERATED = "<lifetrack "
#: The end of such a name. Frames of files that are called so are left out of account where a warning counts frames for
#: the line to name (``stacklevel``), so that it names the line that it would without lifetrack.
NOT_COUNTED = ", not counted, as importlib._bootstrap>"


def classify(filename: str) -> int:
    """Tell whose a source file is; what was typed in (``<stdin>``, ``-c``) is the user's own.

    It calls nothing of ``os``: a fake file system stands in its place, for us too, and may open files when it is asked.
    """
    if filename.startswith((GENERATED, _PACKAGE)):
        return INSTALLED if filename in _ACTORS else OURS
    if filename.startswith("<frozen "):
        return STDLIB
    if filename.startswith("<") and " generated " in filename:
        return INSTALLED  # written by a library while the program runs
    folder = filename.replace("\\", "/").rpartition("/")[0]
    if folder == _SCRIPTS or not _INSTALLED_FOLDERS.isdisjoint(folder.split("/")):
        return RUNNER if filename.replace("\\", "/").endswith(_RUNNERS) else INSTALLED
    return STDLIB if filename.startswith(_STDLIB) else USER


class Territory(dict[str, int]):
    """Remember the answer for each file name: the question stands on the path of every acquisition."""

    def __missing__(self, filename: str) -> int:
        answer = self[filename] = classify(filename)
        return answer


FILES = Territory()


def is_ours(code: CodeType) -> bool:
    """Whether lifetrack itself wrote this code."""
    return FILES[code.co_filename] == OURS


def is_launcher(code: CodeType) -> bool:
    """Whether it is our command line: what called that is no part of the program."""
    return code.co_filename.startswith(_LAUNCHER)


def is_users(code: CodeType) -> bool:
    """Whether it is the user's own code."""
    return FILES[code.co_filename] == USER
