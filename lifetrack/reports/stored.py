"""Findings as they come back from a file: what was read from the source then is kept, not read anew."""

from __future__ import annotations

from lifetrack.values.findings import Finding
from lifetrack.values.making import dataclass
from lifetrack.values.stacks import Site

__all__ = ["StoredFinding", "StoredSite"]


@dataclass(frozen=True, slots=True)
class StoredSite(Site):
    """A site with the source line of the day it was reported: the file may have changed since, or be elsewhere."""

    stored_code: str = ""

    @property
    def code(self) -> str:
        """The source line as the report has it."""
        return self.stored_code


@dataclass(frozen=True, slots=True)
class StoredFinding(Finding):
    """A finding with the fingerprint that the report was written with."""

    stored_fingerprint: str = ""

    @property
    def fingerprint(self) -> str:
        """The fingerprint as the report has it."""
        return self.stored_fingerprint
