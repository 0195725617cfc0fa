"""The account: the parts of one tracker from start to stop, and the report of them."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from lifetrack.detect.leaks import filed_findings, leaks, misuses
from lifetrack.detect.totals import type_totals
from lifetrack.earlier import Earlier
from lifetrack.guards.active import delist, enlist
from lifetrack.guards.engine import Engine
from lifetrack.holders.leaks import MOST, MOST_ALIKE
from lifetrack.instruments import Instruments
from lifetrack.judgement import Judgement, is_released
from lifetrack.ledger.entries import EXTRA, RELEASED, STATE, Entry
from lifetrack.ledger.leaving import note_ended, note_handled
from lifetrack.ledger.ledger import Ledger, is_reported
from lifetrack.ledger.lifetimes import lifetimes_of
from lifetrack.ledger.places import Place
from lifetrack.ledger.rendering import record_of
from lifetrack.ownership.holding import outlive
from lifetrack.preloading import preload
from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo, grouped
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Finding
from lifetrack.values.headroom import headroom, is_tight
from lifetrack.values.holders import Holder
from lifetrack.values.interpreter import now, python_version
from lifetrack.values.process import when_exiting, when_forking
from lifetrack.values.records import UNKNOWN, UNTRACKABLE, Record
from lifetrack.values.settings import Level, Settings
from lifetrack.watchers.context import Follow
from lifetrack.watchers.unwinding import Unwinding
from lifetrack.watchers.watching import Watching

ReportTarget = str | os.PathLike[str]


def _say(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")


_accounts: weakref.WeakSet[Account] = weakref.WeakSet()


def _after_fork() -> None:
    """Guard in a forked child what it has inherited. The ledgers have begun anew before this."""
    for account in list(_accounts):
        account.instruments.guard_inherited()


def _exit_begins() -> None:
    """Let every release from here on be looked at, so that it is known to be an exit hook's."""
    for account in list(_accounts):
        account.engine.ledger.begin_exit()


when_forking(in_child=_after_fork)
when_exiting(_exit_begins)


class Account:
    """One ledger with everything that writes into it."""

    def __init__(
        self,
        settings: Settings,
        targets: bool | tuple[str, ...],
        watches: Iterable[tuple[str, ...]],
        ledger: Ledger | None = None,
    ) -> None:
        if is_tight():
            preload()
        self.settings = settings
        self.targets = targets
        #: The process that started it, the only one that reports at exit.
        self.pid = os.getpid()
        self.started = now()
        self.engine = Engine(Ledger() if ledger is None else ledger, settings)
        self.judgement = Judgement(self.engine)
        self.instruments = Instruments(self.engine, self.judgement.drain)
        self.following = Follow(self.engine.ledger)
        # What no site is known of cannot be said to have been left.
        self.unwinding = Unwinding(self.engine.ledger) if settings.level >= Level.SITES else None
        self.watching = Watching(self.engine, self.judgement.drain)
        self.earlier = Earlier()
        enlist(self.engine)
        _accounts.add(self)
        for names in watches:
            self.watching.install(names)

    def changed(self, settings: Settings, targets: bool | tuple[str, ...]) -> Account:
        """Give an account with other settings and the same ledger; this one is taken down."""
        asked, parts = self.watching.asked, self.instruments.parts()
        successor = Account(settings, targets, asked, self.engine.ledger)
        self._take_down()  # not before: what is watched all the time goes on under the same wrappers
        successor.started, successor.pid, successor.earlier = self.started, self.pid, self.earlier
        if successor.engine.ledger.journal is not None:
            successor.engine.ledger.journal.level(settings.level)
        successor.judgement.witness, successor.judgement.lasting = self.judgement.witness, self.judgement.lasting
        if successor.judgement.witness is not None:
            successor.judgement.witness.use(successor.engine)
        successor.instruments.take_over(parts, self.instruments)
        return successor

    def end_quietly(self, place: Place, mark: int) -> bool:
        """Judge a scope that ends if nothing that came since it began is open; whether that is so."""
        self.instruments.settle()
        return self.judgement.end_quietly(place, mark)

    def _take_down(self) -> None:
        self.watching.remove()
        self.instruments.remove()
        self.following.remove()
        if self.unwinding is not None:
            self.unwinding.remove()
        self.engine.on = False
        delist(self.engine)
        _accounts.discard(self)

    def close(self) -> None:
        """Restore everything that was touched."""
        outlive(self.engine.ledger)
        if self.engine.ledger.journal is not None:
            self.engine.ledger.journal.close()
        if self.judgement.witness is not None:
            self.judgement.witness.stop()
        self._take_down()
        self.engine.ledger.entries.clear()

    def ask_system(self, place: Place) -> bool:
        """Ask the operating system as witness of a place; give whether this was the first time."""
        first = self.judgement.witness is None
        if self.judgement.witness is None:
            from lifetrack.witness.witness import Witness

            self.judgement.witness = Witness(self.engine, self.judgement.lasting)
        self.judgement.witness.begin(place)
        return first

    def look(self) -> None:
        """Bring the ledger up to date: classes, collected objects, and objects that know their own state."""
        self.instruments.settle()
        note_handled(self.engine.ledger.entries)
        note_ended(self.engine.ledger.entries)
        self.engine.ledger.settle(is_released)
        self.judgement.drain()

    def leaks(
        self, place: Place | None, told: dict[str, str] | None = None, *, counting: bool = False
    ) -> list[Finding]:
        """Give every leak so far, or what was acquired in a place; one for all alike if ``counting``. Look before."""
        return leaks(self.engine.ledger, place, self.judgement.asking(), told, counting=counting)

    def knowing_holders(self, most_alike: int = MOST_ALIKE) -> AbstractContextManager[None]:
        """Let the findings that are made in a block tell who holds their objects at this moment. Look before."""
        ledger = self.engine.ledger
        found = [case.entry for case in ledger.cases.all()]
        found += [entry for entry in ledger.open_entries() if not is_reported(entry)]
        return self.judgement.evidence.of_now(found, most_alike)

    @headroom()
    def found_leaks(self, place: Place | None, *, held_by: bool) -> list[Finding]:
        """Give every leak so far, or what was acquired in a place, with its holders where asked. Look before."""
        if not held_by:
            return self.explained(self.leaks(place))
        with self.knowing_holders(MOST):
            return self.explained(self.leaks(place))

    def explained(self, findings: Iterable[Finding]) -> list[Finding]:
        """Add to findings what is worked out only when somebody wants to read them."""
        findings = list(findings)
        if not any(finding.is_leak for finding in findings):  # nothing to explain, nothing to load for it
            return findings
        from lifetrack.detect.explaining import explained

        return explained(self.engine.ledger, findings)

    def released_of(self, entries: Sequence[Entry]) -> tuple[Record, ...]:
        """Give the records of those entries that have been released by now, in their order."""
        self.look()
        ledger = self.engine.ledger
        return tuple(record_of(ledger, entry) for entry in entries if entry[STATE] == RELEASED)

    @headroom()
    def present(self, report: Report) -> None:
        """Print or write the report at exit; a target that fails is one clear line and the text is printed."""
        from lifetrack.reports.files import write_report
        from lifetrack.reports.text import nothing_to_say, print_report

        failed = self.targets is True
        for path in self.targets if isinstance(self.targets, tuple) else ():
            try:
                write_report(report, path)
            except Exception as error:  # a full disk must not hide the program's own ending
                _say(f"lifetrack: error: {error}")
                failed = True
        if failed and not nothing_to_say(report) and sys.stderr is not None:
            print_report(report, sys.stderr)


