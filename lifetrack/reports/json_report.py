"""The report as JSON: written, described by its schema, and read back."""

from __future__ import annotations

from lifetrack.reports.json_form import FORMAT, VERSION, as_dict, finding_dict, render, schema
from lifetrack.reports.reading import load

__all__ = ["FORMAT", "VERSION", "as_dict", "finding_dict", "load", "render", "schema"]
