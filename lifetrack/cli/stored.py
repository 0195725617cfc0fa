"""Reading what a person names: a stored report."""

from __future__ import annotations

from lifetrack.reports import json_report
from lifetrack.reports.model import Report


def load(path: str) -> Report:
    """Read a stored report; raise ConfigurationError for a file that is none, or cannot be read."""
    return json_report.load(path)
