"""The tracker: joins ledger, instrumentation, detection and reports. The module functions stand on a default one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lifetrack.account import Account, ReportTarget, report_of, report_targets, type_totals
from lifetrack.company import Company
from lifetrack.detect.leaks import leaks
from lifetrack.guards.engine import Engine
from lifetrack.guards.release_names import DECLARED
from lifetrack.instrument.declare import declare
from lifetrack.instrument.functions import acquiring
from lifetrack.instrument.recorder import Recorder
from lifetrack.instrument.releasing import releasing
from lifetrack.instrument.singles import Singles
from lifetrack.judgement import leak_error
from lifetrack.ledger.callers import caller
from lifetrack.ledger.entries import Entry
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.ledger.rendering import events_of, record_of
from lifetrack.ownership.handles import held_by
from lifetrack.ownership.kinship import bind_object
from lifetrack.ownership.scopes import Allowance, Scope
from lifetrack.ownership.transfers import check_owner, hand_to
from lifetrack.registry import Registry
from lifetrack.reports.model import Report
from lifetrack.switches import Switch, Undo
from lifetrack.values.declarations import INIT, Declaration
from lifetrack.values.errors import ConfigurationError, LifetrackError
from lifetrack.values.events import Event
from lifetrack.values.findings import Finding
from lifetrack.values.records import Record, Snapshot
from lifetrack.values.settings import (
    DEFAULT_FRAMES,
    Level,
    Policy,
    PolicyChoice,
    Settings,
    parse_frames,
    parse_level,
    parse_policy,
)
from lifetrack.visibility import Visibility
from lifetrack.watchers.watching import check_names
from lifetrack.witness.system import psutil

if TYPE_CHECKING:
    from lifetrack.journal.plans import JournalPlan

_OFF = "tracking is off: call start() first"
_T = TypeVar("_T")
_C = TypeVar("_C", bound=type)
_F = TypeVar("_F", bound=Callable[..., Any])


def _journaled(plan: JournalPlan, settings: Settings) -> Ledger:
    from lifetrack.journal.beginning import journaled

    return journaled(plan, settings)


class Tracker:
    """One account of resources. Several can exist side by side; each declares, watches and reports for itself.

    Declarations outlast :meth:`stop`: starting again covers the classes declared before.
    """

    def __init__(self) -> None:
        self._registry = Registry()
        self._account: Account | None = None
        self._watches: list[tuple[str, ...]] = []
        self._visibility = Visibility()
        self.company = Company(self._own_final_report, self.begin_journal_in_child)

    # -- switch --------------------------------------------------------------------------------------------------

    def start(
        self,
        level: str | Level = Level.STACKS,
        *,
        policy: PolicyChoice | Policy = "warn",
        watch: str | Iterable[str] = (),
        report: ReportTarget | Sequence[ReportTarget] | bool | None = None,
        frames: int = DEFAULT_FRAMES,
        children: bool = False,
        witness: bool = False,
        journal: str | os.PathLike[str] | JournalPlan | None = None,
        journal_size: int | str | None = None,
    ) -> Switch:
        """Begin to track, or change the settings while tracking; the records so far stay.

        ``level`` is off, counts, sites, stacks or full; ``policy`` is raise, warn or record, or a mapping of rules to
        these; ``watch`` names what else is tracked; ``frames`` is the length of stacks. ``report`` names files for the
        report at exit: None prints it on standard error, False makes none. With ``children`` the child processes are
        followed; with ``witness`` the operating system is asked at the end what is left open. ``journal`` names a file
        that keeps every event as it happens, of at most ``journal_size`` bytes (16M by default). Raises
        ConfigurationError for a bad value, before anything has changed, and MissingExtraError for want of psutil.
        """
        settings = Settings(parse_level(level), parse_policy(policy), parse_frames(frames))
        names = check_names(watch)
        targets = report_targets(report)
        if settings.level == Level.OFF:
            self.stop()
            return Switch(self.stop)
        plan = self._plan(journal, journal_size)
        if witness:
            psutil()
        if children:
            self.company.gather()
        ledger = None if plan is None or self._account is not None else _journaled(plan, settings)
        self._visibility.show(settings.policy)
        if self._account is None:
            self._account = Account(settings, targets, self._watches, ledger)
        else:
            self._account = self._account.changed(settings, targets)
        self._registry.install(self._account.classes)
        if names:
            self._account.watching.install(names)
        if witness:
            self.begin_witness(PROCESS)
        self.company.order(settings, self._account.watching.names, self._journal_of_children())
        return Switch(self.stop)

    def _plan(self, journal: Any, size: Any) -> JournalPlan | None:
        """Read what is said of a journal; raise ConfigurationError where there can be none, or no other one."""
        if journal is None:
            return None
        from lifetrack.journal.plans import plan_of

        plan = plan_of(journal, size)
        if self._account is not None:
            known = self._account.engine.ledger.journal
            if known is None or known.plan.path != plan.path:
                raise ConfigurationError(
                    f"journal {plan.path!r}: tracking is on already, so that its events would lack: name it when "
                    "tracking starts, or stop() first"
                )
        return plan

    def _journal_of_children(self) -> JournalPlan | None:
        ledger = self.ledger
        return None if ledger is None or ledger.journal is None else ledger.journal.plan

    def begin_journal_in_child(self) -> None:
        """Go on with a journal of its own, in a forked child that is followed."""
        ledger = self.ledger
        if ledger is not None and ledger.journal is not None:
            ledger.journal.begin_in_child()

    def stop(self) -> None:
        """End tracking and restore everything that was touched. Does nothing while tracking is off."""
        account, self._account = self._account, None
        if account is not None:
            account.close()
        self.company.part()
        self._visibility.restore()

    def is_tracking(self) -> bool:
        """Whether tracking is on."""
        return self._account is not None

    # -- parts, for the layers that stand on the tracker ---------------------------------------------------------

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
        return self._on().classes.recorder

    def _on(self) -> Account:
        if self._account is None:
            raise LifetrackError(_OFF)
        return self._account

    def begin_witness(self, place: Place) -> None:
        """Ask the operating system from now on what a place leaves behind; needs the extra ``os``."""
        if self._account is not None and self._account.ask_system(place):
            self._renew(self._account)

    def _renew(self, account: Account) -> None:
        """Make the wrappers anew, because they have more to do."""
        self._account = account.changed(account.settings, account.targets)
        self._registry.install(self._account.classes)

    def guard_scopes(self) -> None:
        """Let releases be looked at from now on; until some scope is exclusive, nothing pays for it."""
        account = self._account
        if account is not None and not account.engine.ledger.guarded:
            account.engine.ledger.guarded = True
            self._renew(account)

    def pending_grace(self, place: Place, mark: int) -> float:
        """Give for how many seconds something in a place may still be given time to end; 0 if nothing is pending."""
        return 0.0 if self._account is None else self._account.judgement.pending_grace(place, mark)

    def end_scope(self, place: Place, mark: int, *, may_raise: bool) -> None:
        """Judge a scope that ends: what is open in it is LT103."""
        if self._account is not None:
            self._account.classes.settle()
            self._account.judgement.end_scope(place, mark, may_raise=may_raise)

    def released_of(self, entries: Sequence[Entry]) -> tuple[Record, ...]:
        """Give the records of those entries that have been released by now, in their order."""
        return () if self._account is None else self._account.released_of(entries)

    # -- declare -------------------------------------------------------------------------------------------------

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
    ) -> Callable[[_C], _C]: ...
    def tracked(self, cls: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]
        """Declare a class: its objects, and those of its subclasses, are resources.

        ``release`` names the release methods, by default those with a usual name; ``acquire`` the method that begins
        the duty; ``idempotent`` allows to release twice; ``after_release`` names methods that stay legitimate;
        ``guard`` is methods, all (properties and attributes too) or none. ``grace`` is in seconds. ``thread_bound``:
        used and released in its own thread only. ``children`` names the methods that make what depends on it.
        ``fork_safe``: a forked child may use and release it too. ``owns``: the object owns what its acquire method
        acquires. Raises DeclarationError where the class does not have what is named.
        """
        if cls is None:
            return lambda decorated: self.tracked_as(decorated, **options)
        return self.tracked_as(cls)

    def tracked_as(self, cls: _C, /, **options: Any) -> _C:
        """Declare a class with options, as the decorator :meth:`tracked` does."""
        declaration = declare(cls, **options)
        self._registry.add(cls, declaration)
        DECLARED[cls] = declaration
        if self._account is not None:
            self._account.classes.install(cls, declaration)
        return cls

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
        check_owner(owner)
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
        if function is None:
            return lambda decorated: acquiring(self, decorated, release, label)
        return acquiring(self, function, release, label)

    def releases(self, parameter: str) -> Callable[[_F], _F]:
        """Declare a function that releases the argument named. Raises DeclarationError if it has no such parameter."""
        return lambda function: releasing(self, function, parameter)

    def watch(self, *names: str) -> Undo:
        """Watch classes that are not ours, as long as tracking is on; give the exact undo.

        Raises ConfigurationError for an unknown name.
        """
        checked = check_names(names)
        self._watches.append(checked)
        if self._account is not None:
            self._account.watching.install(checked)

        def undo() -> None:
            self._watches.remove(checked)
            if self._account is not None:
                self._account.watching.remove(checked)

        return Undo(undo)

    # -- structure -----------------------------------------------------------------------------------------------

    def scope(
        self,
        name: str = "scope",
        *,
        kind: str = "scope",
        exclusive: bool = False,
        both: bool = False,
        witness: bool = False,
    ) -> Scope:
        """Make a scope: what is acquired inside must be released before it ends.

        With ``exclusive``, only code inside it may release what it owns (LT301). With ``both``, its
        ``released_before`` are the records of what was acquired before it and released while it ran. With ``witness``
        the operating system is asked, too, what is left open (LT501 to LT504); raises MissingExtraError without psutil.
        """
        return Scope(self, name, kind, exclusive=exclusive, both=both, witness=witness)

    def allow(self, reason: str) -> Allowance:
        """Let what is acquired inside leak, for a reason; raises ConfigurationError without one."""
        given: object = reason  # a bare @allow hands over the function
        if not isinstance(given, str) or not given.strip():
            raise ConfigurationError("allow() needs a reason: say why these resources may leak")
        return Allowance(self, "allow", "allow", reason)

    # -- ask -----------------------------------------------------------------------------------------------------

    def find_leaks(self, *, scope: Scope | None = None) -> list[Finding]:
        """Give every leak so far: what was filed, and what is live at this moment; never prints, changes no verdict.

        With a ``scope`` only what was acquired in it, the last time that it was entered. Empty while tracking is off.
        """
        account = self._account
        if account is None or (scope is not None and scope.place is None):
            return []
        account.look()
        place = None if scope is None else scope.place
        return leaks(account.engine.ledger, place, account.judgement.lasts)

    def assert_no_leaks(self, *, scope: Scope | None = None) -> None:
        """Raise LeakError if :meth:`find_leaks` finds anything that was not allowed."""
        findings = [finding for finding in self.find_leaks(scope=scope) if finding.allowed is None]
        if findings:
            raise leak_error(findings, "so far")

    def history(self, obj: object) -> tuple[Event, ...]:
        """Give what happened to an object, oldest first; empty for one that is not tracked."""
        ledger = self.ledger
        entry = None if ledger is None else ledger.entries.get(id(held_by(obj)))
        return () if ledger is None or entry is None else tuple(events_of(ledger, entry))

    def snapshot(self) -> Snapshot:
        """Give all live resources and the totals by type, at this moment; empty while tracking is off."""
        account = self._account
        if account is None:
            return Snapshot((), ())
        account.look()
        ledger = account.engine.ledger
        return Snapshot(type_totals(ledger), tuple(record_of(ledger, entry) for entry in ledger.open_entries()))

    def report(self) -> Report:
        """Make the report of this moment; raises LifetrackError while tracking is off."""
        account = self._on()
        account.look()
        return report_of(account, "normal", self.find_leaks())

    def final_report(self, ending: str = "normal") -> Report:
        """Make the report at the end of the process: what is live now is LT101. Later calls give the same account.

        Where children are followed it has what they have reported, and tells which of them were lost.
        """
        own = self._own_final_report(ending)
        if own is None:
            raise LifetrackError(_OFF)
        return self.company.merge(own)

    def _own_final_report(self, ending: str) -> Report | None:
        """Make the final report of this process alone; None while tracking is off."""
        account = self._account
        if account is None:
            return None
        account.look()
        account.judgement.end_process(ending)
        if account.engine.ledger.journal is not None:
            account.engine.ledger.journal.end(ending)
        return report_of(account, ending, None)

    def disown(self, file: str) -> None:
        """Take what the code of a file has acquired as inherited from another process."""
        if self._account is not None:
            self._account.engine.ledger.disown(file)

    # -- the end -------------------------------------------------------------------------------------------------

    def at_exit(self) -> None:
        """Report at the end of the process, in the process that started the tracking; a followed child to that one."""
        self.company.at_exit()
        account = self._account
        if account is None or account.targets is False or account.pid != os.getpid():
            return
        uncaught = getattr(sys, "last_value", None) is not None  # set by the interpreter when it has printed one
        account.present(self.final_report("exception" if uncaught else "normal"))


_default = Tracker()


def default_tracker() -> Tracker:
    """Give the tracker that the module functions stand on."""
    return _default