def report_targets(report: Any) -> bool | tuple[str, ...]:
    """Read where the report goes at exit; raise ConfigurationError for anything that is no path."""
    if report is None or report is True:
        return True
    if report is False:
        return False
    from lifetrack.reports.files import check_writable

    paths = (report,) if isinstance(report, (str, os.PathLike)) else report
    if not isinstance(paths, Sequence):
        raise ConfigurationError(f"report= takes a path or several, not {type(report).__name__}")
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise ConfigurationError(f"report= takes paths, not {type(path).__name__}")
    return tuple(check_writable(path) for path in paths)


def why_alive(address: int, account: Account | None) -> tuple[Holder, ...]:
    """Tell who holds the object at an address, which must be alive."""
    from lifetrack.holders.explain import explain

    if account is None:
        return explain((address,)).holders[address]
    return account.judgement.evidence.explain((address,))[address]


@headroom()
def report_of(account: Account, ending: str, findings: Sequence[Finding] | None, *, in_full: bool = True) -> Report:
    """Make a report: of these leaks and every misuse filed, or of all that was filed.

    ``in_full`` says whether to explain the findings, and to look in the heap for objects from before tracking began.
    """
    ledger = account.engine.ledger
    filed = filed_findings(ledger) if findings is None else [*findings, *misuses(ledger)]
    types = type_totals(ledger)
    earlier = account.earlier.unseen(ledger, account.instruments.declared(), account.watching.names, heap=in_full)
    unseen = (*ledger.gaps.all(), *earlier)
    found: Sequence[Finding] = grouped(filed)
    if in_full:
        found = account.explained(found)
    totals = Totals(
        acquired=sum(each.acquired for each in types),
        released=sum(each.released for each in types),
        live=sum(each.live for each in types),
        findings=sum(finding.count for finding in found if finding.allowed is None),
        untrackable=sum(each.count for each in unseen if each.what == UNTRACKABLE),
        unknown=sum(each.count for each in unseen if each.what == UNKNOWN),
    )
    process = ProcessInfo(
        pid=os.getpid(),
        parent_pid=os.getppid(),
        python=python_version(),
        platform=sys.platform,
        command=tuple(sys.argv),
        started=account.started,
        ended=now(),
        ending=ending,
    )
    dropped = sum(entry[EXTRA].dropped for entry in ledger.snapshot() if entry[EXTRA] is not None)
    return Report(
        level=account.settings.level.word,
        process=process,
        totals=totals,
        types=types,
        findings=tuple(found),
        tracker=TrackerInfo(
            complete=dropped == 0,
            dropped=dropped,
            watched=account.watching.names,
            unseen=unseen,
            search=account.judgement.evidence.search_made(),
        ),
        lasting=tuple(account.judgement.lasting),
        lifetimes=lifetimes_of(ledger),
    )
