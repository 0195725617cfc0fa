"""Imports: what a module acquires while it is imported is the process's, whoever was the first to ask for it."""

from __future__ import annotations

import sys

from lifetrack.ledger.capture import frames
from lifetrack.ledger.entries import OFFSET, TRACE, Entry
from lifetrack.values.modules import variables_of

#: How the code of a module is called.
_MODULE = "<module>"


def is_imports(entry: Entry) -> bool:
    """Whether a resource was acquired by the code of a module that is loaded, or by what that has called.

    A script that a test has run is no such module.
    """
    files = {code.co_filename for code, _ in frames(entry[TRACE], entry[OFFSET]) if code.co_name == _MODULE}
    if not files:
        return False
    known = (variables_of(module).get("__file__") for module in sys.modules.copy().values())
    return any(type(file) is str and file in files for file in known)
