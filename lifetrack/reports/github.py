"""Findings as workflow commands, which GitHub shows as annotations at their lines."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from lifetrack.reports.paths import absolute, is_artificial, is_third_party
from lifetrack.values.findings import Certainty, Finding

if TYPE_CHECKING:
    from lifetrack.reports.model import Report
    from lifetrack.values.stacks import Site

ERROR, WARNING, NOTICE = "error", "warning", "notice"
_WORDS = {Certainty.PROVEN: ERROR, Certainty.SUSPECTED: WARNING, Certainty.HINT: NOTICE}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def render(report: Report) -> str:
    """Give one command a line: an error for what is proven, a warning, a notice for a hint; none for allowed ones.

    What a baseline accepts is a notice, and what an installed package acquired a warning at most.
    """
    found = [finding for finding in report.findings if finding.allowed is None]
    return "".join(f"{command(_word(finding), finding, _told(finding))}\n" for finding in found)


def _word(finding: Finding) -> str:
    if finding.known:
        return _WORDS[Certainty.HINT]
    if finding.certainty == Certainty.PROVEN and is_third_party(finding):
        return _WORDS[Certainty.SUSPECTED]
    return _WORDS[finding.certainty]


def command(word: str, finding: Finding, where: str) -> str:
    """Give the command of one finding; ``where`` says what it belongs to."""
    title = f"{finding.rule} {finding.name}"
    hint = f" ({finding.hint})" if finding.hint and finding.hint not in finding.message else ""
    text = f"{finding.message} [{where}]{hint}"
    site = place_to_mend(finding)
    pairs = {} if site is None else {"file": _in_repository(site.file), "line": str(max(1, site.line))}
    told = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in {**pairs, "title": title}.items())
    return f"::{word} {told}::{_escaped(text, _DATA)}"


def place_to_mend(finding: Finding) -> Site | None:
    """Give where a misuse happened, or where a leak was acquired."""
    misuse = finding.misuse
    return misuse.stack[0] if misuse is not None and misuse.stack else finding.site


def _told(finding: Finding) -> str:
    count = f"{finding.count} x; " if finding.count > 1 else ""
    return f"{count}{finding.test or finding.scope or finding.owner.words}"


def _in_repository(file: str) -> str:
    return _from(file, os.environ.get("GITHUB_WORKSPACE") or os.getcwd())


@lru_cache(maxsize=256)
def _from(file: str, home: str) -> str:
    path = absolute(file)
    try:
        relative = os.path.relpath(path, home)
    except ValueError:  # on another drive
        return path
    if is_artificial(path) or relative.startswith(".."):
        return path
    return relative.replace("\\", "/")


def _escaped(text: str, letters: dict[str, str]) -> str:
    return "".join(letters.get(letter, letter) for letter in text)
