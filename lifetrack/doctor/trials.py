"""Trials: what the doctor tries, rows of the table and what stands beside it, and where each has its program."""

from __future__ import annotations

from lifetrack.doctor.beyond import BEYOND
from lifetrack.doctor.specimens import is_resource, key_of, specimen_of
from lifetrack.values.making import dataclass
from lifetrack.watchers.rows import Row
from lifetrack.watchers.table import KNOWN, STDLIB, rows_of

LEAK, RELEASE = "# leak", "# release"


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to try. ``rule`` is what must be found; empty for a row, which is known by its declaration."""

    group: str
    name: str
    text: str | None
    module: str = ""
    row: Row | None = None
    rule: str = ""
    witness: bool = False

    def line(self) -> int | None:
        """Give the number of the line that must be blamed; None if there is none that can be known."""
        lines = (self.text or "").splitlines()
        return next((number for number, line in enumerate(lines, 1) if line.rstrip().endswith(LEAK)), None)

    def is_released(self) -> bool:
        """Whether it is to be tried the other way too: a row whose specimen tells how to release it."""
        return self.row is not None and f"{RELEASE}\n" in (self.text or "")

    def parts(self) -> tuple[str, str]:
        """Give what leaks, and what releases; the second keeps its line numbers."""
        text = self.text or ""
        leak, _, release = text.partition(f"{RELEASE}\n")
        return leak, "\n" * (leak.count("\n") + 1) + release


def trials_of_rows(names: tuple[str, ...]) -> list[Trial]:
    """Give a trial for each resource that these watch names stand for; for each that there is, if none are given."""
    rows = dict.fromkeys(row for name in names or KNOWN for row in rows_of(name) if is_resource(row))
    return [Trial(row.watch[0], ".".join(key_of(row)), specimen_of(row), row.module, row=row) for row in rows]


def all_trials(names: tuple[str, ...]) -> list[Trial]:
    """Give what is tried: rows, and beside them what needs no watch, unless only some names are asked for."""
    beyond = [] if names and STDLIB not in names else [Trial(**each) for each in BEYOND]
    return [*trials_of_rows(names), *beyond]
