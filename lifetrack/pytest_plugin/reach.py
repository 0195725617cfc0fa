"""Reach: which resources somebody holds, or will release when his turn to clean up comes.

Asked only about what is live at the end of a test or fixture. What a value holds is followed through containers,
objects, generators and closures; never through classes, modules, the globals of a function, or pytest itself, which
hold everything. The code of a cleanup says by name which globals and which attributes of its arguments it is about.
"""

from __future__ import annotations

import dis
import gc
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any

#: How many objects are looked at for one holder, and how deep cleanups that call each other are followed.
_OBJECTS, _CALLS = 20_000, 4
#: Packages whose objects know everything: the runner, its plugin manager, and this one.
_RUNNER = ("_pytest", "pluggy", "lifetrack", "xdist")
#: What of this package holds the objects of a program for it, and may be followed.
_KEEPERS = (
    "lifetrack.backends.",
    "lifetrack.watchers.exit_stacks",
)
_LINK = "_lru_list_elem"
_DEAD_ENDS = (
    type,
    ModuleType,
    FrameType,
    CodeType,
    str,
    bytes,
    bytearray,
    int,
    float,
    complex,
    bool,
    BuiltinFunctionType,
)


def reached(values: Iterable[object], wanted: set[int]) -> set[int]:
    """Give those of the ``wanted`` addresses at which an object lives that one of the values is, or holds."""
    found: set[int] = set()
    waiting: deque[object] = deque(values)
    seen: set[int] = set()
    while waiting and len(seen) < _OBJECTS and len(found) < len(wanted):
        value = waiting.popleft()
        if id(value) in seen or value is None or isinstance(value, _DEAD_ENDS):
            continue
        seen.add(id(value))
        if id(value) in wanted:
            found.add(id(value))
        if not _is_runners(type(value)):
            waiting.extend(_held(value))
    return found


def _is_runners(cls: type) -> bool:
    module = cls.__module__
    return _in_runner(module) and not module.startswith(_KEEPERS)


