"""One run of pytest: the tracker with this run's settings, and the scopes of tests and fixtures with their leaks."""

from __future__ import annotations

import linecache
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import pytest

from lifetrack.ledger.entries import place_of
from lifetrack.ledger.ledger import Ledger, is_reported
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.pytest_plugin.duties import TEST, Docket, Duty, Post, blamed
from lifetrack.pytest_plugin.options import Options, Terms, is_for_github, worker_of
from lifetrack.pytest_plugin.ratchet import Ratchet
from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.findings import Finding
from lifetrack.values.headroom import headroom, is_tight
from lifetrack.values.settings import Settings


class Extra(NamedTuple):
    """What is watched for the sake of a marker, since when."""

    names: tuple[str, ...]
    ledger: Ledger
    mark: int
    undo: Callable[[], object]

    def is_needed(self, tracker: Tracker) -> bool:
        """Whether something is open that may be one of these: its release would be missed."""
        return tracker.ledger is self.ledger and any(True for _ in self.ledger.open_since(self.mark, keep=True))


def _preload() -> None:
    """Load what tests that leave something open need, as far as it is not the tracker that does."""
    import lifetrack.holders.roots
    import lifetrack.pytest_plugin.cleanups
    import lifetrack.pytest_plugin.imported
    import lifetrack.pytest_plugin.nodes
    import lifetrack.pytest_plugin.reach
    import lifetrack.pytest_plugin.summary
    import lifetrack.pytest_plugin.verdict
    import lifetrack.reports.evidence
    import lifetrack.reports.github
    import lifetrack.watchers.custody  # noqa: F401


