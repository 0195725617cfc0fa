"""The engine: what generated wrappers and guards share of one tracker that is on."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType

from lifetrack.ledger.capture import Trace, capture_error, locate, make_capture, make_mark
from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import NUMBER, RELEASED, STATE, Entry, Note, extra_of
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.moment import Moment, moment, stamp
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.values.each_thread import Made
from lifetrack.values.errors import (
    DoubleReleaseError,
    LeakWarning,
    LifetrackError,
    OwnershipError,
    UnknownReleaseError,
    UseAfterMoveError,
    UseAfterReleaseError,
    UseBeforeAcquireError,
)
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.settings import Level, Settings

ERRORS: dict[str, type[LifetrackError]] = {
    "LT201": UseAfterReleaseError,
    "LT202": DoubleReleaseError,
    "LT203": UseAfterMoveError,
    "LT204": UnknownReleaseError,
    "LT205": UseBeforeAcquireError,
    "LT206": OwnershipError,
    "LT301": OwnershipError,
    "LT302": OwnershipError,
    "LT303": OwnershipError,
    "LT304": OwnershipError,
    "LT305": UseAfterReleaseError,
    "LT401": OwnershipError,
    "LT402": OwnershipError,
    "LT403": OwnershipError,
}
_WORDS = {
    "used": "used here",
    "released": "released here",
    "acquired": "acquired here",
    "transferred": "moved here",
    "borrowed": "borrowed here",
    "returned": "returned here",
    "shared": "shared here",
}


def note_of(event: Event) -> str:
    """Tell one event in a line for an exception's notes, and its callers in more lines."""
    word = _WORDS.get(event.event, event.event) + (f", {event.detail}" if event.detail else "")
    if not event.stack:
        return word
    lines = [f"{word}: {event.stack[0]} in {event.stack[0].function}"]
    lines += [f"    called from {site} in {site.function}" for site in event.stack[1:]]
    return "\n".join(lines)


def exception_of(finding: Finding) -> LifetrackError:
    """Make the exception of a misuse; its notes tell the history."""
    error = ERRORS[finding.rule](f"{finding.rule} {finding.name}: {finding.message}", finding=finding)
    for event in finding.events:
        error.add_note(note_of(event))
    return error


def warn(finding: Finding, frame: FrameType | None) -> None:
    """Show a finding as a LeakWarning, at the line of the misuse or else of the acquisition."""
    places = [f"{event.event} at {event.stack[0]}" for event in finding.events if event.stack]
    text = f"{finding.rule} {finding.name}: {finding.message}" + (f" ({', '.join(places)})" if places else "")
    site = finding.misuse.stack[0] if finding.misuse is not None and finding.misuse.stack else finding.site
    registry = None if frame is None else frame.f_globals.setdefault("__warningregistry__", {})
    file, line = ("<unknown>", 1) if site is None else (site.file, site.line)
    warnings.warn_explicit(text, LeakWarning, file, line, registry=registry)


def _nowhere(frame: FrameType) -> None:
    """Note no place."""


def _never() -> None:
    """Note no time."""


class _Inside(threading.local):
    objects = Made(set[int])


class Engine:
    """One tracker's ledger and settings, and the one way to file a misuse."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self.ledger = ledger
        self.settings = settings
        self.on = True
        self._inside = _Inside()
        self.capture: Callable[[FrameType], Trace] = make_capture(settings.frames)
        #: Whether every event has its stack and its time.
        self.stacks = settings.level >= Level.STACKS
        self._sites = settings.level == Level.SITES
        #: Whether anybody wants to know where something happens.
        self.located = settings.level >= Level.SITES
        #: Note where a further event happens, and when, as much as the level asks for.
        self.mark: Callable[[FrameType], Trace | None] = self._marker()
        self.when: Callable[[], Moment | None] = moment if self.stacks else _never

    @property
    def level(self) -> Level:
        """The level that is recorded."""
        return self.settings.level

    def _marker(self) -> Callable[[FrameType], Trace | None]:
        if self.level >= Level.STACKS:
            return self.capture
        return make_mark() if self.level == Level.SITES else _nowhere

    def place(self, frame: FrameType) -> tuple[Trace | CodeType | None, int | None, Moment | None]:
        """Note where and when, as much as the level asks for."""
        if self.stacks:
            return self.capture(frame), None, moment()
        raw = locate(frame) if self._sites else None
        return (None, None, None) if raw is None else (*raw, stamp() if self.settings.timed else None)

    def trace(self, frame: FrameType) -> tuple[Trace | None, Moment | None]:
        """Note where and when in the form of a further event."""
        return self.mark(frame), self.when()

    def trace_error(self, error: BaseException, frame: FrameType) -> tuple[Trace | None, Moment | None]:
        """Note where an exception came from, as much as the level asks for."""
        if self.level >= Level.STACKS:
            return capture_error(error, frame, self.settings.frames), moment()
        return (capture_error(error, frame, 1), None) if self.level == Level.SITES else (None, None)

    @contextmanager
    def within(self, obj: object) -> Iterator[None]:
        """Let the program's own code touch ``obj`` unguarded, in this thread, for a block."""
        objects = self._inside.objects
        if id(obj) in objects:
            yield
            return
        objects.add(id(obj))
        try:
            yield
        finally:
            objects.discard(id(obj))

    def is_within(self, obj: object) -> bool:
        """Whether this thread is in a block of :meth:`within` for ``obj``."""
        return id(obj) in self._inside.objects

    def released(self, obj: object) -> Entry | None:
        """Give the entry of ``obj`` if it is known to be released."""
        entry = self.ledger.entries.get(id(obj))
        return entry if entry is not None and entry[STATE] == RELEASED and entry[NUMBER] is not None else None

    def violation(
        self,
        rule: str,
        entry: Entry,
        event: str,
        frame: FrameType,
        *,
        certain: bool = True,
        context: Sequence[Note] = (),
        words: dict[str, str] | None = None,
        may_raise: bool = True,
    ) -> Case:
        """File a misuse and do what the policy says: raise its exception, warn, or only record.

        ``context`` are events of other resources that belong to the story, ``words`` what its sentence names. Gives
        the case. Without ``may_raise`` something else is raised there already.
        """
        certainty = Certainty.PROVEN if certain else Certainty.SUSPECTED
        extra_of(entry)  # what the entry and its copy share, by which the case is known to be about the same object
        # The entry goes on changing; the case keeps what it was.
        use: Note = (event, *self.trace(frame), None)
        case = self.ledger.cases.add(Case(rule, certainty, list(entry), use, context, words))
        policy = self.settings.policy[rule]
        if policy == "raise" and may_raise:
            finding = finding_of_case(self.ledger, case)
            if not self.settings.policy.pardons(finding):
                case.raised = True
                raise exception_of(finding)
        if policy == "warn":
            warn(finding_of_case(self.ledger, case), frame)
        return case
