"""Imports: what a module acquires while it is imported is the process's, whoever was the first to ask for it."""

from __future__ import annotations

import sys

from lifetrack.ledger.capture import frames
from lifetrack.ledger.entries import OFFSET, TRACE, Entry

#: How the code of a module is called.
_MODULE = "<module>"


def is_imports(entry: Entry) -> bool:
    """Whether a resource was acquired by the code of a module that is loaded, or by what that has called.

    A script that a test has run is no such module.
    """
    files = {code.co_filename for code, _ in frames(entry[TRACE], entry[OFFSET]) if code.co_name == _MODULE}
    return bool(files) and not files.isdisjoint(map(_file_of, sys.modules.copy().values()))


def _file_of(module: object) -> object:
    """Give a module's file, without asking one that is imported lazily, or what a program has put in its place."""
    try:
        variables = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
    return variables.get("__file__") if type(variables) is dict else None
