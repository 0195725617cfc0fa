"""Portable names: a file and a function as they are called on every machine and by every Python; and their digest.

Loaded by whatever is going to ask for a fingerprint: most runs have no finding.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from lifetrack.values.disk import is_file


def _sha256() -> Any:
    """Give the hash function without ``hashlib``, which loads all of OpenSSL: a tenth of lifetrack's own start."""
    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            return import_module(name).sha256
        except (ImportError, AttributeError):
            continue
    raise ImportError("this Python has no SHA-256")


_sha256_of: Any = _sha256()

_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages)/")
_STANDARD = re.compile(r".*/[Ll]ib(?:64)?/(?:python\d[.\d]*t?|pypy\d[.\d]*)/")
#: What is imported from such a file has the rest of its path from there.
_ARCHIVE = re.compile(r".*\.(?:zip|whl|egg|pyz)/")
#: A cell of IPython, which is named by a running number and by what stands in it.
_CELL = re.compile(r"<ipython-input-\d+-([0-9a-f]+)>")
#: Functions of their own up to Python 3.11, and none later.
_INLINED = re.compile(r"(?:\.<locals>)?\.<(?:list|set|dict)comp>")
_INLINED_IN_MODULE = re.compile(r"^<(?:list|set|dict)comp>")
#: How many folders up a package is looked for, and how many answers are remembered.
_DEEPEST, _MANY = 32, 4096
_known: dict[str, str] = {}


def portable_file(file: str) -> str:
    """Name a file by its package and the folders in it; one that is in no package by its own name alone.

    The folder of a checkout, of an installation, of a user or of a process is no part of it.
    """
    name = _known.get(file)
    if name is None:
        if len(_known) >= _MANY:
            _known.clear()
        name = _known[file] = _named(file)
    return name


def portable_function(function: str) -> str:
    """Name a function without the comprehensions that newer Pythons run as a part of it."""
    if "comp>" not in function:
        return function
    return _INLINED.sub("", _INLINED_IN_MODULE.sub("<module>", function))


def _named(file: str) -> str:
    if file.startswith("<"):
        return _CELL.sub(r"<ipython-input-\1>", file)
    path = file.replace("\\", "/")
    for folder in (_INSTALLED, _STANDARD, _ARCHIVE):
        found = folder.match(path)
        if found is not None:
            return path[found.end() :]
    return _in_package(file) or path.rpartition("/")[2]


def _in_package(file: str) -> str:
    """Give the path from the folder that holds the outermost package; empty where that cannot be seen."""
    try:
        path = _absolute(file)
        parts = [os.path.basename(path)]
        folder = os.path.dirname(path)
        while len(parts) < _DEEPEST and is_file(os.path.join(folder, "__init__.py")):
            parts.append(os.path.basename(folder))
            folder = os.path.dirname(folder)
    except (OSError, ValueError):  # the working directory is gone, or a name that no file can have
        return ""
    return "/".join(reversed(parts)) if is_file(path) else ""


def _absolute(file: str) -> str:
    """Give the absolute path; the main script may be known by a name that is relative to a folder left since."""
    if not os.path.isabs(file):
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        if isinstance(main, str) and os.path.isabs(main) and main.endswith(os.sep + os.path.normpath(file)):
            return main
    return os.path.abspath(file)


def digest(parts: Iterable[str]) -> str:
    """Make one name of several: 16 hex digits."""
    whole: str = _sha256_of("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
    return whole[:16]
