"""``lifetrack diff``: what has changed from one stored report to another."""

from __future__ import annotations

import json

from lifetrack.cli.printing import print_document, print_text
from lifetrack.cli.stored import load
from lifetrack.configuration import status
from lifetrack.reports.difference import difference
from lifetrack.reports.files import write_atomically
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import parse_fail_on

FORMATS = ("text", "json")


def diff(
    old: str, new: str, form: str | None, out: str | None, fail_on: str, error_exitcode: str | None
) -> tuple[bool, int]:
    """Print or write what has changed; tell whether somebody was there to read it, and the exit status.

    The status is ``error_exitcode`` where a finding at or above ``fail_on`` is new or has grown, else 0. Raises
    ConfigurationError for a value that is not known, a file that is no report, or an ``out`` that cannot be written.
    """
    if form is None:
        form = "json" if out is not None and out.lower().endswith(".json") else "text"
    if form not in FORMATS:
        raise ConfigurationError(f"unknown format {form!r}: use {' or '.join(FORMATS)}")
    least = parse_fail_on(fail_on)
    failing = 0 if error_exitcode is None else _status(error_exitcode)
    found = difference(load(old), load(new))
    text = found.to_text() if form == "text" else json.dumps(found.as_dict(), indent=1) + "\n"
    if out is not None:
        write_atomically(out, text)
        read = True
    else:
        read = print_text(text) if form == "text" else print_document(text)
    return read, failing if found.is_worse(least) else 0


def _status(word: str) -> int:
    try:
        return status(word)
    except ConfigurationError as error:
        raise ConfigurationError(f"--error-exitcode: {error}") from None
