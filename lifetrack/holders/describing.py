"""Describing: what an object on a way is, and the verdict that it speaks for."""

from __future__ import annotations

from types import BuiltinMethodType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from lifetrack.holders.looking import frame_of, is_a, is_of, is_running, is_suspendable
from lifetrack.holders.roots import place_of
from lifetrack.ledger.entries import type_name
from lifetrack.values import holders as verdicts

LRU, LOCAL, CONTEXT = "functools._lru_cache_wrapper", "_thread._local", "_contextvars.Context"


def described(obj: Any) -> str:
    """Say what an object is: its type, and of what runs or waits where it does so. None of its values."""
    if is_suspendable(obj):
        frame = frame_of(obj)
        kind = type(obj).__name__.replace("_", " ")
        state = "running" if is_running(obj) else "suspended" if frame is not None else "ended"
        where = "" if frame is None else f", {place_of(frame)}"
        return f"{state} {kind} {obj.__qualname__}{where}"
    if is_of(obj, FrameType):
        return f"frame of {obj.f_code.co_qualname}, {place_of(obj)}"
    if is_of(obj, MethodType):
        function = obj.__func__
        return f"method {function.__qualname__}" if is_of(function, FunctionType) else "method"
    if is_of(obj, FunctionType):
        return f"function {obj.__qualname__}"
    if is_of(obj, type):
        return "class"
    if is_a(obj, "_asyncio.Task", "asyncio.tasks.Task"):
        return "pending task" if _is_pending(obj) else "task"
    return type_name(type(obj))


def is_end_of_block(obj: object) -> bool:
    """Whether an object is the method that waits for the end of a ``with`` block."""
    name = obj.__func__.__name__ if type(obj) is MethodType and type(obj.__func__) is FunctionType else None
    if type(obj) is BuiltinMethodType:
        name = obj.__name__
    return name in {"__exit__", "__aexit__"}


def ends_blocks(obj: object) -> bool:
    """Whether an object can stand in a ``with`` statement."""
    mro = type.__dict__["__mro__"].__get__(type(obj))
    return any(name in base.__dict__ for base in mro for name in ("__exit__", "__aexit__"))


def _is_pending(task: Any) -> bool:
    done = next(base.__dict__["done"] for base in type(task).__mro__ if "done" in base.__dict__)
    try:
        # A class of the program's may have a method of its own, which is not called.
        return (type(done) is FunctionType and done.__module__ != "asyncio.futures") or not done(task)
    except Exception:
        return True


_PLAIN = frozenset({dict, list, tuple, str, FunctionType, type})
_SUSPENDED = {"generator": verdicts.SUSPENDED_GENERATOR, "async_generator": verdicts.SUSPENDED_GENERATOR}
_VERDICTS = (
    ("_asyncio.Task", verdicts.PENDING_TASK),
    ("asyncio.tasks.Task", verdicts.PENDING_TASK),
    ("BaseException", verdicts.TRACEBACK),
    ("traceback", verdicts.TRACEBACK),
    ("frame", verdicts.TRACEBACK),
    (LRU, verdicts.LRU_CACHE),
    ("logging.Filterer", verdicts.LOGGING_HANDLER),
    ("weakref.WeakKeyDictionary", verdicts.WEAK_KEY_CONTAINER),
    (LOCAL, verdicts.THREAD_LOCAL),
    ("_threading_local.local", verdicts.THREAD_LOCAL),
    (CONTEXT, verdicts.CONTEXTVAR),
    ("_contextvars.ContextVar", verdicts.CONTEXTVAR),
    ("_contextvars.Token", verdicts.CONTEXTVAR),
)


def verdict_of(obj: Any, before: str = verdicts.UNKNOWN) -> str | None:
    """Give the verdict that an object on a way speaks for, by that before it; None for most."""
    if is_of(obj, MethodType) or (is_of(obj, BuiltinMethodType) and not is_of(obj.__self__, ModuleType)):
        return verdicts.BOUND_METHOD
    if is_suspendable(obj):
        if before == verdicts.PENDING_TASK:
            return None  # the task is what waits
        if is_running(obj):
            return verdicts.RUNNING_FRAME
        return _SUSPENDED.get(type(obj).__name__, verdicts.SUSPENDED_COROUTINE)
    if type(obj) in _PLAIN:
        return None
    for name, verdict in _VERDICTS:
        if is_a(obj, name) and (verdict != verdicts.PENDING_TASK or _is_pending(obj)):
            return verdict
    return None
