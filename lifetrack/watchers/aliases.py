"""Replacing functions written in C, under every name by which a module already knows them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, TypeAlias

from lifetrack.watchers.imports import is_lazy, is_loaded


class Replacement:
    """A built-in function with something more: it shows, compares, copies and pickles as the function itself.

    A plain function would become a method where a class has it as an attribute, and has another type.
    """

    def __init__(self, original: Callable[..., Any]) -> None:
        self.__wrapped__: Any = original
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            if hasattr(original, name):  # what others have put in the place of a function may lack them
                self.__dict__[name] = getattr(original, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.__wrapped__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __eq__(self, other: object) -> Any:
        return self is other or self.__wrapped__ == other

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        original = self.__wrapped__
        if getattr(sys.modules.get(self.__module__), self.__qualname__, None) is self:
            return original.__reduce_ex__(protocol)
        # Only a name elsewhere was exchanged, where pickle would not look for it.
        import pkgutil

        return pkgutil.resolve_name, (f"{original.__module__}:{original.__qualname__}",)

    def __reduce__(self) -> Any:
        return self.__reduce_ex__(2)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


def replacement(original: Callable[..., Any], call: Callable[..., Any]) -> Replacement:
    """Make what stands in for a function; ``call`` is given the replacement itself and the arguments."""
    call.__annotations__ = {}  # those of a built-in function's call are none, which mocks made of it show
    made: type[Replacement] = type(type(original).__name__, (Replacement,), {"__call__": call})
    return made(original)


_NOT_THE_PROGRAMS = {*sys.stdlib_module_names, __name__.partition(".")[0]}
_Pairs: TypeAlias = Iterable[tuple[object, object]]

#: What is to be exchanged later, by address; and the modules that had none of it at the last walk through all of them,
#: by name, with their addresses and the number of their globals: a program that runs as ``__main__`` imports when it
#: likes, and so may a function.
_foreseen: dict[int, object] = {}
_passed: dict[str, tuple[int, int]] = {}


def foresee(objects: Iterable[object]) -> None:
    """Have the next walk note which modules know these: then they can be exchanged without another one."""
    _foreseen.update((id(each), each) for each in objects)


def forget_foreseen() -> None:
    """Note nothing any more."""
    _foreseen.clear()
    _passed.clear()


#: What is to be exchanged when everybody has asked, for each block; empty while each is done at once.
_waiting: list[list[tuple[object, object]]] = []


@contextmanager
def together() -> Iterator[None]:
    """Put off what is exchanged in this block to its end, where one walk through all modules does it all."""
    if _waiting:
        yield
        return
    pairs: list[tuple[object, object]] = []
    _waiting.append(pairs)
    try:
        yield
    finally:
        _waiting.remove(pairs)
        if pairs:
            _exchange(pairs, _modules())


def exchange(old: object, new: object, *, of_program: bool = False, made_by: str = "") -> None:
    """Put ``new`` wherever a module has ``old`` as a global; what it has put there itself is left alone.

    With ``of_program`` the modules of the standard library, and ours, are left alone too. ``made_by`` is a module that
    may just be making ``old``: until its import is over, nobody can know it but those that are imported after it.
    """
    if of_program:
        names = [name for name in list(sys.modules) if name.partition(".")[0] not in _NOT_THE_PROGRAMS]
        _exchange([(old, new)], _modules(names))
    elif not _waiting and getattr(old, "__module__", None) == made_by and not is_loaded(made_by):
        names = list(sys.modules)
        _exchange([(old, new)], _modules(names[names.index(made_by) :]))
    else:
        exchange_all([(old, new)])


def exchange_all(pairs: _Pairs) -> None:
    """Do so for many functions in one walk through all modules."""
    if _waiting:
        _waiting[-1].extend(pairs)
        return
    pairs = list(pairs)
    if _passed and all(id(old) in _foreseen for old, _ in pairs):
        _exchange(pairs, [each for each in _modules() if _passed.get(each[0]) != (id(each[1]), len(each[2]))])
    else:
        _exchange(pairs, _modules())


def _modules(names: Iterable[str] | None = None) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Give modules with their names and namespaces; all where none are named."""
    for name in list(sys.modules) if names is None else names:
        module = sys.modules.get(name)
        # To ask a lazy module for anything would run it.
        space = object.__getattribute__(module, "__dict__") if is_lazy(module) else getattr(module, "__dict__", None)
        if type(space) is dict:
            yield name, module, space


def _has_any(namespace: dict[str, Any], addresses: AbstractSet[int]) -> bool:
    """Whether a module has any object at these addresses: hardly any has, and this is done in C."""
    try:
        return not addresses.isdisjoint(map(id, namespace.values()))
    except RuntimeError:  # another thread is importing into it
        return True


def _exchange(pairs: _Pairs, modules: Iterable[tuple[str, Any, dict[str, Any]]]) -> None:
    news = {id(old): (old, new) for old, new in pairs}
    addresses = news.keys() | _foreseen.keys()
    for name, module, namespace in modules:
        seen = id(module), len(namespace)  # before the look: another thread may import into it
        if _has_any(namespace, addresses):
            _put(news, namespace)
        elif _foreseen and not getattr(namespace.get("__spec__"), "_initializing", False):
            _passed[name] = seen


def _put(news: dict[int, tuple[object, object]], namespace: dict[str, Any]) -> None:
    found = [(name, id(value)) for name, value in namespace.copy().items() if id(value) in news]
    for name, key in found:
        old, new = news[key]
        if namespace.get(name) is old:
            namespace[name] = new
