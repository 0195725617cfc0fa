"""The tracker: joins ledger, instrumentation, detection and reports. The module functions stand on a default one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lifetrack.account import Account, ReportTarget, report_of, report_targets, why_alive
from lifetrack.company import Company
from lifetrack.declaring import OFF, address_of
from lifetrack.detect.totals import type_totals
from lifetrack.journaling import Journaled
from lifetrack.judgement import Judgement, leak_error
from lifetrack.ledger.entries import Entry
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.ledger.rendering import events_of, record_of
from lifetrack.ownership.scopes import Allowance, Scope, Standing
from lifetrack.reports.model import Report
from lifetrack.switches import Switch, Undo
from lifetrack.values.errors import ConfigurationError, LifetrackError
from lifetrack.values.events import Event
from lifetrack.values.findings import Finding
from lifetrack.values.holders import Holder
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

if TYPE_CHECKING:
    from lifetrack.journal.plans import JournalPlan
    from lifetrack.service.options import ServiceOptions

LimitChoice = str | Mapping[Any, float]


class Tracker(Journaled):
    """One account of resources. Several can exist side by side; each declares, watches and reports for itself.

    Declarations outlast :meth:`stop`: starting again covers the classes declared before.
    """

    def __init__(self) -> None:
        super().__init__()
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
        dump_signal: str | int | None = None,
        dump_to: ReportTarget | None = None,
        held_limits: LimitChoice | None = None,
        live_limits: LimitChoice | None = None,
        growth_every: float | None = None,
        check_every: float | None = None,
        sinks: Any = None,
    ) -> Switch:
        """Begin to track, or change the settings while tracking; the records so far stay.

        ``level`` is off, counts, sites, stacks or full; ``policy`` is raise, warn or record, or a mapping of rules to
        these; ``watch`` names what else is tracked; ``frames`` is the length of stacks. ``report`` names files for the
        report at exit: None prints it on standard error, False makes none. With ``children`` the child processes are
        followed; with ``witness`` the operating system is asked at the end what is left open. ``journal`` names a file
        that keeps every event as it happens, of at most ``journal_size`` bytes (16M by default).

        For a service that runs: ``dump_signal`` asks for a report, to the file ``dump_to``. ``held_limits`` says for
        how many seconds a type may be held (LT108), ``live_limits`` how many may be live (LT107). ``growth_every`` is
        the time between two counts that are compared, ``check_every`` that between two looks at limits, in seconds.
        ``sinks`` get events and numbers: logging, otel, prometheus, or functions. What is not said stays as it is.

        Raises ConfigurationError for a bad value, before anything has changed, and MissingExtraError for an extra.
        """
        options = self._options_of(
            dump_signal=dump_signal, dump_to=dump_to, held_limits=held_limits, live_limits=live_limits,
            growth_every=growth_every, check_every=check_every, sinks=sinks,
        )  # fmt: skip
        timed = self._wants_times(options)
        settings = Settings(parse_level(level), parse_policy(policy), parse_frames(frames), timed)
        plan = None if settings.level == Level.OFF else self._plan(journal, journal_size)
        return self._begin(settings, check_names(watch), report_targets(report), options, plan, children, witness)

    def _begin(
        self,
        settings: Settings,
        names: tuple[str, ...],
        targets: bool | tuple[str, ...],
        options: ServiceOptions | None,
        plan: JournalPlan | None,
        children: bool,
        witness: bool,
    ) -> Switch:
        if settings.level == Level.OFF:
            self.stop()
            return Switch(self.stop)
        if witness:
            from lifetrack.witness.system import psutil

            psutil()
        if children:
            self.company.gather()
        ledger = self._new_ledger(settings, plan, options)
        self._visibility.show(settings.policy)
        if self._account is None:
            self._account = Account(settings, targets, self._watches, ledger)
        else:
            self._account = self._account.changed(settings, targets)
        self._registry.install(self._account.instruments.install)
        if names:
            self._account.watching.install(names)
        if witness:
            self.begin_witness(PROCESS)
        self.company.order(settings, self._account.watching.names, self._journal_of_children())
        self._begin_serving(options)
        return Switch(self.stop)

    def stop(self) -> None:
        """End tracking and restore everything that was touched. Does nothing while tracking is off."""
        self._end_service()
        account, self._account = self._account, None
        if account is not None:
            account.close()
        self.company.part()
        self._visibility.restore()

    def is_tracking(self) -> bool:
        """Whether tracking is on."""
        return self._account is not None

    # -- parts, for the layers that stand on the tracker ---------------------------------------------------------

    def begin_witness(self, place: Place) -> None:
        """Ask the operating system from now on what a place leaves behind; needs the extra ``os``."""
        if self._account is not None and self._account.ask_system(place):
            self._renew(self._account)

    @property
    def judgement(self) -> Judgement | None:
        """What says what is a leak; None while tracking is off."""
        return None if self._account is None else self._account.judgement

    def _renew(self, account: Account) -> None:
        """Make the wrappers anew, because they have more to do."""
        self._account = account.changed(account.settings, account.targets)
        self._registry.install(self._account.instruments.install)

    def guard_scopes(self) -> None:
        """Let releases be looked at from now on; until some scope is exclusive, nothing pays for it."""
        account = self._account
        if account is not None and not account.engine.ledger.guarded:
            account.engine.ledger.guarded = True
            self._renew(account)

    def pending_grace(self, place: Place, mark: int) -> float:
        """Give for how many seconds something in a place may still be given time to end; 0 if nothing is pending."""
        return 0.0 if self._account is None else self._account.judgement.pending_grace(place, mark)

    def end_quietly(self, place: Place, mark: int) -> bool:
        """Judge a scope that ends if nothing that came since it began is open; whether that is so."""
        return self._account is not None and self._account.end_quietly(place, mark)

    def end_scope(self, place: Place, mark: int, *, may_raise: bool, holders: bool = True) -> None:
        """Judge a scope that ends: what is open in it is LT103. ``holders`` says whether to look for who holds it."""
        if self._account is not None:
            self._account.instruments.settle()
            self._account.judgement.end_scope(place, mark, may_raise=may_raise, holders=holders)

    def released_of(self, entries: Sequence[Entry]) -> tuple[Record, ...]:
        """Give the records of those entries that have been released by now, in their order."""
        return () if self._account is None else self._account.released_of(entries)

    def watch(self, *names: str) -> Undo:
        """Watch classes that are not ours while tracking is on; give the undo; ConfigurationError for unknown names."""
        checked = check_names(names)
        self._watches.append(checked)
        if self._account is not None:
            self._account.watching.install(checked)
            if self._account.watching.has_limits():
                self._watch_limits()

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
        Raises ConfigurationError for a name that is no text.
        """
        given: object = name  # a bare @scope hands over the function
        if not isinstance(given, str):
            raise ConfigurationError("scope() takes a name: say what it is for, as in scope('import job')")
        return Scope(self, name, kind, exclusive=exclusive, both=both, witness=witness)

    def allow(self, reason: str) -> Allowance:
        """Let what is acquired inside leak, for a reason; raises ConfigurationError without one."""
        given: object = reason  # a bare @allow hands over the function
        if not isinstance(given, str) or not given.strip():
            raise ConfigurationError("allow() needs a reason: say why these resources may leak")
        return Allowance(self, "allow", "allow", reason)

    # -- ask -----------------------------------------------------------------------------------------------------

    def find_leaks(self, *, scope: Standing | None = None, held_by: bool = False) -> list[Finding]:
        """Give every leak so far: what was filed, and what is live at this moment; never prints, changes no verdict.

        With a ``scope`` only what was acquired in it, the last time that it was entered. With ``held_by`` each finding
        tells who holds the object, if that is alive, which takes one walk over the heap. Empty while tracking is off.
        """
        account = self._account
        if account is None or (scope is not None and scope.place is None):
            return []
        self._look(account)
        return account.found_leaks(None if scope is None else scope.place, held_by=held_by)

    def assert_no_leaks(self, *, scope: Standing | None = None) -> None:
        """Raise LeakError if :meth:`find_leaks` finds anything that was not allowed."""
        findings = [finding for finding in self.find_leaks(scope=scope) if finding.allowed is None]
        if findings:
            raise leak_error(findings, "so far")

    def history(self, obj: object) -> tuple[Event, ...]:
        """Give what happened to an object, oldest first; empty for one that is not tracked."""
        ledger = self.ledger
        entry = None if ledger is None else ledger.entries.get(address_of(obj))
        return () if ledger is None or entry is None else tuple(events_of(ledger, entry))

    def why_alive(self, obj: object) -> tuple[Holder, ...]:
        """Give the paths of references that hold an object, each with a verdict: the most actionable first.

        The object need not be tracked, nor tracking be on; of a handle that is what it holds. Your own variables are
        told too, last. It takes one walk over the heap, in which nothing of the program runs and nothing is kept.
        """
        key = address_of(obj)
        del obj  # which would be one more reference that has to be accounted for
        return why_alive(key, self._account)

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
        self._look(account)
        with account.knowing_holders():
            return report_of(account, "normal", account.leaks(None, counting=True))

    def filed_report(self, *, in_full: bool) -> Report:
        """Make the report of what was filed so far: nothing is judged. For ``in_full`` see :meth:`final_report`."""
        self._on().look()
        return report_of(self._on(), "normal", None, in_full=in_full)

    def final_report(self, ending: str = "normal", *, in_full: bool = True) -> Report:
        """Make the report at the end of the process: what is live now is LT101. Later calls give the same account.

        Where children are followed it has what they have reported, and tells which of them were lost. ``in_full`` says
        whether to work out what only readers need: explanations of findings, and what walks over the heap find.
        """
        own = self._own_final_report(ending, in_full=in_full)
        if own is None:
            raise LifetrackError(OFF)
        return self.company.merge(own)

    def _own_final_report(self, ending: str, *, in_full: bool = True) -> Report | None:
        """Make the final report of this process alone; None while tracking is off."""
        account = self._account
        if account is None:
            return None
        account.look()
        if self._service is not None:
            self._service.before_end()
        account.judgement.end_process(ending, holders=in_full)
        if account.engine.ledger.journal is not None:
            account.engine.ledger.journal.end(ending)
        if self._service is not None:
            self._service.finish()
        report = report_of(account, ending, None, in_full=in_full)
        if ending == "signal":
            self._end_service()  # there is no later moment at which sinks could send what they have
        return report

    def disown(self, file: str) -> None:
        """Take what the code of a file has acquired as inherited from another process."""
        if self._account is not None:
            self._account.engine.ledger.disown(file)

    # -- the end -------------------------------------------------------------------------------------------------

    def at_exit(self) -> None:
        """Report at the end of the process, in the process that started the tracking; a followed child to that one."""
        self.company.at_exit()
        account = self._account
        if account is None or account.pid != os.getpid():
            return
        if account.targets is not False:
            uncaught = getattr(sys, "last_value", None) is not None  # set by the interpreter when it has printed one
            account.present(self.final_report("exception" if uncaught else "normal"))
        self._end_service()


_default = Tracker()


def default_tracker() -> Tracker:
    """Give the tracker that the module functions stand on."""
    return _default
