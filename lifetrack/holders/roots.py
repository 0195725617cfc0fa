"""Roots: where paths begin. Modules, registrations, running functions, contexts and exceptions.

They come in stages, the one where something can be done first: what an earlier stage leads to is told by that.
"""

from __future__ import annotations

import contextvars
import functools
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from lifetrack.ledger.capture import Note
from lifetrack.ledger.territory import FILES, INSTALLED, OURS, STDLIB, USER, is_ours
from lifetrack.values.each_thread import name_of
from lifetrack.values.holders import (
    ATEXIT_HANDLER,
    CONTEXTVAR,
    LOGGING_HANDLER,
    MODULE_GLOBAL,
    RUNNING_FRAME,
    SIGNAL_HANDLER,
    TRACEBACK,
    UNKNOWN,
)

_OPTIMIZED = 0x1
#: What ``weakref.finalize`` keeps runs at exit too, unless what it keeps is a method of something.
FINALIZER = "finalizer"
_module_dict: Callable[[Any], Any] = type.__getattribute__(ModuleType, "__dict__")["__dict__"].__get__


class Root:
    """Where paths begin: a container of what the root holds, its name, and the verdict if nothing nearer decides.

    The keys of ``carrier`` are names where ``named`` is set. ``rank`` is 0 where it is the user's to change.
    """

    __slots__ = ("carrier", "copied", "label", "named", "rank", "verdict")

    def __init__(
        self, carrier: Any, label: str, verdict: str, rank: int = 0, *, named: bool = True, copied: bool = True
    ) -> None:
        self.carrier = carrier
        self.label = label
        self.verdict = verdict
        self.rank = rank
        self.named = named
        #: Whether the carrier was made for this, so that it has a reference of its own to each thing beside the root's.
        self.copied = copied


#: A module that shows to whoever asks what it refers to objects that are freed already, and is broken by that: the next
#: one who asks, or the collector, never ends. (``_asyncio`` of Python 3.12 keeps freed iterators of futures in a list.)
_UNASKED = frozenset({"_asyncio"} if sys.version_info[:2] == (3, 12) else ())


# -- modules -----------------------------------------------------------------------------------------------------


def module_dicts() -> dict[str, tuple[Any, Any]]:
    """Give the modules by name, each with its namespace; what stands there and is no module is its own namespace."""
    found = {}
    for name, module in sys.modules.copy().items():
        if issubclass(type(module), ModuleType):
            found[str(name)] = module, _module_dict(module)
        elif module is not None:
            found[str(name)] = module, None
    return found


def _territory(name: str, names: Any) -> int:
    if name == "lifetrack" or name.startswith("lifetrack."):
        return OURS
    if name == "__main__" or type(names) is not dict:
        return USER
    file = names.get("__file__")
    if isinstance(file, str):
        return FILES[file]
    origin = getattr(names.get("__spec__"), "origin", None)
    return STDLIB if origin in ("built-in", "frozen") or name in sys.builtin_module_names else USER


def _is_alias(name: str, module: Any, names: Any) -> bool:
    """Whether a module stands under its own name, too, as the main one does that multiprocessing knows by another."""
    own = names.get("__name__") if type(names) is dict else None
    return type(own) is str and own != name and sys.modules.get(own) is module


def modules() -> tuple[list[Root], list[Root]]:
    """Give the user's modules, and the libraries'."""
    users: list[Root] = []
    libraries: list[Root] = []
    done: set[int] = set()
    # What a program imports into its main module is told by the module that it stands in.
    for name, (module, names) in sorted(module_dicts().items(), key=lambda item: item[0] == "__main__"):
        whose = _territory(name, names)
        if whose == OURS or id(module) in done or _is_alias(name, module, names):
            continue
        done.add(id(module))
        label = f"{name} (module)"
        if whose == USER:
            users.append(Root(module if names is None else names, label, MODULE_GLOBAL, copied=False))
        else:
            rank = 1 if whose == INSTALLED else 2
            libraries.append(Root(module if names is None else names, label, MODULE_GLOBAL, rank, copied=False))
            if name not in _UNASKED:
                libraries.append(Root(module, label, UNKNOWN, 3, named=False, copied=False))  # what its C code keeps
    libraries.sort(key=lambda root: root.rank)
    return users, libraries


