"""Codes: which names some code has still to look up. It says what a cleanup is about without running it."""

from __future__ import annotations

import dis
import sys
import weakref
from types import CodeType, ModuleType
from typing import NamedTuple


class Names(NamedTuple):
    """The names in some code: of globals, of attributes, of its own variables, and of modules it imports for itself."""

    globals: set[str]
    attributes: set[str]
    variables: set[str]
    modules: set[str]

    def imported(self) -> list[ModuleType]:
        """Give those of the modules that somebody has imported."""
        return [module for name in self.modules if (module := sys.modules.get(name)) is not None]


#: Methods that put something into a container, and take nothing out.
_ADDING = frozenset({"add", "append", "appendleft", "extend", "insert", "setdefault", "update"})
#: What was found in code that lives on, by the offset from which it was read.
_known: weakref.WeakKeyDictionary[CodeType, dict[int, Names]] = weakref.WeakKeyDictionary()


def names_in(code: CodeType, start: int = 0) -> Names:
    """Give the names in some code from an offset on, and in all functions that are made there.

    What it imports from a module counts as an attribute of that, wherever it does so. Modules are only the code's own.
    """
    known = _known.setdefault(code, {})
    found = known.get(start)
    if found is None:
        found = known[start] = _read(code, start)
    return found


def _read(code: CodeType, start: int) -> Names:
    found = Names(set(), set(), set(), set())
    steps = list(dis.get_instructions(code))
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.opname == "IMPORT_FROM":
            found.attributes.add(str(step.argval))
        elif step.opname == "IMPORT_NAME":
            found.modules.add(str(step.argval))
        if step.offset < start:
            continue
        if step.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            if following is None or not _is_adding(following):
                found.globals.add(str(step.argval))
        elif step.opname.startswith(("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_")):
            found.attributes.add(str(step.argval))
        elif step.opname.startswith(("LOAD_FAST", "LOAD_DEREF")):  # some load two
            found.variables.update(step.argval if isinstance(step.argval, tuple) else [step.argval])
        elif isinstance(step.argval, CodeType):
            inner = names_in(step.argval)
            found.globals.update(inner.globals)
            found.attributes.update(inner.attributes)
            found.variables.update(inner.variables)
    return found


def _is_adding(step: dis.Instruction) -> bool:
    """Whether something is only put into what was looked up just before."""
    return step.opname.startswith(("LOAD_ATTR", "LOAD_METHOD")) and step.argval in _ADDING
