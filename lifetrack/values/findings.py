"""Findings: one violation or leak each, with its rule, its evidence and its certainty."""

from __future__ import annotations

import functools
from dataclasses import field
from enum import Enum

from lifetrack.values.events import TRANSFERRED, Event
from lifetrack.values.holders import Holder
from lifetrack.values.making import dataclass
from lifetrack.values.rules import RULES
from lifetrack.values.siblings import Parted, Siblings
from lifetrack.values.stacks import Site
from lifetrack.values.suggestions import Suggestion


@functools.total_ordering
class Certainty(Enum):
    """How sure a finding is; a surer one is greater. Compares equal to its word."""

    HINT = "hint"
    SUSPECTED = "suspected"
    PROVEN = "proven"

    @property
    def word(self) -> str:
        """The name that reports and options use."""
        return self.value

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return _RANKS[self._value_]

    def __str__(self) -> str:
        return self.value

    def __eq__(self, other: object) -> bool:
        return self is other or self._value_ == other

    def __hash__(self) -> int:
        return hash(self._value_)

    def __lt__(self, other: Certainty) -> bool:
        return self.rank < Certainty(other).rank


_RANKS = {each.word: rank for rank, each in enumerate(Certainty)}


def is_leak(rule: str) -> bool:
    """Whether a rule is about what was not released: LT1xx, LT5xx, and a lock that nobody can release any more."""
    return rule.startswith(("LT1", "LT5")) or rule == "LT404"


@dataclass(frozen=True, slots=True)
class Resource:
    """Which resource a finding is about: its number in this process, its type and the label that its user gave."""

    serial: int
    type: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class OwnerName:
    """Who had the duty to release: a name and the kind of owner (``process``, ``scope``, ``test``, ``Owner``, …)."""

    name: str
    kind: str

    @property
    def words(self) -> str:
        """The owner as a sentence names it, such as ``Owner 'pool'`` or ``the app.Plugin object``."""
        if self.kind == "process":
            return "the process"
        if self.kind == "object":
            return f"the {self.name} object"
        if self.kind in {"Owned", "Shared"}:
            return f"{self.kind} handle '{self.name}'"
        return f"{self.kind} '{self.name}'"


@dataclass(frozen=True, slots=True)
class ProcessName:
    """Which process a finding comes from: its number and a name, such as that of a ``multiprocessing`` worker."""

    pid: int
    name: str

    @property
    def words(self) -> str:
        """The process as a sentence names it."""
        return f"{self.pid} ({self.name})"


@dataclass(frozen=True, slots=True)
class LeftBy:
    """The exception by which the acquiring function was left before the release: its type, and where it was raised."""

    error: str
    site: Site | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation or leak.

    ``site`` is where the resource was acquired, in the user's own code; None at level ``counts``. ``count`` is how many
    resources it stands for. ``allowed`` is the reason under which :func:`lifetrack.allow` accepted it, else None.
    ``owner`` is the last one. ``ended`` is how the resource ended, one of :data:`lifetrack.values.endings.ENDINGS`.
    ``left_by`` is the exception that left the acquiring function before the release, where that is known.
    ``held_by`` tells who holds the object, where that was asked while it was alive, the most actionable path first.
    ``processes`` are those that it was found in, where a report is about several. ``siblings`` tell what became of the
    others that the same site acquired, where any was released, and ``parted`` where this one went another way.
    ``suggestion`` is the source as it could be, where that is sure to be right. ``known`` says that a baseline has it.
    """

    rule: str
    certainty: Certainty
    message: str
    resource: Resource
    site: Site | None
    events: tuple[Event, ...]
    owner: OwnerName
    scope: str | None = None
    test: str | None = None
    count: int = 1
    allowed: str | None = None
    hint: str | None = None
    held_by: tuple[Holder, ...] = field(default=(), compare=False)  # asked later than the rest is known
    children: tuple[Finding, ...] = field(default=())
    ended: str | None = None
    left_by: LeftBy | None = None
    processes: tuple[ProcessName, ...] = ()
    siblings: Siblings | None = None
    parted: Parted | None = None
    suggestion: Suggestion | None = None
    known: bool = False

    @property
    def name(self) -> str:
        """The rule's name, such as ``use-after-release``."""
        return RULES[self.rule].name

    @property
    def is_leak(self) -> bool:
        """Whether it is a leak (LT1xx, LT404, and LT5xx by the operating system's word) rather than a misuse."""
        return is_leak(self.rule)

    @property
    def misuse(self) -> Event | None:
        """The event that broke the rule, for a misuse: the last one."""
        return None if self.is_leak or not self.events else self.events[-1]

    @property
    def duty_site(self) -> Site | None:
        """Where the last owner of a leak got the duty, if it was transferred."""
        if not self.is_leak:
            return None
        given = next((event for event in reversed(self.events) if event.event == TRANSFERRED), None)
        return given.stack[0] if given is not None and given.stack else None

    @property
    def fingerprint(self) -> str:
        """What makes two findings the same bug: 16 hex digits, free of line numbers, addresses and folders.

        Made of the rule, the type, and for each place that matters its file within its package, its function and its
        source text: where it was acquired, where a leak got its last owner, where a misuse happened.
        """
        from lifetrack.values.portable import digest, portable_file, portable_function

        parts = [self.rule, portable_function(self.resource.type)]
        for site in (self.site, self.duty_site, self._misuse_site):
            if site is not None:
                parts += [portable_file(site.file), portable_function(site.function), site.code]
        return digest(parts)

    @property
    def _misuse_site(self) -> Site | None:
        misuse = self.misuse
        return misuse.stack[0] if misuse is not None and misuse.stack else None
