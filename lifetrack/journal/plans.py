"""Where a journal is to be; what every process of a run knows of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

#: The variables of the environment that name a journal, and the most bytes that it may have.
VARIABLE, SIZE_VARIABLE = "LIFETRACK_JOURNAL", "LIFETRACK_JOURNAL_SIZE"


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """Where a journal is to be, and how large; ``run`` is that of the process that began, for those beside it."""

    path: str
    bound: int
    run: str | None = None

    def told(self) -> dict[str, Any]:
        """Give it in a form that can be written down."""
        return asdict(self)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """Read it back; raises KeyError where something is missing."""
        return cls(told["path"], told["bound"], told["run"])
