"""What reports and explanations need, loaded ahead: where it may be impossible by the time that they are wanted."""

from __future__ import annotations


def preload() -> None:
    """Load all of it; some thirty modules."""
    import tokenize  # noqa: F401

    import lifetrack.detect.explaining
    import lifetrack.holders.explain
    import lifetrack.reports.files
    import lifetrack.reports.grouping
    import lifetrack.reports.text
    import lifetrack.reports.text_finding
    import lifetrack.witness.asking  # noqa: F401
