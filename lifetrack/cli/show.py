"""``lifetrack show``: a stored report or a journal, in another form."""

from __future__ import annotations

import sys

from lifetrack.cli.printing import print_document
from lifetrack.cli.stored import load
from lifetrack.reports.files import write_atomically
from lifetrack.reports.forms import Form, form_for, form_named
from lifetrack.reports.text import print_report


def show(file: str, form: str | None, out: str | None) -> bool:
    """Print the report in ``file`` as ``form``, or write it to ``out``; tell whether somebody was there to read it.

    ``form`` None is what the name of ``out`` ends with, text if that says nothing. Raises ConfigurationError for a form
    that is not known, a file that is no report, or an ``out`` that cannot be written, and MissingExtraError if what the
    form needs is not installed.
    """
    chosen = _chosen(form, out)
    chosen.check()
    report = load(file)
    if out is not None:
        write_atomically(out, chosen.render(report))
        return True
    return print_report(report, sys.stdout) if chosen.name == "text" else print_document(chosen.render(report))


def _chosen(form: str | None, out: str | None) -> Form:
    if form is not None:
        return form_named(form)
    by_ending = None if out is None else form_for(out)
    return form_named("text") if by_ending is None else by_ending