def closed() -> set[int]:
    """Give the addresses that no path leads through: modules, each of which is a root; and lists of all threads."""
    found = {id(sys.modules)}
    for module, names in module_dicts().values():
        found.add(id(module))
        if names is not None:
            found.add(id(names))
    # A thread is told by the function that it runs, and a task that runs by its coroutine.
    found.update(id(getattr(threading, name, None)) for name in ("_active", "_limbo"))
    found.add(id(getattr(sys.modules.get("_asyncio"), "_current_tasks", None)))
    found.add(id(getattr(sys.modules.get("asyncio.tasks"), "_current_tasks", None)))
    found.update(map(id, import_system()))
    found.discard(id(None))
    return found


def import_system() -> list[Any]:
    """Give what finds and loads modules: a module names its loader, but does not hold by it what that has."""
    found = [*sys.meta_path, *sys.path_hooks]
    for _, names in module_dicts().values():
        if type(names) is dict:
            found += [names[name] for name in ("__loader__", "__spec__") if names.get(name) is not None]
    return found


# -- registrations -----------------------------------------------------------------------------------------------


class _Probe:
    """Is compared with every function that is registered to run at exit, and equals none."""

    __slots__ = ("met",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.met: list[Any] = []

    def __eq__(self, other: object) -> bool:
        self.met.append(other)
        return False


def exit_functions() -> list[Any]:
    """Give the functions that are registered with atexit; there is no public list of them.

    ``atexit.unregister`` compares each with what it is given, and takes away only what is equal.
    """
    import atexit

    probe = _Probe()
    try:
        atexit.unregister(probe)  # type: ignore[arg-type]
    except Exception:  # a function with a comparison of its own
        return []
    return [each for each in probe.met if not str(getattr(each, "__module__", "")).startswith("lifetrack")]


def programs_exit_functions() -> list[Any]:
    """Give those of them that are not the standard library's own, which close what belongs to everybody."""
    return [each for each in exit_functions() if not _is_librarys(each)]


def _is_librarys(function: Any) -> bool:
    """Whether what is registered is the standard library's own, as that which ends ``asyncio.run`` on Ctrl-C."""
    while type(function) in _AROUND:
        function = getattr(function, _AROUND[type(function)])
    return isinstance(function, FunctionType) and FILES[function.__code__.co_filename] == STDLIB


_AROUND: dict[type, str] = {functools.partial: "func", MethodType: "__func__"}


def _signal_handlers() -> dict[str, Any]:
    module = sys.modules.get("signal")
    handlers = {}
    for number in () if module is None else module.valid_signals():
        try:
            handler = module.getsignal(number)  # type: ignore[union-attr]
        except (ValueError, OSError):
            continue
        if callable(handler):
            handlers[getattr(number, "name", f"signal {int(number)}")] = handler
    return handlers


def _logging() -> Iterator[Root]:
    module = sys.modules.get("logging")
    if module is not None and hasattr(module, "root"):
        manager = getattr(module.root, "manager", None)
        names = {"root": module.root, "loggers": getattr(manager, "loggerDict", None)}
        yield Root(names, "logging (module)", LOGGING_HANDLER)


def _finalizers() -> Iterator[Root]:
    module = sys.modules.get("weakref")
    registry = None if module is None else getattr(module.finalize, "_registry", None)
    if registry:
        yield Root(list(registry.copy().values()), "weakref.finalize (finalizers)", FINALIZER, named=False)


def _last_errors() -> Iterator[Root]:
    names = ("last_exc", "last_value", "last_traceback")
    errors = {name: getattr(sys, name) for name in names if getattr(sys, name, None) is not None}
    if len(errors) > 1:  # it is the exception's own
        errors.pop("last_traceback", None)
    if errors:
        yield Root(errors, "sys (module)", TRACEBACK)


def registrations() -> list[Root]:
    """Give what is registered to be called, and the exception that ended the program."""
    functions = programs_exit_functions()
    handlers = {name: each for name, each in _signal_handlers().items() if not _is_librarys(each)}
    found = [
        Root(handlers, "signal (module)", SIGNAL_HANDLER),
        Root(functions, "atexit (exit handlers)", ATEXIT_HANDLER, named=False),
    ]
    return [*(root for root in found if root.carrier), *_logging(), *_last_errors(), *_finalizers()]


# -- what runs ---------------------------------------------------------------------------------------------------


def variables(frame: FrameType) -> dict[str, Any]:
    """Give the variables of a function that runs or waits; the frame keeps no copy of them.

    Up to Python 3.12 asking for them leaves a copy with the frame, which would keep alive what the function has
    dropped since. It is emptied, unless somebody else has it or a debugger writes it back.
    """
    names = frame.f_locals
    copy = dict(names)
    if sys.version_info < (3, 13) and frame.f_code.co_flags & _OPTIMIZED and type(names) is dict:
        is_traced = sys.gettrace() is not None or not isinstance(frame.f_trace, Note | None)  # Note is our own
        if not is_traced and sys.getrefcount(names) <= _ALONE:
            names.clear()
    return copy


#: The references to a frame's copy of its variables that nobody else has: the frame's, ours, and the argument.
_ALONE = 3


def place_of(frame: FrameType) -> str:
    """Name the file and line where a frame stands."""
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _code_of(name: str) -> object:
    return getattr(getattr(threading.Thread, name, None), "__code__", None)


#: What runs the function that a thread was given; and what begins each thread, which has the same thread once more.
_RUN, _BEGINNINGS = _code_of("run"), frozenset(map(_code_of, ("_bootstrap", "_bootstrap_inner")))


def running() -> list[Root]:
    """Give the functions that run in all threads with their variables, those of this thread first; none of ours."""
    here = threading.get_ident()
    names = {thread.ident: name_of(thread) for thread in list(getattr(threading, "_active", {}).values())}
    frames: dict[int, Any] = sys._current_frames()
    found: list[Root] = []
    for number in sorted(frames, key=lambda number: number != here):
        # Taken out, as one of the frames is this function's own: a variable would be a cycle.
        found += _running_in(frames.pop(number), "" if number == here else f", thread {names.get(number, number)}")
    return found


def _running_in(frame: FrameType | None, thread: str) -> Iterator[Root]:
    """Give the functions that run in one thread; of what runs the program's own it is told where that is."""
    inner = ""
    while frame is not None:
        code = frame.f_code
        if code not in _BEGINNINGS and not is_ours(code) and (code.co_flags & _OPTIMIZED or not _is_module(frame)):
            at = f", now at {inner}" if inner and code is _RUN else ""
            label = f"{code.co_qualname}() (running function, {place_of(frame)}{thread}{at})"
            yield Root(variables(frame), label, RUNNING_FRAME)
        if not inner and FILES[code.co_filename] == USER:
            inner = f"{place_of(frame)} in {code.co_name}"
        frame = frame.f_back


def _is_module(frame: FrameType) -> bool:
    return frame.f_locals is frame.f_globals


def _handled() -> Iterator[Root]:
    current: Callable[[], dict[int, Any]] = sys._current_exceptions
    for error in current().values():
        each = error[1] if isinstance(error, tuple) else error
        if each is not None:
            yield Root([each], "an exception that is being handled", TRACEBACK, named=False)


def at_present() -> list[Root]:
    """Give what is there only for now: running functions, exceptions being handled, the context, threads."""
    context = Root([contextvars.copy_context()], "the current context", CONTEXTVAR, named=False)
    threads = {"_active": getattr(threading, "_active", None), "_limbo": getattr(threading, "_limbo", None)}
    hooks = {"trace": sys.gettrace(), "profile": sys.getprofile(), "asyncgen_hooks": sys.get_asyncgen_hooks()}
    return [
        *running(),
        *_handled(),
        context,
        Root(hooks, "sys (module)", MODULE_GLOBAL, 2),
        Root(gc.get_referents(*import_system()), "the import system", MODULE_GLOBAL, 2, named=False),
        Root(_signal_handlers(), "signal (module)", MODULE_GLOBAL, 2),
        Root(exit_functions(), "atexit (exit handlers)", MODULE_GLOBAL, 2, named=False),
        Root(list(threads.values()), "threading (module)", RUNNING_FRAME, 2, named=False),
    ]
