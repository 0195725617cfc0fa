"""Events for operators: small immutable values, made and handed out by the thread of the service alone."""

from __future__ import annotations

import os

from lifetrack.values.findings import Finding
from lifetrack.values.making import dataclass
from lifetrack.values.rules import RULES
from lifetrack.values.stacks import Site

#: What an event can be about: something was found; what was held too long has ended; a report was made; something of
#: ours did not work.
FINDING, RELEASED, DUMPED, TROUBLE = EVENTS = ("finding", "released-after-all", "report-dumped", "trouble")


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One thing that an operator may want to know.

    ``event`` is one of :data:`EVENTS`, and ``message`` says it in one sentence. ``count`` is how many findings of the
    same fingerprint it stands for. ``held`` and ``limit`` are in seconds. ``allowed`` is the reason why a finding was
    accepted. What does not apply is None.
    """

    event: str
    message: str
    rule: str | None = None
    certainty: str | None = None
    type: str | None = None
    site: Site | None = None
    owner: str | None = None
    fingerprint: str | None = None
    count: int = 1
    held: float | None = None
    limit: float | None = None
    allowed: str | None = None

    @property
    def attributes(self) -> dict[str, str | int | float]:
        """Its fields by short names, without those that do not apply: what structured logs and traces take."""
        site = self.site
        fields = {
            "event": self.event,
            "rule": self.rule,
            "name": None if self.rule is None else RULES[self.rule].name,
            "certainty": self.certainty,
            "type": self.type,
            "file": None if site is None else site.file,
            "line": None if site is None else site.line,
            "function": None if site is None else site.function,
            "owner": self.owner,
            "fingerprint": self.fingerprint,
            "count": self.count,
            "held_seconds": self.held,
            "limit_seconds": self.limit,
            "allowed": self.allowed,
            "pid": os.getpid(),
        }
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def is_serious(self) -> bool:
        """Whether somebody should look at it: a finding that nobody allowed, or trouble of our own."""
        return self.event == TROUBLE or (self.event == FINDING and self.allowed is None)


def finding_event(
    finding: Finding, count: int, *, held: float | None = None, limit: float | None = None
) -> ServiceEvent:
    """Make the event that tells of a finding."""
    return ServiceEvent(
        event=FINDING,
        message=finding.message,
        rule=finding.rule,
        certainty=finding.certainty.word,
        type=finding.resource.type,
        site=finding.site,
        owner=finding.owner.words,
        fingerprint=finding.fingerprint,
        count=count,
        held=held,
        limit=limit,
        allowed=finding.allowed,
    )
