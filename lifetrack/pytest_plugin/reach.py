"""Reach: which resources somebody holds, or will release when his turn to clean up comes.

Asked only about what is live at the end of a test or fixture. What a value holds is followed through containers,
objects, generators and closures; never through classes, modules, the globals of a function, or pytest itself, which
hold everything.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import pairwise
from types import CellType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any
from weakref import WeakSet, WeakValueDictionary, ref

from lifetrack.values.collector import objects_of, referring

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
_POLICY = "AbstractEventLoopPolicy"
#: What leads nowhere, and is met so often that it is told by the address of its class, which need not have a hash.
_COMMON_ENDS = (type, ModuleType, CodeType, str, bytes, int, float, bool, type(None))
_COMMON = frozenset(map(id, _COMMON_ENDS))
_DEAD_ENDS = (*_COMMON_ENDS, FrameType, bytearray, complex)


def reached(values: Iterable[object], wanted: set[int]) -> set[int]:
    """Give those of the ``wanted`` addresses at which an object lives that one of the values is, or holds."""
    found: set[int] = set()
    waiting: deque[object] = deque(each for each in values if id(type(each)) not in _COMMON)
    seen: set[int] = set()
    ways = _Ways()
    while waiting and len(seen) < _OBJECTS and len(found) < len(wanted):
        value = waiting.popleft()
        try:
            held = ways[type(value)]
        except TypeError:  # a class without a hash, by the doing of its metaclass
            held = _way_from(type(value))
        if held is None or id(value) in seen:
            continue
        seen.add(id(value))
        if id(value) in wanted:
            found.add(id(value))
        # Most of what anything refers to is of these, and need not stand in line.
        waiting.extend([each for each in held(value) if id(type(each)) not in _COMMON])
    return found


def lent(leases: Container[int]) -> dict[int, int]:
    """Give for what pools have lent, under one of these leases, the addresses of the thing and of its lease.

    What a pool lists itself while it is lent tells nothing of who will give it back.
    """
    from lifetrack.watchers.custody import OUT

    known = [(out(), out) for out in OUT.copy().values() if id(out.lease) in leases]
    return {
        id(item): id(out.lease) for item, out in known if item is not None and not reached([out.pool()], {id(item)})
    }


class _Ways(dict[type, Callable[[Any], Iterable[object]] | None]):
    """For each class what gives that to which one of its objects leads on; None where it is not even looked at."""

    def __missing__(self, cls: type) -> Callable[[Any], Iterable[object]] | None:
        way = self[cls] = _way_from(cls)
        return way


def _way_from(cls: type) -> Callable[[Any], Iterable[object]] | None:
    if issubclass(cls, _DEAD_ENDS) or cls.__module__ == "typing":  # of annotations, which name classes
        return None
    if is_runners(cls) or _is_policy(cls):
        return _none
    # As ``issubclass()`` does it where no class says otherwise: an abstract one would want the hash.
    return next((way for kind, way in _SPECIAL if type.__subclasscheck__(kind, cls)), gc.get_referents)


def _is_policy(cls: type) -> bool:
    """Whether it is a policy of asyncio's, which knows the current loop of each thread, and closes none."""
    return any(each.__module__ == "asyncio.events" and each.__name__.endswith(_POLICY) for each in cls.__mro__)


def is_runners(cls: type) -> bool:
    """Whether objects of a class know everything: the runner's and ours, but for those that keep a program's."""
    module = cls.__module__
    return in_runner(module) and not module.startswith(_KEEPERS)


def in_runner(module: object) -> bool:
    """Whether a module, by its name, is the runner's or ours."""
    return isinstance(module, str) and module.partition(".")[0] in _RUNNER


def _none(_: object) -> Iterable[object]:
    return ()


def _in_dict(value: dict[Any, Any]) -> Iterable[object]:
    has = dict.__contains__  # that of a subclass is the program's
    is_module = has(value, "__builtins__") and has(value, "__name__")  # its globals
    return () if is_module else gc.get_referents(value)


def _of_logger(value: Any) -> Iterable[object]:
    return [each for key, each in vars(value).copy().items() if key not in _ALL_LOGGERS]


def _weakly_known(value: Any) -> Iterable[object]:
    """Give what is alive of it, from a copy: other threads may add to it meanwhile, which ends an iteration."""
    data = vars(value).get("data")
    known = data.copy() if type(data) is set else data.copy().values() if type(data) is dict else ()
    return [obj for each in known if isinstance(each, ref) and (obj := each()) is not None]


def closure(function: FunctionType) -> Iterator[object]:
    """Give what a function has been made with: defaults and the variables around it."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from contents(function.__closure__ or ())


#: What is not just followed to everything that it refers to; what is known weakly, as connections to a server.
_SPECIAL: tuple[tuple[type, Callable[[Any], Iterable[object]]], ...] = (
    (FunctionType, closure),
    (dict, _in_dict),
    (logging.Logger, _of_logger),
    (WeakSet, _weakly_known),
    (WeakValueDictionary, _weakly_known),
)


def contents(cells: Iterable[CellType]) -> Iterator[object]:
    """Give what variables of closures hold, as far as they are set."""
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:  # empty
            continue


# -- caches ------------------------------------------------------------------------------------------------------


class Caches:
    """The caches of ``functools`` that a program has.

    Most are made while modules are imported. So everything is looked through once, and again as soon as there are more
    modules; else only what is young, which is little.
    """

    def __init__(self) -> None:
        functools: Any = sys.modules["functools"]
        self._kind = type(functools.lru_cache(_nothing))
        self._known: WeakSet[Any] = WeakSet()
        self._modules = 0

    def results(self) -> list[object]:
        """Give every result that one of them keeps for a function; not the arguments, which it keeps, too."""
        # Those of this package, loaded with the first findings, have no cache of the program's.
        before, self._modules = self._modules, sum(not name.startswith("lifetrack.") for name in sys.modules.copy())
        is_known = before == self._modules
        found = objects_of(self._kind, young=True) if is_known else referring([self._kind], self._kind)
        # One that C code makes for itself wraps no function of the program's.
        self._known.update(each for each in found if "__wrapped__" in vars(each))
        return [result for cache in list(self._known) for result in _results(cache)]


def _results(cache: object) -> list[object]:
    """Give the results in a cache. One with a limit has links of a key and a result, and shows the link's type last."""
    shown = gc.get_referents(cache)
    link = next((each for each in reversed(shown) if isinstance(each, type) and each.__name__ == _LINK), None)
    found = [result for result, each in pairwise(shown) if each is link]
    for kept in (each for each in shown if type(each) is dict and each is not vars(cache)):
        values = list(kept.copy().values())
        if link is None or not any(type(each) is link for each in values[:1]):  # else they are the links
            found += values
    return found


def _nothing() -> None:
    """Be something to make a cache of."""