class Run:
    """What the rooms of the plugin share."""

    def __init__(self, config: pytest.Config, options: Options, tracker: Tracker) -> None:
        self.config = config
        self.options = options
        self.tracker = tracker
        self.terms = options.terms
        #: What holds at this moment.
        self._now = options.terms
        #: The settings that were found to be those for it.
        self._settings: Settings | None = None
        self._extra: list[Extra] = []
        self.docket = Docket()
        #: Findings for the summary, and those of them that fail the run because no test could be failed for them.
        self.shown: list[Finding] = []
        self.known: list[Finding] = []
        self.foreign: list[Finding] = []
        self.failing: list[Finding] = []
        self.problems: list[str] = []
        self.ratchet = Ratchet(options.baseline, os.fspath(config.rootpath))
        self._before: Settings | None = None
        self._base: Place = PROCESS
        self._started = False

    # -- the tracker ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start tracking; what was on before, if anything, is remembered."""
        linecache.checkcache()  # of an earlier run in this process
        if is_tight():
            _preload()
        engine = self.tracker.engine
        self._before = None if engine is None or self._is_by_environment() else engine.settings
        if self.options.journal is not None and self._before is None:
            known = None if engine is None else engine.ledger.journal
            if known is None or known.plan.path != self.options.journal.path:
                self.tracker.stop()  # it is on since the import; a journal has to begin with the tracking
        try:
            self.ensure(self.terms)
        except ConfigurationError as error:
            raise pytest.UsageError(f"lifetrack: {' '.join(str(error).split())}") from None
        if self.is_guest:
            self.docket.pass_over(self.tracker.ledger)
        if self.tracker.ledger is not None:
            # In a run inside a test of another run, what is acquired is that test's.
            self._base = self.tracker.ledger.place.get()

    @property
    def is_guest(self) -> bool:
        """Whether somebody else had switched it on before, to whom it is left to judge what lives on after this run."""
        return self._before is not None

    def _is_by_environment(self) -> bool:
        """Whether it is on because the variable that switches on this run has switched it on at the import already."""
        ledger = self.tracker.ledger
        outermost = ledger is not None and ledger.place.get() is PROCESS
        return outermost and bool(os.environ.get("LIFETRACK")) and self.tracker.reports_to is True

    def ensure(self, terms: Terms) -> None:
        """Bring the settings to what this run wants: a test's marker or the program itself may have changed them."""
        engine = self.tracker.engine
        if (
            (terms is self._now or terms == self._now)
            and engine is not None
            and engine.settings is self._settings
            and not self._extra
        ):
            return  # as before the last test
        self._now = terms
        wanted = Settings(terms.level, replace(terms.policy, pardon=self._pardons))
        if engine is not None and engine.settings == wanted:
            self._settings = engine.settings
            self._watch(terms.watch)
            return
        watch = self.options.watch if engine is None or not self._started else ()
        journal = self.options.journal if engine is None or not self._started else None
        self._started = True
        # Whoever had switched it on before us still gets the report at exit.
        report = None if self._before is not None else False
        self.tracker.start(terms.level, policy=wanted.policy, watch=watch, report=report, journal=journal)
        self._watch(terms.watch)

    def _pardons(self, finding: Finding) -> bool:
        return self._now.pardons(finding)

    def _watch(self, names: tuple[str, ...]) -> None:
        """Watch what a marker asks for, until a test comes that does not."""
        for extra in [each for each in self._extra if each.names != names and not each.is_needed(self.tracker)]:
            self._extra.remove(extra)
            extra.undo()
        ledger = self.tracker.ledger
        if names and ledger is not None and all(extra.names != names for extra in self._extra):
            self._extra.append(Extra(names, ledger, ledger.mark(), self.tracker.watch(*names)))

    def stop(self) -> None:
        """Stop tracking, or go back to the settings that it had before this run."""
        for extra in self._extra:
            extra.undo()
        if self._before is None:
            self.tracker.stop()
        else:
            self.tracker.start(self._before.level, policy=self._before.policy, frames=self._before.frames)

    # -- scopes --------------------------------------------------------------------------------------------------

    def new_duty(self, name: str, kind: str, terms: Terms) -> Duty:
        """Make the scope of a test or of a fixture."""
        ledger = self.tracker.ledger
        if ledger is None:
            raise ConfigurationError("tracking is off")
        duty = Duty(self.tracker, ledger, name, kind, terms, self._base)
        if self.options.witness:
            self.tracker.begin_witness(duty.place)
        return duty

    def ends_quietly(self, duty: Duty) -> bool:
        """End a scope for which there is nothing to judge; whether that is so."""
        if not (self.docket.has_nothing(self.tracker.ledger, duty.place) and duty.ends_quietly()):
            return False
        self._note_judged(duty)
        return True

    def end(self, duty: Duty) -> list[Finding]:
        """End a scope; give the findings that are failures, and keep for the summary what is worth it."""
        self.docket.take(self.tracker.ledger, scopes_raised=True)
        is_read = duty.failed or self._is_read_in_full(duty.terms)
        duty.end(holders=is_read)
        self.docket.take(self.tracker.ledger)
        findings = self.docket.of(duty.place)
        self._note_judged(duty)
        if not findings:
            return findings
        if is_read:
            findings = self._explained(findings)
        if duty.failed:  # a consequence, which the failing test shows; by the end of a fixture its report is out
            consequences = [finding for finding in findings if finding.allowed is None]
            if duty.kind != TEST:
                self.show(consequences, duty.terms)
            self.ratchet.spare(findings)
            return consequences
        duty.found = findings
        self.show(findings, duty.terms)
        owner = duty.name if duty.kind == TEST else f"{duty.kind} {duty.name}"
        self.ratchet.note(owner, filter(duty.terms.counts, findings))
        self.ratchet.spare(finding for finding in findings if not duty.terms.counts(finding))
        return [finding for finding in findings if duty.terms.fails(finding)]

    def _is_read_in_full(self, terms: Terms) -> bool:
        """Whether more of a finding will be read than its line in the summary.

        In a failure, a report, an annotation, or below a verbose summary.
        """
        options, config = self.options, self.config
        return (
            terms.fail_on is not None
            or bool(options.reports or options.journal)
            or config.get_verbosity() > 0
            or worker_of(config) is not None
            or is_for_github()
        )

    def _note_judged(self, duty: Duty) -> None:
        if not duty.failed:
            duty.place.judged_by = self.docket

    @headroom()
    def _explained(self, findings: list[Finding]) -> list[Finding]:
        ledger = self.tracker.ledger
        if ledger is None:
            return findings
        from lifetrack.detect.explaining import explained

        return explained(ledger, findings)

    def judge_late(self) -> None:
        """Judge once more the tests and fixtures for which threads of theirs have acquired after their end."""
        ledger = self.tracker.ledger
        entries = [] if ledger is None else ledger.open_entries()
        for place in dict.fromkeys(blamed(place_of(entry)) for entry in entries if not is_reported(entry)):
            if isinstance(place, Post) and place.judged_by is self.docket:
                self.tracker.end_scope(place, 0, may_raise=False, holders=self._is_read_in_full(self.terms))

    def show(self, findings: Iterable[Finding], terms: Terms) -> None:
        """Keep findings for the summary: those of third-party code and those that the baseline accepts apart."""
        for finding in findings:
            if finding.allowed is None and terms.spares(finding):
                self.foreign.append(finding)
            elif terms.counts(finding) and not terms.fails(finding):
                self.known.append(finding)
            else:
                self.shown.append(finding)
