"""Declaring: what a tracker is told of the classes, objects and functions of a program; it outlasts start and stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lifetrack.account import Account
from lifetrack.guards.engine import Engine
from lifetrack.ledger.callers import caller
from lifetrack.ledger.ledger import Ledger
from lifetrack.ownership.kinship import bind_object
from lifetrack.registry import Registry
from lifetrack.values.declarations import INIT, Declaration
from lifetrack.values.errors import LifetrackError

if TYPE_CHECKING:
    from lifetrack.instrument.recorder import Recorder
    from lifetrack.instrument.singles import Singles

OFF = "tracking is off: call start() first"
_T = TypeVar("_T")
_C = TypeVar("_C", bound=type)
_F = TypeVar("_F", bound=Callable[..., Any])


def address_of(obj: object) -> int:
    """Give the address by which the ledger knows an object; of a handle, that of what it holds."""
    from lifetrack.ownership.handles import held_by

    return id(held_by(obj))


class Declaring:
    """The part of a tracker that is told what counts as a resource; tracking may be on or off."""

    def __init__(self) -> None:
        self._registry = Registry()
        self._account: Account | None = None

    def _on(self) -> Account:
        if self._account is None:
            raise LifetrackError(OFF)
        return self._account

    @property
    def reports_to(self) -> bool | tuple[str, ...]:
        """Where the report goes at exit, as a tracker is told at its start: True is standard error, False nowhere."""
        return False if self._account is None else self._account.targets

    @property
    def ledger(self) -> Ledger | None:
        """The ledger while tracking is on."""
        return None if self._account is None else self._account.engine.ledger

    @property
    def engine(self) -> Engine | None:
        """The engine while tracking is on."""
        return None if self._account is None else self._account.engine

    @property
    def singles(self) -> Singles:
        """The single objects; raises LifetrackError while tracking is off."""
        return self._on().singles

    @property
    def recorder(self) -> Recorder:
        """The recorder; raises LifetrackError while tracking is off."""
        return self._on().recorder

    @overload
    def tracked(self, cls: _C, /) -> _C: ...
    @overload
    def tracked(
        self,
        *,
        release: str | Iterable[str] | None = None,
        acquire: str = INIT,
        idempotent: bool = False,
        secret: bool = False,
        thread_bound: bool = False,
        children: str | Iterable[str] = (),
        grace: float = 0.0,
        label: str | None = None,
        guard: str = "methods",
        after_release: str | Iterable[str] = (),
        fork_safe: bool = False,
        owns: bool = False,
        limit: float | None = None,
        max_live: int | None = None,
    ) -> Callable[[_C], _C]: ...
    def tracked(self, cls: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]
        """Declare a class: its objects, and those of its subclasses, are resources.

        ``release`` names the release methods, by default those with a usual name; ``acquire`` the method that begins
        the duty; ``idempotent`` allows to release twice; ``after_release`` names methods that stay legitimate;
        ``guard`` is methods, all (properties and attributes too) or none. ``grace`` is in seconds. ``thread_bound``:
        used and released in its own thread only. ``children`` names the methods that make what depends on it.
        ``fork_safe``: a forked child may use and release it too. ``owns``: the object owns what its acquire method
        acquires. ``limit``: held for longer than so many seconds is LT108; ``max_live``: more of them live at once is
        LT107. Raises DeclarationError where the class does not have what is named.
        """
        if cls is None:
            return lambda decorated: self.tracked_as(decorated, **options)
        return self.tracked_as(cls)

    def tracked_as(self, cls: _C, /, **options: Any) -> _C:
        """Declare a class with options, as the decorator :meth:`tracked` does."""
        from lifetrack.guards.release_names import DECLARED
        from lifetrack.instrument.declare import declare

        declaration = declare(cls, **options)
        self._registry.add(cls, declaration)
        DECLARED[cls] = declaration
        if self._account is not None:
            self._account.install(cls, declaration)
            if declaration.limit is not None or declaration.max_live is not None:
                self._watch_limits()
        return cls

    def _watch_limits(self) -> None:
        """Let somebody look at the limits that declarations have."""

    def declaration_of(self, cls: type) -> Declaration | None:
        """Give the declaration that covers a class, whether tracking is on or off; None if there is none."""
        return self._registry.find(cls)

    def track(
        self,
        obj: _T,
        release: str | Iterable[str] | None = None,
        label: str | None = None,
        *,
        owner: Any = None,
        parent: Any = None,
    ) -> _T:
        """Track one object; use what is returned from now on. While tracking is off that is the object itself.

        ``owner`` has the duty to release it, as after :func:`lifetrack.transfer`; ``parent`` is what it depends on.
        Raises DeclarationError for an object without the release method.
        """
        from lifetrack.instrument.declare import check_label
        from lifetrack.ownership.transfers import check_owner, hand_to

        check_owner(owner)
        check_label(label)
        tracked: _T = obj
        if self._account is not None:
            tracked = self._account.singles.track(obj, release, label)
            if parent is not None:
                bind_object(self._account.engine, tracked, parent)
        if owner is not None:
            hand_to(tracked, owner, caller(1))
        return tracked

    @overload
    def acquires(self, function: _F, /) -> _F: ...
    @overload
    def acquires(
        self, *, release: str | Iterable[str] | None = None, label: str | None = None
    ) -> Callable[[_F], _F]: ...
    def acquires(self, function: Any = None, /, *, release: Any = None, label: Any = None) -> Any:  # type: ignore[misc]
        """Declare a factory: what it returns, or what its context manager or generator yields, is a resource.

        The function may be a coroutine function. Without ``release`` the usual names are looked for in the result; a
        result with none is to be handed to a function declared with :meth:`releases`.
        """
        from lifetrack.instrument.declare import check_label
        from lifetrack.instrument.functions import acquiring

        check_label(label)
        if function is None:
            return lambda decorated: acquiring(self, decorated, release, label)
        return acquiring(self, function, release, label)

    def releases(self, parameter: str) -> Callable[[_F], _F]:
        """Declare a function that releases the argument named. Raises DeclarationError if it has no such parameter."""
        from lifetrack.instrument.releasing import releasing

        return lambda function: releasing(self, function, parameter)
