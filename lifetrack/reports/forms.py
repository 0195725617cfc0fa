"""The forms of a report: their names, the endings of their files, and what each needs; loaded on first use."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from lifetrack.values.errors import ConfigurationError
from lifetrack.values.making import dataclass

if TYPE_CHECKING:
    from lifetrack.reports.model import Report


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its name, its file endings, and the module that renders it by ``render(report)``.

    A module that needs more than Python has ``check()``, which raises MissingExtraError where that is not there.
    """

    name: str
    endings: tuple[str, ...]
    module: str
    needs_more: bool = False

    def check(self) -> None:
        """Load what it needs, and raise MissingExtraError if something is not installed."""
        module = import_module(self.module)  # a program may change the import path before the report is made
        if self.needs_more:
            module.check()

    def render(self, report: Report) -> str:
        """Give the report in this form."""
        render: Callable[[Report], str] = import_module(self.module).render
        return render(report)


#: Longer endings come before those that they end in.
FORMS = (
    Form("text", (".txt",), "lifetrack.reports.text"),
    Form("trace", (".trace.json",), "lifetrack.reports.trace"),
    Form("sarif", (".sarif", ".sarif.json"), "lifetrack.reports.sarif"),
    Form("json", (".json",), "lifetrack.reports.json_form"),
    Form("html", (".html", ".htm"), "lifetrack.reports.html", needs_more=True),
    Form("dot", (".dot", ".gv"), "lifetrack.reports.dot"),
    Form("svg", (".svg",), "lifetrack.reports.svg", needs_more=True),
    Form("github", (), "lifetrack.reports.github"),
)
NAMES = ("text", "json", "html", "dot", "svg", "trace", "sarif", "github")
#: The endings that are told to people: one for each form.
ENDINGS = (".json", ".txt", ".html", ".dot", ".svg", ".trace.json", ".sarif")


def form_named(name: str) -> Form:
    """Give the form of a name; raise ConfigurationError if there is none."""
    found = next((form for form in FORMS if form.name == name), None)
    if found is None:
        raise ConfigurationError(f"unknown format {name!r}: use {', '.join(NAMES[:-1])} or {NAMES[-1]}")
    return found


def form_for(path: str | os.PathLike[str]) -> Form | None:
    """Give the form that the ending of a file names; None if no form has it."""
    name = os.path.basename(os.fspath(path)).lower()
    endings = [(ending, form) for form in FORMS for ending in form.endings]
    if any(name == ending for ending, _ in endings):  # the name of a hidden file
        return None
    return next((form for ending, form in endings if name.endswith(ending)), None)
