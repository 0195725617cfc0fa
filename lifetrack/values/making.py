"""The decorator of the small immutable classes: frozen dataclasses with slots that cost little to make.

``dataclasses`` compiles six methods for each frozen class, one by one, which was a quarter of the time that lifetrack
took to start. Here one is compiled, for classes with more than a few objects, and all classes share the others.
``fields()``, ``replace()``, ``is_dataclass()``, matching, copies and pickles work as with any other dataclass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn


class _Later:
    """Stands for a default that a factory makes."""

    def __repr__(self) -> str:
        return "<factory>"


_LATER = _Later()


def _make(cls: type) -> type:
    bases = [base.__dict__["__dataclass_params__"] for base in cls.__mro__ if "__dataclass_params__" in base.__dict__]
    _freeze(bases, False)  # `dataclasses` makes a plain one here, which may not inherit from a frozen one
    try:
        made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    finally:
        _freeze(bases, True)
    fields = dataclasses.fields(made)
    made._lifetrack_compared = attrgetter(*(each.name for each in fields if each.compare))
    if "__init__" not in made.__dict__:
        made.__init__ = _Initialiser(made, fields)
    for name, method in _METHODS.items():
        # `__hash__` is None where the class compares by itself, and `__eq__` stands before it.
        if name not in made.__dict__ or made.__dict__[name] is None:
            setattr(made, name, method)
    parameters = made.__dataclass_params__
    parameters.init = parameters.repr = parameters.eq = True
    _freeze([parameters], True)
    return made  # type: ignore[no-any-return]


def _freeze(parameters: list[Any], frozen: bool) -> None:
    for each in parameters:
        each.frozen = frozen


class _Initialiser:
    """Stands for ``__init__`` until compiling is worth it: in a clean run most classes have one object or none."""

    def __init__(self, cls: Any, fields: tuple[dataclasses.Field[Any], ...]) -> None:
        self._cls = cls
        self._fields = fields
        #: How many objects more are made without it.
        self._first = 2

    def __get__(self, obj: object, cls: type | None = None) -> Any:
        if obj is None or not self._first:
            return self._compiled().__get__(obj, cls)
        self._first -= 1
        return partial(self._initialise, obj)

    def _compiled(self) -> Any:
        made = _initialiser(self._cls, self._fields)
        made.__qualname__ = f"{self._cls.__qualname__}.__init__"
        self._cls.__init__ = made
        return made

    def _initialise(self, obj: Any, /, *args: Any, **named: Any) -> None:
        """Do what the compiled one does, which is left to it where the arguments are not in order."""
        values = {**{each.name: value for each, value in zip(self._fields, args, strict=False)}, **named}
        names = {each.name for each in self._fields}
        needed = {each.name for each in self._fields if each.default is each.default_factory is dataclasses.MISSING}
        if len(values) != len(args) + len(named) or not needed <= values.keys() <= names:
            self._compiled()(obj, *args, **named)
            return
        for each in self._fields:
            if each.name in values:
                value = values[each.name]
            else:
                value = each.default if each.default_factory is dataclasses.MISSING else each.default_factory()
            getattr(self._cls, each.name).__set__(obj, value)
        if hasattr(self._cls, "__post_init__"):
            obj.__post_init__()


def _initialiser(cls: type, fields: tuple[dataclasses.Field[Any], ...]) -> Any:
    """Compile ``__init__``: it sets each slot, calls the factories that are needed, and ``__post_init__`` at last."""
    known: dict[str, Any] = {"_later": _LATER}
    words, lines = ["self"], []
    for each in fields:
        name = each.name
        known[f"_set_{name}"] = getattr(cls, name).__set__
        value = name
        if each.default_factory is not dataclasses.MISSING:
            known[f"_default_{name}"] = each.default_factory
            words.append(f"{name}=_later")
            value = f"_default_{name}() if {name} is _later else {name}"
        elif each.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = each.default
            words.append(f"{name}=_default_{name}")
        else:
            words.append(name)
        lines.append(f" _set_{name}(self, {value})\n")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()\n")
    text = f"def __init__({', '.join(words)}):\n{''.join(lines)}"
    # Compiled apart: executing text would let an interpreter that exits forget that Ctrl-C has ended it.
    exec(compile(text, "<lifetrack>", "exec", dont_inherit=True), known)  # noqa: S102
    initialise = known.pop("__init__")
    initialise.__module__ = cls.__module__
    initialise.__annotations__ = {**{each.name: each.type for each in fields}, "return": None}
    return initialise


def _repr(self: Any) -> str:
    shown = (each.name for each in dataclasses.fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _eq(self: Any, other: object) -> Any:
    compared = self._lifetrack_compared
    return compared(self) == compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(self._lifetrack_compared(self))


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


def _setattr(_: object, name: str, _value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


#: What all these classes share.
_METHODS: dict[str, Callable[..., Any]] = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
for _name, _method in _METHODS.items():
    _method.__name__ = _method.__qualname__ = _name

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
else:

    def dataclass(*, frozen: bool, slots: bool) -> Any:
        """Make a class such as ``dataclasses.dataclass(frozen=True, slots=True)`` makes; there are no other ones."""
        if not frozen or not slots:
            raise TypeError("for classes that are frozen and have slots")
        return _make