def _in_runner(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in _RUNNER


def _held(value: object) -> Iterable[object]:
    """Give what an object refers to."""
    if isinstance(value, FunctionType):
        return _closure(value)
    if type(value) is dict and "__builtins__" in value and "__name__" in value:
        return ()  # the globals of a module
    return gc.get_referents(value)


def _closure(function: FunctionType) -> Iterator[object]:
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from _contents(function.__closure__ or ())


def _contents(cells: Iterable[CellType]) -> Iterator[object]:
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:  # empty
            continue


# -- cleanups ----------------------------------------------------------------------------------------------------


def held_by_cleanup(cleanup: Any, arguments: Iterable[object] = (), calls: int = _CALLS) -> list[object]:
    """Give what a cleanup can be about: what it is bound to and called with, its closure, and what its code names."""
    if isinstance(cleanup, partial):
        given = (*cleanup.args, *cleanup.keywords.values())
        if _in_runner(getattr(cleanup.func, "__module__", None)):  # with the fixture's function and its generator
            return _opened([each for each in given if isinstance(each, GeneratorType)], (), calls)
        return held_by_cleanup(cleanup.func, (*given, *arguments), calls) + _opened(given, (), calls)
    if isinstance(cleanup, MethodType):
        if isinstance(cleanup.__self__, type):
            return held_by_cleanup(cleanup.__func__, (cleanup.__self__, *arguments), calls)
        if _is_runners(type(cleanup.__self__)):
            return []
        return [cleanup.__self__, *held_by_cleanup(cleanup.__func__, arguments, calls)]
    if isinstance(cleanup, BuiltinFunctionType):
        return [cleanup.__self__]
    if isinstance(cleanup, GeneratorType | AsyncGeneratorType):
        return _of_generator(cleanup, calls)
    if not isinstance(cleanup, FunctionType):
        return [cleanup]
    # The runner's own code is about everything; what it was made for is not.
    is_runners = _in_runner(cleanup.__module__)
    held = [] if is_runners else _named(cleanup.__code__, cleanup.__globals__, arguments, calls, 0)
    return held + _opened(_closure(cleanup), arguments, calls)


def _opened(values: Iterable[object], arguments: Iterable[object], calls: int) -> list[object]:
    """Give values; in the place of code that a cleanup will run, what that is about."""
    held: list[object] = []
    for value in values:
        is_code = isinstance(value, FunctionType | MethodType | GeneratorType | AsyncGeneratorType | partial)
        held += held_by_cleanup(value, arguments, calls - 1) if is_code and calls else [value]
    return held


def _of_generator(generator: GeneratorType[Any, Any, Any] | AsyncGeneratorType[Any, Any], calls: int) -> list[object]:
    """Give what a suspended generator holds, and what the code names that is still to run."""
    frame = generator.gi_frame if isinstance(generator, GeneratorType) else generator.ag_frame
    if frame is None:
        return []
    if not _in_runner(frame.f_globals.get("__name__")):
        return [generator, *_named(frame.f_code, frame.f_globals, (), calls, frame.f_lasti + 1)]
    held = gc.get_referents(generator)  # the runner's, which calls the cleanup of a class or module
    inside = [value for function in held if isinstance(function, FunctionType) for value in _closure(function)]
    values = [*held, *_contents(each for each in held if isinstance(each, CellType)), *inside]
    classes = [value for value in values if isinstance(value, type)]
    code = [value for value in values if isinstance(value, (FunctionType, MethodType, AsyncGeneratorType))]
    return _opened(code, classes, calls)


def _named(
    code: CodeType, variables: dict[str, Any], arguments: Iterable[object], calls: int, start: int
) -> list[object]:
    """Give what the globals hold that some code names, and the class attributes of what it is called with."""
    held: list[object] = []
    names, attributes = _names(code, start)
    for value in (*map(variables.get, names), *_imported(code)):
        held += _about(value, attributes, calls)
    for argument in arguments:
        if isinstance(argument, type):
            held += _attributes(argument, attributes, calls)
    return held


def _about(value: object, attributes: set[str], calls: int) -> list[object]:
    """Give what a named global holds: of functions, classes and modules what the code is about."""
    if isinstance(value, FunctionType):
        return held_by_cleanup(value, (), calls - 1) if calls else []
    if isinstance(value, type):
        return _attributes(value, attributes, calls)
    if isinstance(value, ModuleType):
        name = value.__name__.partition(".")[0]
        # Those of the standard library name what belongs to everybody, such as all threads.
        if not calls or name in sys.stdlib_module_names or name in _RUNNER:
            return []
        inside = vars(value)
        return [each for key in attributes & inside.keys() for each in _about(inside[key], attributes, calls - 1)]
    return [] if value is None else [value]


def _imported(code: CodeType) -> list[ModuleType]:
    """Give the modules that some code imports for itself, as far as somebody has imported them."""
    names = [step.argval for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"]
    modules = [sys.modules.get(str(name)) for name in names]
    return [module for module in modules if module is not None]


def _names(code: CodeType, start: int) -> tuple[set[str], set[str]]:
    """Give the names of globals and of attributes in some code from an offset on, and in all functions inside it.

    What it imports from a module counts as an attribute of that, wherever it does so.
    """
    names: set[str] = set()
    attributes: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_FROM":
            attributes.add(str(step.argval))
        if step.offset < start:
            continue
        if step.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            names.add(str(step.argval))
        elif step.opname.startswith(("LOAD_ATTR", "LOAD_METHOD")):
            attributes.add(str(step.argval))
        elif isinstance(step.argval, CodeType):
            inner = _names(step.argval, 0)
            names |= inner[0]
            attributes |= inner[1]
    return names, attributes


def _attributes(cls: type, names: set[str], calls: int) -> list[object]:
    """Give the attributes of a class that have one of the names; of its class methods what their code names."""
    held: list[object] = []
    for each in cls.__mro__:
        for name, value in list(vars(each).items()):
            if name not in names:
                continue
            if isinstance(value, classmethod | staticmethod):
                held += held_by_cleanup(value.__func__, (cls,), calls - 1) if calls else []
            else:
                held.append(value)
    return held


# -- caches ------------------------------------------------------------------------------------------------------


def cached() -> list[object]:
    """Give every result that a cache of ``functools`` keeps for a function; not the arguments, which it keeps, too."""
    functools: Any = sys.modules["functools"]
    kind = type(functools.lru_cache(_nothing))
    # One that C code makes for itself wraps no function of the program's.
    caches = [each for each in gc.get_objects() if type(each) is kind and "__wrapped__" in vars(each)]
    return [result for cache in caches for result in _results(cache)]


def _results(cache: object) -> Iterator[object]:
    """Give the results in a cache. One with a limit has links of a key and a result, and shows the link's type last."""
    before: object = None
    for each in gc.get_referents(cache):
        if isinstance(each, type) and each.__name__ == _LINK:
            yield before
        elif type(each) is dict and each is not vars(cache):
            yield from (value for value in list(each.values()) if type(value).__name__ != _LINK)
        before = each


def _nothing() -> None:
    """Be something to make a cache of."""
