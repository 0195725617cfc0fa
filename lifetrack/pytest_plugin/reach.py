"""Reach: which resources somebody holds, or will release when his turn to clean up comes.

Asked only about what is live at the end of a test or fixture. What a value holds is followed through containers,
objects, generators and closures; never through classes, modules, the globals of a function, or pytest itself, which
hold everything.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, CellType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any
from weakref import WeakSet, WeakValueDictionary

from lifetrack.values.collector import objects_of

#: How many objects are looked at for one holder.
_OBJECTS = 20_000
#: Packages whose objects know everything: the runner, its plugin manager, and this one.
_RUNNER = ("_pytest", "pluggy", "lifetrack", "xdist")
#: What of this package holds the objects of a program for it, and may be followed.
_KEEPERS = (
    "lifetrack.backends.",
    "lifetrack.guards.proxies",
    "lifetrack.ownership.borrowing",
    "lifetrack.ownership.handles",
    "lifetrack.ownership.owners",
    "lifetrack.ownership.sharing",
    "lifetrack.watchers.exit_stacks",
)
#: What leads from one logger to all of them.
_ALL_LOGGERS = {"manager", "parent"}
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
        if not is_runners(type(value)):
            waiting.extend(_held(value))
    return found


def is_runners(cls: type) -> bool:
    """Whether objects of a class know everything: the runner's and ours, but for those that keep a program's."""
    module = cls.__module__
    return in_runner(module) and not module.startswith(_KEEPERS)


def in_runner(module: object) -> bool:
    """Whether a module, by its name, is the runner's or ours."""
    return isinstance(module, str) and module.partition(".")[0] in _RUNNER


def _held(value: object) -> Iterable[object]:
    """Give what an object refers to."""
    if isinstance(value, FunctionType):
        return closure(value)
    if type(value) is dict and "__builtins__" in value and "__name__" in value:
        return ()  # the globals of a module
    if type(value).__module__ == "logging" and hasattr(value, "handlers"):
        return [each for key, each in vars(value).items() if key not in _ALL_LOGGERS]
    if isinstance(value, WeakSet | WeakValueDictionary):  # as of connections that a server will close
        return _weakly(value)
    return gc.get_referents(value)


def _weakly(value: WeakSet[Any] | WeakValueDictionary[Any, Any]) -> list[object]:
    return list(value if isinstance(value, WeakSet) else value.values())


def closure(function: FunctionType) -> Iterator[object]:
    """Give what a function has been made with: defaults and the variables around it."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from contents(function.__closure__ or ())


def contents(cells: Iterable[CellType]) -> Iterator[object]:
    """Give what variables of closures hold, as far as they are set."""
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:  # empty
            continue


# -- caches ------------------------------------------------------------------------------------------------------


def cached() -> list[object]:
    """Give every result that a cache of ``functools`` keeps for a function; not the arguments, which it keeps, too."""
    functools: Any = sys.modules["functools"]
    kind = type(functools.lru_cache(_nothing))
    # One that C code makes for itself wraps no function of the program's.
    caches = [each for each in objects_of(kind) if "__wrapped__" in vars(each)]
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
