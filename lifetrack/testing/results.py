"""What the exercise of a protocol has shown."""

from __future__ import annotations

from lifetrack.values.making import dataclass

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One expectation: its name, what was expected, whether it passed, failed or was skipped, and what happened."""

    name: str
    expected: str
    verdict: str
    happened: str = ""

    def __str__(self) -> str:
        told = f": {self.happened}" if self.happened else ""
        return f"{self.name} {self.verdict} ({self.expected}){told}"


@dataclass(frozen=True, slots=True)
class ProtocolReport:
    """All expectations of one exercise, in the order in which they were tried."""

    subject: str
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that were not met."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict == FAILED)

    @property
    def skipped(self) -> tuple[Outcome, ...]:
        """Those that could not be tried; ``happened`` says what is missing."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict == SKIPPED)

    @property
    def passed(self) -> tuple[Outcome, ...]:
        """Those that were met."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict == PASSED)

    def to_text(self) -> str:
        """Tell all of them, one a line."""
        return "\n".join([f"protocol of {self.subject}:", *(f"  {outcome}" for outcome in self.outcomes)])


class ProtocolError(AssertionError):
    """Some expectations of a protocol were not met; ``report`` has all of them."""

    def __init__(self, report: ProtocolReport) -> None:
        lines = [
            f"  {outcome.name}: expected that {outcome.expected}; but {outcome.happened}" for outcome in report.failed
        ]
        tried = len(report.passed) + len(report.failed)
        text = f"{report.subject}: {len(report.failed)} of {tried} expectations of its protocol failed"
        super().__init__("\n".join([text, *lines]))
        self.report = report
