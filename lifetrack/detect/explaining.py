"""Explaining: what is added to findings for those who read them, and worked out only then."""

from __future__ import annotations

from collections.abc import Iterable

from lifetrack.detect.siblings import with_siblings
from lifetrack.ledger.ledger import Ledger
from lifetrack.values.findings import Finding


def explained(ledger: Ledger, findings: Iterable[Finding]) -> list[Finding]:
    """Add to leaks what became of their siblings, and how to write the source so that they are released."""
    return with_siblings(ledger, findings)
