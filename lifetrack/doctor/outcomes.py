"""What the doctor has found of one kind of resource."""

from __future__ import annotations

from lifetrack.values.making import dataclass

CAUGHT, MISSED, PASSED_OVER = VERDICTS = ("caught", "missed", "passed over")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one trial: ``name`` is that of the kind, ``words`` say what was found, or why nothing was."""

    group: str
    name: str
    verdict: str
    words: str
