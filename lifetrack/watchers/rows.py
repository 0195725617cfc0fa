"""What a row of the table of watched kinds says."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, TypeVar

from lifetrack.values.declarations import DUE_BEFORE_POOL, Declaration
from lifetrack.values.making import dataclass

_T = TypeVar("_T")
#: Packages whose workers, with all that they are made of, belong to the process.
PROCESS_WIDE = ("joblib.externals.loky.", "loky.")
#: Mechanisms: each is one module of this package.
CLASSES, FILES, SOCKETS, SQLITE, DESCRIPTORS = "python_classes", "files", "sockets", "sqlite", "descriptors"
LOCKS, ASYNC_LOCKS, POOLS, USES = "locks", "async_locks", "pools", "uses"
STAND_INS, IN_PLACE, SEGMENTS, EXIT_STACKS = "stand_ins", "in_place", "segments", "exit_stacks"
TASKS, ASYNC_GENERATORS = "tasks", "async_generators"


@dataclass(frozen=True, slots=True)
class Lending:
    """How a pool lends what it keeps.

    The acquire method of the row's declaration hands something out, and its release methods are those of the pool that
    take it back as their first argument. All may be coroutine functions.
    """

    #: What the check-outs are called, after the name of the library and that of the pool's class.
    noun: str = "check-out"
    #: Gives what was lent, of what the pool has returned; None for what is none. It must bear a weak reference.
    item: Callable[[Any], object] | None = None
    #: The class of what is lent, by its module and name, and its methods by which it goes back to the pool itself.
    borrower: tuple[str, str] | None = None
    ends: tuple[str, ...] = ()
    #: Gives what the pool keeps below what was lent; that is told below the check-out while it lasts.
    below: Callable[[Any], Iterable[object]] | None = None
    #: A second check-in does harm, and the library lets it pass.
    strict: bool = False
    #: The library itself refuses what came from another pool.
    refuses: bool = False


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
    #: Gives what it takes over from whoever made that: its own to release from now on.
    takes_over: Callable[[Any], Iterable[object]] | None = None
    #: That it is collected is no leak: others keep what it stands for, or what it stands for ends with it.
    quiet: bool = False
    #: The same for those that one of these modules makes: it releases them in a finalizer, by design.
    quiet_from: tuple[str, ...] = ()
    #: The same for whose calls, see ``ledger.territory``: they let it end by dropping it, which nobody else can mend.
    quiet_to: frozenset[int] = frozenset()
    #: What it says of itself counts, whatever its release method raises.
    sure: bool = False
    #: Modules that make it for themselves, and take care of it or keep it for good. A dot at the end: all below.
    not_from: tuple[str, ...] = ()
    #: Whether one that was just acquired has nothing to release, and never will have.
    is_empty: Callable[[Any], bool] | None = None
    #: A program that leaks one, for ``lifetrack doctor``; see :mod:`lifetrack.doctor.specimens`, which has the others.
    specimen: str = ""
    #: Modules of the standard library, of which it counts only what they make.
    only_from: tuple[str, ...] = ()
    #: Attributes of classes, as ``module:Class.attribute``, that take it over when their module is imported.
    taken_by: tuple[str, ...] = ()
    #: Whose calls count, where not everybody's do: see ``ledger.territory``.
    callers: frozenset[int] = frozenset()
    #: Functions whose result it is, as ``module:Class.method``, where it is not its constructor that acquires it.
    made_by: tuple[str, ...] = ()
    #: Methods during which the object is at work.
    works: tuple[str, ...] = ()
    #: It belongs to whoever is at work when it is acquired.
    within: bool = False

    def __hash__(self) -> int:
        """Tell rows apart by what is enough for nearly all: each start and stop looks them up many times."""
        return hash((self.module, self.name, self.mechanism))

    #: Methods during which whatever is acquired belongs to a pool, and so does what they return.
    keeps: tuple[str, ...] = ()
    #: Gives that pool, for the object whose methods these are, or None where it does not keep what it makes; without
    #: it that is whoever is at work, or the object.
    keeper: Callable[[Any], object] | None = None
    #: Its parent is a pool that keeps it, and will close it: it belongs where the pool does. Where it has none, its
    #: parent is whoever is at work when it works itself for the first time.
    kept: bool = False
    #: Gives what it has taken over from a pool for good.
    claims: Callable[[Any], Iterable[object]] | None = None
    #: How it lends, for the mechanism ``POOLS``.
    lending: Lending | None = None


def asked(ask: Callable[[Any], _T], otherwise: _T, obj: Any) -> _T:
    """Ask, and never raise: a subclass of the program's may lack what its base class has."""
    try:
        return ask(obj)
    except Exception:  # whatever an attribute of the program's raises
        return otherwise


def harmless(ask: Callable[[Any], _T], otherwise: _T) -> Callable[[Any], _T]:
    """Make a question that never raises."""
    return functools.partial(asked, ask, otherwise)


def declare(*release: str, **options: Any) -> Declaration:
    """Declare a class that is not its user's: no guards, and its constructor cleans up after itself."""
    for name in ("released_when", "ends_with_process", "idle_when"):
        if name in options:
            options[name] = harmless(options[name], False)
    return Declaration(release=release, guard="none", watched=True, idempotent=True, safe_constructor=True, **options)


def check_out(acquire: str, *release: str, hint: str, lent: str = DUE_BEFORE_POOL) -> Declaration:
    """Declare the check-outs of a pool: the methods of the pool that hand out and take back, and the usual mend.

    ``lent`` says what the end of the pool means for them.
    """
    return Declaration(
        release=release, acquire=acquire, guard="none", watched=True, idempotent=True, safe_constructor=True,
        lent=lent, hint=hint,
    )  # fmt: skip


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
        return tuple([getattr(obj, name, None) for name in names])

    return parts
