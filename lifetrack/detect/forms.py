"""Forms: in which form of Python resources of a type are released, told by their declaration and their class."""

from __future__ import annotations

import dis
import sys
from types import FunctionType
from typing import Any, NamedTuple

from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.values.declarations import CONTEXT_RELEASES, INIT, Declaration

WITH, ASYNC_WITH, CLOSING, ACLOSING, FINALLY, ASYNC_FINALLY = (
    "with",
    "async with",
    "closing",
    "aclosing",
    "finally",
    "async finally",
)
#: Their ``with`` block ends something else than their life.
_OTHER_BLOCKS = {"sqlite3.Connection"}
_COROUTINE = 0x80


class Form(NamedTuple):
    """How a resource is released: the kind of block, its release method, and what its block hands out."""

    kind: str
    release: str
    #: Whether the name after ``as`` is that of the resource itself.
    gives_itself: bool

    @property
    def is_async(self) -> bool:
        """Whether only a coroutine can use it."""
        return self.kind in {ASYNC_WITH, ACLOSING, ASYNC_FINALLY}


def form_of(type_name: str, declaration: Declaration) -> Form | None:
    """Tell how resources of a type are best released; None where that is not sure."""
    if declaration.lent or declaration.hollow or declaration.acquire != INIT:
        return None
    releases = [name for name in declaration.release if name not in CONTEXT_RELEASES]
    release = releases[0] if releases else ""
    cls = _class(type_name)
    if declaration.watched:
        return _of_watched(type_name, declaration, release, cls)
    if cls is None:
        return None
    if _is_manager(cls, "__enter__", "__exit__", declaration) and not _is_coroutine(resolve(cls, release)):
        return Form(WITH, release, _gives_itself(resolve(cls, "__enter__")))
    if _is_manager(cls, "__aenter__", "__aexit__", declaration):
        return Form(ASYNC_WITH, release, _gives_itself(resolve(cls, "__aenter__")))
    if not release or resolve(cls, release) is None:
        return None
    return _plain(release, is_async=_is_coroutine(resolve(cls, release)))


def _plain(release: str, *, is_async: bool) -> Form:
    if is_async:
        return Form(ACLOSING if release == "aclose" else ASYNC_FINALLY, release, True)
    return Form(CLOSING if release == "close" else FINALLY, release, True)


def _of_watched(type_name: str, declaration: Declaration, release: str, cls: type | None) -> Form | None:
    """Tell it of a class of somebody else's: the usual mend says which form is right."""
    hint = declaration.hint or ""
    if "contextlib.closing" in hint or type_name in _OTHER_BLOCKS:
        return Form(CLOSING, "close", True) if release == "close" else None
    if "'async with'" in hint:
        return Form(ASYNC_WITH, release, _gives_itself(None if cls is None else resolve(cls, "__aenter__")))
    if "'with'" in hint or "'with " in hint:
        return Form(WITH, release, _gives_itself(None if cls is None else resolve(cls, "__enter__")))
    return None


def _class(name: str) -> type | None:
    """Find a class by its full name among what is imported, without running any code of its."""
    parts = name.split(".")
    for number in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:number]))
        if module is not None:
            found: Any = vars(module).get(parts[number])
            for part in parts[number + 1 :]:
                found = own(found).get(part) if isinstance(found, type) else None
            return found if isinstance(found, type) else None
    return None


def _unwrapped(attribute: Any) -> FunctionType | None:
    for _ in range(16):
        below = vars(attribute).get("__wrapped__") if isinstance(attribute, FunctionType) else None
        if below is None:
            break
        attribute = below
    return attribute if isinstance(attribute, FunctionType) else None


def _is_coroutine(attribute: Any) -> bool:
    function = _unwrapped(attribute)
    return function is not None and bool(function.__code__.co_flags & _COROUTINE)


def _is_manager(cls: type, enter: str, leave: str, declaration: Declaration) -> bool:
    """Whether the end of a block of this kind is plain to see to be the release."""
    entering, leaving = resolve(cls, enter), resolve(cls, leave)
    if entering is None or leaving is None:
        return False
    if leave in declaration.release and not declaration.recognised:
        return True
    function = _unwrapped(leaving)
    if function is None:
        return not any(base.__module__ == "builtins" and base is not object for base in mro(cls))
    return not {*declaration.release, "super"}.isdisjoint(function.__code__.co_names)


def _gives_itself(enter: Any) -> bool:
    """Whether entering the block hands out the resource itself, as far as its code tells."""
    function = _unwrapped(enter)
    if function is None:
        return getattr(enter, "__objclass__", None) is not None  # written in C, as those of files
    if not function.__code__.co_argcount:
        return False
    first, before = function.__code__.co_varnames[0], None
    for instruction in dis.get_instructions(function):
        if instruction.opname == "RETURN_CONST":
            return False
        if instruction.opname == "RETURN_VALUE" and not (
            before is not None and before.opname.startswith("LOAD_FAST") and before.argval == first
        ):
            return False
        before = instruction
    return True
