"""``lifetrack show``: a stored report or a journal, in another form."""

from __future__ import annotations

import os
import sys

from lifetrack.cli.stored import load
from lifetrack.reports.files import write_atomically
from lifetrack.reports.model import Report
from lifetrack.reports.text import print_report
from lifetrack.values.errors import ConfigurationError

FORMATS = ("text", "json")


def show(file: str, form: str | None, out: str | None) -> bool:
    """Print the report in ``file`` as ``form``, or write it to ``out``; tell whether somebody was there to read it.

    ``form`` None is ``json`` where the name of ``out`` ends so, else ``text``. Raises ConfigurationError for a form
    that is not known, a file that is no report, or an ``out`` that cannot be written.
    """
    if form is None:
        form = "json" if out is not None and os.path.splitext(out)[1].lower() == ".json" else "text"
    if form not in FORMATS:
        raise ConfigurationError(f"format {form!r} is not supported yet: use {' or '.join(FORMATS)}")
    report = load(file)
    if out is not None:
        write_atomically(out, _rendered(report, form))
        return True
    return print_report(report, sys.stdout) if form == "text" else print_text(_rendered(report, form))


def _rendered(report: Report, form: str) -> str:
    return report.to_json() if form == "json" else report.to_text()


def print_text(text: str) -> bool:
    """Write to standard output; tell whether somebody was there to read it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return False
    return True
