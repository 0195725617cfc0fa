"""The decorator of the small immutable classes: frozen dataclasses with slots that cost little to make.

``dataclasses`` compiles six methods for each frozen class, one by one, which was a quarter of the time that lifetrack
took to start. Here one is compiled, on first use, and the others are made of what C has. ``fields()``, ``replace()``,
``is_dataclass()``, matching, copies and pickles work as with any other dataclass.
"""

from __future__ import annotations

import dataclasses
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
    names = [each.name for each in fields]
    compared = attrgetter(*(each.name for each in fields if each.compare))
    shown = [each.name for each in fields if each.repr]

    def __repr__(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def __eq__(self: Any, other: object) -> Any:
        return compared(self) == compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(compared(self))

    def __getstate__(self: Any) -> list[Any]:
        return [getattr(self, name) for name in names]

    def __setstate__(self: Any, state: list[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    if "__init__" not in made.__dict__:
        made.__init__ = _Initialiser(made, fields)
    methods = (__repr__, __eq__, __hash__, __getstate__, __setstate__, _setattr, _delattr)
    for method in methods:
        name = method.__name__
        # `__hash__` is None where the class compares by itself, and `__eq__` stands before it.
        if name not in made.__dict__ or made.__dict__[name] is None:
            method.__qualname__ = f"{made.__qualname__}.{name}"
            setattr(made, name, method)
    parameters = made.__dataclass_params__
    parameters.init = parameters.repr = parameters.eq = True
    _freeze([parameters], True)
    return made  # type: ignore[no-any-return]


def _freeze(parameters: list[Any], frozen: bool) -> None:
    for each in parameters:
        each.frozen = frozen


class _Initialiser:
    """Stands for ``__init__`` until somebody asks for it: most classes are never used in a process without findings."""

    def __init__(self, cls: Any, fields: tuple[dataclasses.Field[Any], ...]) -> None:
        self._cls = cls
        self._fields = fields

    def __get__(self, obj: object, cls: type | None = None) -> Any:
        made = _initialiser(self._cls, self._fields)
        made.__qualname__ = f"{self._cls.__qualname__}.__init__"
        self._cls.__init__ = made
        return made.__get__(obj, cls)


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


def _setattr(_: object, name: str, _value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_setattr.__name__, _delattr.__name__ = "__setattr__", "__delattr__"

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
else:

    def dataclass(*, frozen: bool, slots: bool) -> Any:
        """Make a class such as ``dataclasses.dataclass(frozen=True, slots=True)`` makes; there are no other ones."""
        if not frozen or not slots:
            raise TypeError("for classes that are frozen and have slots")
        return _make
