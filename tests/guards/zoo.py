"""The zoo: classes of every kind that people write, each declared by the decorator that is handed in.

Every specimen has a public method ``use``, a property ``size``, a release method ``close`` and, where it can, an
attribute ``name``. What runs is noted in ``CALLS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Decorator = Callable[[type], type]
CALLS: list[str] = []
SPECIMENS: dict[str, Specimen] = {}


@dataclass(frozen=True)
class Specimen:
    """One kind of class: how it is declared, how an object is made, and what it cannot do."""

    declare: Callable[[Any], type]
    arguments: tuple[Any, ...] = ()
    named: bool = True
    #: Why released objects of this kind carry no guards; empty where they do.
    unguarded: str = ""
    #: Its objects stand in a reference cycle of their own making, so that only the collector ends them.
    cyclic: bool = False


def specimen(*arguments: Any, **marks: Any) -> Callable[[Callable[[Any], type]], Callable[[Any], type]]:
    """Put a function that declares a class into the zoo."""

    def add(declare: Callable[[Any], type]) -> Callable[[Any], type]:
        SPECIMENS[declare.__name__] = Specimen(declare, arguments, **marks)
        return declare

    return add


def use(self: Any) -> str:
    CALLS.append("use")
    return "used"


def close(self: Any) -> str:
    CALLS.append("close")
    return "closed"


def init(self: Any, name: str = "specimen") -> None:
    self.name = name


size = property(lambda self: 3)
BODY = (init, use, close, size)
