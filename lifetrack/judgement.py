"""Judging: what a tracker does with what is found at the end of a scope or of the process."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lifetrack.detect.families import fold
from lifetrack.detect.leaks import belongs_to, ends_with_process, is_in_daemon
from lifetrack.guards.conditions import judge_end_of_owner
from lifetrack.guards.engine import Engine, warn
from lifetrack.holders.leaks import Evidence
from lifetrack.ledger import clock
from lifetrack.ledger.callers import caller
from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import EXTRA, HALF_RELEASED, KIND, STATE, Entry, is_idle, place_of
from lifetrack.ledger.holds import PROCESS_ENDS, SCOPE_ENDS, is_in_use
from lifetrack.ledger.ledger import is_reported
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.ledger.suspended import note_suspended
from lifetrack.values.budgets import Budget
from lifetrack.values.collector import without_collector
from lifetrack.values.errors import LeakError
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.headroom import headroom
from lifetrack.values.records import Lasting

if TYPE_CHECKING:
    from lifetrack.witness.witness import Witness

#: What the collector notices, which cannot raise.
_UNSEEN = ("LT102", "LT104")


def is_released(entry: Entry) -> bool:
    """Ask the object itself, where its declaration says so.

    A watched one whose release broke off may say so too early.
    """
    declaration = entry[KIND].declaration
    if declaration.released_when is None or (declaration.watched and entry[STATE] == HALF_RELEASED):
        return False
    reference = None if entry[EXTRA] is None else entry[EXTRA].reference
    if reference is None:
        return False
    obj = reference()
    if obj is None:
        return True
    if declaration.ended_at_exit is not None and declaration.ended_at_exit():
        return False
    return bool(declaration.released_when(obj))


def leak_error(findings: Sequence[Finding], where: str) -> LeakError:
    """Make the error that lists leaks; one note for each."""
    noun = "resource was" if len(findings) == 1 else "resources were"
    error = LeakError(f"{len(findings)} {noun} not released {where}: {findings[0].message}", findings=findings)
    for finding in findings:
        error.add_note(f"{finding.rule} {finding.name}: {finding.message}")
    return error


def warn_of(findings: Iterable[Finding]) -> None:
    """Show findings as warnings. A filter that makes errors of them must not hit whoever happens to run now."""
    for finding in findings:
        try:
            warn(finding, None)
        except Warning as error:
            warnings.showwarning(str(error), type(error), *_place_of(finding))


def _place_of(finding: Finding) -> tuple[str, int]:
    return ("<unknown>", 1) if finding.site is None else (finding.site.file, finding.site.line)


def _asks_list(entries: Mapping[int, Entry], *, ending: bool) -> Callable[[Entry], Lasting | None]:
    """Give what asks the list of what lives as long as the process; it is loaded with the first question."""
    with headroom():
        from lifetrack.witness.asking import Asking

    return Asking(entries, ending=ending)


class Judgement:
    """Files what is open as leaks, once, and does what the policy says."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ledger = engine.ledger
        #: The operating system, where it is asked.
        self.witness: Witness | None = None
        #: Who holds what leaked.
        self.evidence = Evidence(engine.ledger)
        #: For suspended generators that are looked for at the ends of scopes, and are not there.
        self._fruitless = Budget()
        #: What was found to live as long as the process.
        self.lasting: dict[Lasting, None] = {}

    def _file(self, entries: list[Entry], otherwise: str, *, holders: bool) -> list[Case]:
        if holders:
            note_suspended(self._ledger.entries, entries, self._fruitless)
        filed = (self._ledger.file_leak(entry, otherwise) for entry in entries)
        cases = [case for case in filed if case is not None]
        if holders and any(place_of(case.entry).allowed() is None for case in cases):
            self.evidence.note(case.entry for case in cases)
        return cases

    def drain(self) -> None:
        """Take in what the collector noticed, and warn of it where the policy says so."""
        self._announce(self._ledger.drain())

    def announce(self, cases: Iterable[Case]) -> None:
        """Warn of what was found beside the program, also where the policy says ``raise``: nobody could catch it."""
        self._announce(cases, ("warn", "raise"))

    def _announce(self, cases: Iterable[Case], words: tuple[str, ...] = ("warn",)) -> None:
        policy = self._engine.settings.policy
        shown = [case for case in cases if policy[case.rule] in words]
        findings = fold((case.entry, finding_of_case(self._ledger, case)) for case in shown)
        warn_of(finding for finding in findings if finding.allowed is None)

    def _is_quiet(self, mark: int) -> bool:
        """Whether nothing has come since a mark that a scope could be judged for yet, as in most tests of a suite."""
        return self.witness is None and self._ledger.is_quiet_since(mark)

    def pending_grace(self, place: Place, mark: int) -> float:
        """Give the longest grace of what is still open in a place; 0 where nothing has any."""
        if self._is_quiet(mark):
            return 0.0
        waiting = []
        if any(entry[KIND].declaration.grace for entry in self._ledger.open_since(mark, keep=True)):
            self._ledger.settle(is_released)
            waiting = [
                entry[KIND].declaration.grace
                for entry in self._ledger.open_since(mark, keep=True)
                if entry[KIND].declaration.grace and belongs_to(entry, place) and not is_reported(entry)
            ]
        return max(waiting, default=0.0 if self.witness is None else self.witness.pending(place))

    def end_quietly(self, place: Place, mark: int) -> bool:
        """End a scope in which nothing has come that it could be judged for; whether that is so."""
        if not self._is_quiet(mark):
            return False
        if self._ledger.journal is not None:
            self._ledger.journal.owner_ended(place)
        self._ledger.forget_mark(mark)
        return True

    def end_scope(self, place: Place, mark: int, *, may_raise: bool, holders: bool = True) -> None:
        """File what a scope leaves open as LT103; raise LeakError or warn as the policy says.

        ``holders`` says whether to look for who holds what is found, suspended generators and others: nobody needs to
        where nobody will read of it.
        """
        if not (may_raise and self._ledger.cases.latest) and self.end_quietly(place, mark):
            return
        self._ledger.settle(is_released)
        self.drain()
        if self._ledger.journal is not None:
            self._ledger.journal.owner_ended(place)
        self._judge(place, mark, may_raise=may_raise, holders=holders)

    def _judge(self, place: Place, mark: int, *, may_raise: bool, holders: bool) -> None:
        open_now = (entry for entry in self._ledger.due_since(mark) if belongs_to(entry, place))
        lasts = self.asking()
        due = self._still_open([e for e in open_now if not is_in_use(e, SCOPE_ENDS) and not lasts(e)])
        cases = self._file(due, "LT103", holders=holders) + self._testimony(place)
        if self._ledger.pending:  # the collector may take what is due between two questions about it
            self.drain()
        for entry in due:
            judge_end_of_owner(self._engine, entry, place, caller(1), may_raise=False)
        policy = self._engine.settings.policy
        raising = [case for case in cases if policy[case.rule] == "raise" and may_raise]
        self._announce(cases)
        told = [(case.entry, finding_of_case(self._ledger, case)) for case in raising]
        if may_raise:
            dropped = [case for case in self._dropped(place) if case not in raising]
            raising += dropped
            told += [(case.entry, finding_of_case(self._ledger, case)) for case in dropped]
        told = [(entry, finding) for entry, finding in told if finding.allowed is None and not policy.pardons(finding)]
        findings = fold(told)
        if findings:
            for case in raising:
                case.raised = True
            raise leak_error(findings, f"when {place.kind} '{place.name}' ended")

    def _dropped(self, place: Place) -> list[Case]:
        """Give what was dropped in a place, or left behind by its owner; the end of the place raises for it."""
        rules = {rule for rule in _UNSEEN if self._engine.settings.policy[rule] == "raise"}
        if not rules:
            return []
        dropped = [case for case in self._ledger.cases.all() if case.rule in rules and not case.raised]
        return [case for case in dropped if belongs_to(case.entry, place)]

    @headroom()
    def end_process(self, ending: str, *, holders: bool = True) -> None:
        """File what is live at the end of the process as LT101; only suspected where a signal ended it.

        ``holders`` says whether to look for who holds the objects of what was found, and is not explained yet.
        """
        self._let_threads_end()
        certainty = Certainty.SUSPECTED if ending == "signal" else Certainty.PROVEN
        with without_collector():  # what it took between two questions would be neither live nor noticed as gone
            self._ledger.settle(is_released)
            self._ledger.drain()
            lasts = self.asking(ending=True)
            live = [entry for entry in self._ledger.open_entries() if not lasts(entry)]
            live = [entry for entry in live if not ends_with_process(entry) and not is_in_daemon(entry)]
            left = self._still_open([entry for entry in live if not is_in_use(entry, PROCESS_ENDS)])
            if holders:
                note_suspended(self._ledger.entries, left)
            self._ledger.file_leaks(left, "LT101", certainty)
            self._ledger.drain()  # what other threads have dropped meanwhile
        self._testimony(PROCESS)
        if holders:
            self.evidence.note_all(case.entry for case in self._ledger.cases.all())

    def _still_open(self, entries: list[Entry]) -> list[Entry]:
        """Give those that are open after another look: a thread may end, and go, between two questions about it."""
        if not entries:
            return entries
        self._ledger.settle(is_released)
        still = set(map(id, self._ledger.open_entries()))
        return [entry for entry in entries if id(entry) in still]

    def _let_threads_end(self) -> None:
        """Give threads that are just ending a moment, while there are any and the operating system is asked."""
        witness = self.witness
        if witness is not None:
            clock.wait_while(lambda: witness.pending(PROCESS), witness.pending(PROCESS))

    def asking(self, *, ending: bool = False, idle: bool = True) -> Callable[[Entry], bool]:
        """Give what tells, in one pass over entries, which of them are no leak while they are open.

        They live as long as the process by design, which is shown apart, and more so where it is ``ending``; or hold
        nothing at present, unless told that those may do so later.
        """
        asked: Callable[[Entry], Lasting | None] | None = None

        def lasts(entry: Entry) -> bool:
            nonlocal asked
            if idle and is_idle(entry):
                return True
            asked = asked or _asks_list(self._ledger.entries, ending=ending)
            known = asked(entry)
            if known is not None:
                self.lasting[known] = None
            return known is not None

        return lasts

    def _testimony(self, place: Place) -> list[Case]:
        return [] if self.witness is None else self.witness.testify(place)
