"""What a row of the table of watched kinds says."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lifetrack.values.declarations import Declaration

_T = TypeVar("_T")
#: Mechanisms: each is one module of this package.
CLASSES, FILES, SOCKETS, SQLITE, DESCRIPTORS = "python_classes", "files", "sockets", "sqlite", "descriptors"
LOCKS, ASYNC_LOCKS = "locks", "async_locks"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of resource: ``module`` and ``name`` say where its class or function is found."""

    watch: tuple[str, ...]
    module: str
    name: str
    mechanism: str
    declaration: Declaration
    #: Private methods that do what the first release method may put off; they are wrapped in its place.
    inner_release: tuple[str, ...] = field(default=())
    #: Watched as a part of ``stdlib``, not only when it is asked for by name.
    usual: bool = True
    #: Gives what the resource is made of, once it was acquired. When nothing of that is open, it counts as released.
    parts: Callable[[Any], Iterable[object]] | None = None
    #: It gets more of them later, so they are looked at again when it is judged.
    grows: bool = False
    #: What the acquire method returns is such a part.
    returns_part: bool = False
    #: Gives what it depends on itself.
    parent: Callable[[Any], object] | None = None
    #: Gives the descriptor that it takes over.
    takes: Callable[[Any], int] | None = None
    #: Modules of the standard library that make it for themselves, and take care of it or keep it for good.
    not_from: tuple[str, ...] = ()
    #: A program that leaks one, for ``lifetrack doctor``; see :mod:`lifetrack.doctor.specimens`, which has the others.
    specimen: str = ""


def harmless(ask: Callable[[Any], _T], otherwise: _T) -> Callable[[Any], _T]:
    """Make a question that never raises: a subclass of the program's may lack what its base class has."""

    @functools.wraps(ask)
    def asking(obj: Any) -> _T:
        try:
            return ask(obj)
        except Exception:  # whatever an attribute of the program's raises
            return otherwise

    return asking


def declare(*release: str, **options: Any) -> Declaration:
    """Declare a class that is not its user's: no guards, and its constructor cleans up after itself."""
    for name in ("released_when", "ends_with_process"):
        if name in options:
            options[name] = harmless(options[name], False)
    return Declaration(release=release, guard="none", watched=True, idempotent=True, safe_constructor=True, **options)


def is_none(name: str) -> Callable[[Any], bool]:
    """Ask whether an attribute is None, or not there at all."""

    def ask(obj: Any) -> bool:
        return getattr(obj, name, None) is None

    return ask


def is_true(name: str) -> Callable[[Any], bool]:
    """Ask whether an attribute is true."""

    def ask(obj: Any) -> bool:
        return bool(getattr(obj, name, False))

    return ask


def attributes(*names: str) -> Callable[[Any], tuple[object, ...]]:
    """Give what these attributes hold, as the parts of a resource."""

    def parts(obj: Any) -> tuple[object, ...]:
        return tuple(getattr(obj, name, None) for name in names)

    return parts
