"""Cleanups: what the code that a fixture, a class or an exit hook still has to run is about, without running it.

Code says by name which globals it looks up, and which attributes of what it has at hand. Methods that it calls are read
in their turn, as deep as calls are followed; the standard library's and the runner's are not, as they name what belongs
to everybody, such as all threads.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import partial
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

from lifetrack.pytest_plugin.codes import Names, names_in
from lifetrack.pytest_plugin.reach import closure, contents, in_runner, is_runners
from lifetrack.values.modules import variables_of

#: How deep calls are followed from one cleanup, and how many steps are taken for it.
_CALLS, _STEPS = 4, 1000
_CODE = (FunctionType, MethodType, BuiltinFunctionType, GeneratorType, AsyncGeneratorType, partial)
_CONTAINERS = frozenset(map(id, (list, tuple, set, frozenset, deque, dict)))
#: What bears the name of its module itself, and can be asked for it.
_NAMED = (FunctionType, MethodType, BuiltinFunctionType)
#: What calls something by itself: a call, and the end of a block.
_CALLED, _CLOSED = frozenset({"__call__"}), frozenset({"close", "aclose"})


def held_by_cleanup(cleanup: Any, arguments: Iterable[object] = ()) -> list[object]:
    """Give what a cleanup can be about: what it is bound to and called with, its closure, and what its code names."""
    reading = _Reading()
    reading.call(cleanup, tuple(arguments), _CALLS + 1)
    return reading.result()


def _is_everybodys(module: object) -> bool:
    if not isinstance(module, str):
        return False
    name = module.partition(".")[0]
    return name != "unittest" and (name in sys.stdlib_module_names or in_runner(module))


def _is(value: object, kinds: type | tuple[type, ...]) -> bool:
    """Whether something is of a kind, without asking it: a proxy would make what it stands for to give its class."""
    return issubclass(type(value), kinds)


def _module_of(value: object) -> object:
    return getattr(value if _is(value, _NAMED) else type(value), "__module__", None)


def _variables_of(value: object) -> dict[str, Any]:
    """Give the variables of an object, where that runs no code of its class, as proxies have it."""
    for cls in type(value).__mro__:
        found = vars(cls).get("__dict__")
        if found is None:
            continue
        is_known = found.__doc__ == _OWN_DICT or _is_everybodys(cls.__module__)
        own = found.__get__(value) if is_known and type(found) is GetSetDescriptorType else None
        return own if type(own) is dict else {}
    return {}


class _Reading:
    """One cleanup, read with all that it calls: the nearest calls first, each object once for a piece of code."""

    def __init__(self) -> None:
        self._held: list[object] = []
        #: Kept to the end, so that an address stays that of one object.
        self._steps: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._seen: set[tuple[int, ...]] = set()

    def result(self) -> list[object]:
        """Read everything, and give what it is about."""
        try:
            for number, (step, arguments) in enumerate(self._steps):  # which gets longer
                if number < _STEPS:
                    step(*arguments)
        finally:
            self._steps.clear()  # it refers to this reading, which would wait for the collector with all that it met
        return self._held

    def _line_up(self, key: tuple[object, ...], step: Callable[..., None], *arguments: Any) -> None:
        addresses = tuple(map(id, key))
        if addresses not in self._seen:
            self._seen.add(addresses)
            self._steps.append((step, arguments))

    def call(self, cleanup: Any, arguments: tuple[object, ...], calls: int) -> None:
        """Let a cleanup be read, or what one calls; what is too deep to be followed is just held."""
        if not calls:
            self._held.append(cleanup)
            return
        bound = (cleanup.__func__, cleanup.__self__) if _is(cleanup, MethodType) else (cleanup,)
        self._line_up((*bound, *arguments), self._read, cleanup, arguments, calls - 1)

    def _open(self, values: Iterable[object], arguments: tuple[object, ...], calls: int) -> None:
        """Hold values; in the place of code that a cleanup will run, what that is about."""
        for value in values:
            if _is(value, _CODE):
                self.call(value, arguments, calls)
            else:
                self._held.append(value)

    # -- code --------------------------------------------------------------------------------------------------------

    def _read(self, cleanup: Any, arguments: tuple[object, ...], calls: int) -> None:
        if _is(cleanup, partial):
            given = (*cleanup.args, *cleanup.keywords.values())
            if in_runner(_module_of(cleanup.func)):  # with the fixture's function and its generator
                self._open([each for each in given if _is(each, GeneratorType)], (), calls)
            else:
                self._read(cleanup.func, (*given, *arguments), calls)
                self._open(given, (), calls)
        elif _is(cleanup, MethodType):
            if _is(cleanup.__self__, type):
                self._read(cleanup.__func__, (cleanup.__self__, *arguments), calls)
            elif not is_runners(type(cleanup.__self__)):
                self._hold(cleanup.__self__, calls)
                self._read(cleanup.__func__, (cleanup.__self__, *arguments), calls)
        elif _is(cleanup, BuiltinFunctionType):
            self._held.append(cleanup.__self__)
        elif _is(cleanup, (GeneratorType, AsyncGeneratorType)):
            self._read_generator(cleanup, calls)
        elif _is(cleanup, FunctionType):
            self._read_function(cleanup, arguments, calls)
        else:
            self._hold(cleanup, calls)
            self.use(cleanup, _CALLED, calls)

    def _read_function(self, function: FunctionType, arguments: tuple[object, ...], calls: int) -> None:
        inner = getattr(function, "__wrapped__", None)
        if _is(inner, FunctionType):
            self.call(inner, arguments, calls)
        around = list(closure(function))
        self._open(around, arguments, calls)
        # The code of these is about everything; what it was made for is not.
        if _is_everybodys(function.__module__) or _is_everybodys(function.__globals__.get("__name__")):
            return
        names = names_in(function.__code__)
        self._look_up(function.__globals__, names, calls)
        for value in (*arguments, *around):
            self.use(value, names.attributes, calls)

    def _read_generator(
        self, generator: GeneratorType[Any, Any, Any] | AsyncGeneratorType[Any, Any], calls: int
    ) -> None:
        """Read what a suspended generator has still to run; what it has at hand is held."""
        frame = generator.gi_frame if isinstance(generator, GeneratorType) else generator.ag_frame
        if frame is None:
            return
        referents = gc.get_referents(generator)  # asking a frame for its variables would keep them alive
        inside = list(contents(each for each in referents if _is(each, CellType)))
        if in_runner(frame.f_globals.get("__name__")):
            self._read_runners([*referents, *inside], calls)
            return
        names = names_in(frame.f_code, frame.f_lasti + 1)
        self._held.append(generator)
        self._look_up(frame.f_globals, names, calls)
        for value in (*referents, *inside):
            if not _is(value, _CODE):
                self.use(value, names.attributes, calls)
            elif value is not generator and not _is_done_with(value, frame.f_code, names):
                owners = [each for each in referents if _has_method(each, value)]  # of an ``__exit__`` that is due
                self.call(value, tuple(owners), calls)

    def _read_runners(self, values: list[Any], calls: int) -> None:
        """Read what a generator of the runner's calls, which is the cleanup of a class or module."""
        values += [each for value in values if _is(value, FunctionType) for each in closure(value)]
        about = tuple(value for value in values if _is(value, (type, ModuleType)))
        self._open([each for each in values if _is(each, (FunctionType, MethodType, AsyncGeneratorType))], about, calls)

    # -- names -------------------------------------------------------------------------------------------------------

    def _look_up(self, variables: dict[str, Any], names: Names, calls: int) -> None:
        """Follow the globals that code names, and what it imports for itself."""
        for value in (*map(variables.get, names.globals), *names.imported()):
            self._about(value, names.attributes, calls)

    def _about(self, value: object, attributes: AbstractSet[str], calls: int) -> None:
        """Follow something that code has found by a name."""
        if _is(value, ModuleType):
            inside = variables_of(value)
            # Those of the standard library name what belongs to everybody.
            if calls and not _is_everybodys(inside.get("__name__")):
                for name in attributes:
                    self._about(inside.get(name), attributes, calls - 1)
        elif _is(value, _CODE):
            self.call(value, (), calls)
        elif value is not None:
            if not _is(value, type):
                self._hold(value, calls)
            self.use(value, attributes, calls)

    def use(self, value: object, attributes: AbstractSet[str], calls: int) -> None:
        """Follow what code gets by one of the names from something that it has at hand."""
        if calls and value is not None and not _is(value, _CODE):
            step = self._about if _is(value, ModuleType) else self._use
            self._line_up((value, attributes), step, value, attributes, calls)

    def _use(self, value: Any, attributes: AbstractSet[str], calls: int) -> None:
        cls = value if _is(value, type) else type(value)
        if is_runners(cls):
            return
        if cls is not value and id(cls) in _CONTAINERS:  # one of each class tells what the methods of all do
            inside = tuple(value.values() if cls is dict else value)
            for each in {type(each): each for each in inside}.values():
                self.use(each, attributes, calls)
            return
        if cls is not value:
            self._hold_due(value, calls)
            own = _variables_of(value)
            for name in attributes:
                if name in own:
                    self._about(own[name], attributes, calls - 1)
        for each in cls.__mro__:
            if not _is_everybodys(each.__module__):
                for name in attributes & vars(each).keys():
                    self._use_attribute(value, vars(each)[name], attributes, calls)

    def _use_attribute(self, value: Any, attribute: Any, attributes: AbstractSet[str], calls: int) -> None:
        """Follow what a class has by a name that code uses on it, or on an object of it."""
        if _is(attribute, classmethod):
            self.call(attribute.__func__, (value if _is(value, type) else type(value),), calls)
        elif _is(attribute, staticmethod):
            self.call(attribute.__func__, (), calls)
        elif _is(attribute, property):
            self._open([each for each in [attribute.fget] if each is not None], (value,), calls)
        elif _is(attribute, FunctionType):
            self.call(attribute, (value,), calls)
        else:
            self._about(attribute, attributes, calls - 1)

    # -- blocks ------------------------------------------------------------------------------------------------------

    def _hold(self, value: object, calls: int) -> None:
        self._held.append(value)
        self._hold_due(value, calls)

    def _hold_due(self, value: object, calls: int) -> None:
        """Follow what a context manager of the standard library will run at the end of its block."""
        if all(each.__module__ != "contextlib" for each in type(value).__mro__):
            return
        own = _variables_of(value)
        self._open([own.get("gen")], (), calls)
        self._open([each[1] for each in list(own.get("_exit_callbacks", ()))], (), calls)
        self.use(own.get("thing"), _CLOSED, calls)


#: How the type of all classes that a ``class`` statement makes describes the variables of their objects.
_OWN_DICT = vars(_Reading)["__dict__"].__doc__


def _is_done_with(value: Any, code: CodeType, names: Names) -> bool:
    """Whether a suspended generator of some code has no use any more for a function that it has at hand."""
    if not _is(value, FunctionType):
        return False
    is_local = value.__name__ in {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    return value.__code__ is code or (is_local and value.__name__ not in names.variables)


def _has_method(value: object, function: object) -> bool:
    name = getattr(function, "__name__", None) if _is(function, FunctionType) else None
    return name is not None and any(vars(each).get(name) is function for each in type(value).__mro__)
