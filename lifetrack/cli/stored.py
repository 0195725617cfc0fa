"""Reading what a person names: a report, or a journal."""

from __future__ import annotations

from lifetrack.journal.files import is_journal
from lifetrack.reports import json_report
from lifetrack.reports.model import Report


def load(path: str) -> Report:
    """Read a report or a journal; raise ConfigurationError for a file that is neither, or cannot be read."""
    if not is_journal(path):
        return json_report.load(path)
    from lifetrack.journal import reading

    return reading.load(path)
