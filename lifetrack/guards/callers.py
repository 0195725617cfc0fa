"""Who calls? Some calls on a released object are the object's own business."""

from __future__ import annotations

import contextlib
import functools
from types import CodeType, FrameType, FunctionType

from lifetrack.guards.shapes import mro, own, resolve
from lifetrack.ledger.territory import is_ours
from lifetrack.values.declarations import Declaration

_EXITS = frozenset({"__exit__", "__aexit__", "__del__"})
_CONTEXTLIB = contextlib.__file__


def is_own_call(frame: FrameType, obj: object) -> bool:
    """Whether ``frame`` is a method that has ``obj`` as its first argument."""
    code = frame.f_code
    # Before 3.13 reading f_locals leaves a copy of all locals on the frame: only methods of the object are read.
    if code.co_argcount == 0:
        return False
    if resolve(type(obj), code.co_name) is None and not _is_getter(type(obj), code):
        return False
    return frame.f_locals.get(code.co_varnames[0]) is obj


def is_exit(frame: FrameType) -> bool:
    """Whether a release comes from a context manager's end, a finalizer, or an exit hook, which has no caller."""
    code = frame.f_code
    return code.co_name in _EXITS or code.co_filename == _CONTEXTLIB or is_ours(code)


def is_construction(frame: FrameType, obj: object) -> bool:
    """Whether ``frame`` is a constructor at work on ``obj``."""
    return frame.f_code.co_name == "__init__" and is_own_call(frame, obj)


def _is_entitled(cls: type, declaration: Declaration, frame: FrameType) -> bool:
    code = frame.f_code
    name = code.co_name
    if name.startswith("__") and name.endswith("__"):
        return True
    if name in declaration.after_release or name in declaration.release:
        return True
    return _is_getter(cls, code)


def _is_getter(cls: type, code: CodeType) -> bool:
    """Whether it is the code of a property, which may be a lambda and so of any name."""
    for base in mro(cls):
        for attribute in own(base).copy().values():
            if isinstance(attribute, (property, functools.cached_property)):
                getter = attribute.fget if isinstance(attribute, property) else attribute.func
                if isinstance(getter, FunctionType) and getter.__code__ is code:
                    return True
    return False


def may_touch(cls: type, declaration: Declaration, frame: FrameType, obj: object) -> bool:
    """Whether the caller is a method of the object that stays legitimate after the release.

    Special methods, properties and the declared names may use the rest of the object to do their work, also by way of
    its private methods.
    """
    caller: FrameType | None = frame
    while caller is not None:
        if not is_ours(caller.f_code):
            if not is_own_call(caller, obj):
                return False
            if _is_entitled(cls, declaration, caller):
                return True
        caller = caller.f_back
    return False
