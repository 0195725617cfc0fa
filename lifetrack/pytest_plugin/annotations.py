"""What other programs read: properties in the XML of ``--junit-xml``, and annotations where GitHub runs the tests."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.pytest_plugin.options import Terms, is_for_github, worker_of
from lifetrack.pytest_plugin.run import Run
from lifetrack.values.findings import Finding
from lifetrack.values.headroom import headroom

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_OUTPUT = "lifetrack-annotations"


class AnnotationHooks:
    """The hooks that tell other programs."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lines: list[str] = []

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, Any, Any]:
        """Let a worker hand over what the controller is to write."""
        result = yield
        if is_for_github():
            self._lines[:0] = commands(self._run)
        if worker_of(self._run.config) is not None:
            self._run.config.workeroutput[_OUTPUT] = self._lines  # type: ignore[attr-defined]
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over the annotations of a worker."""
        self._lines += getattr(node, "workeroutput", {}).get(_OUTPUT, [])

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Write the annotations, each on a line of its own, as the program that reads them needs it."""
        lines = list(dict.fromkeys(self._lines))
        if lines:
            terminalreporter.ensure_newline()
        for line in lines:
            terminalreporter.write_line(line)


@headroom()
def properties(findings: Iterable[Finding], terms: Terms) -> list[str]:
    """Give one line of text for each group of findings: what, where, its fingerprint, and what speaks for it."""
    from lifetrack.reports.grouping import group
    from lifetrack.reports.paths import clean
    from lifetrack.reports.text_finding import subject

    texts = []
    for finding in group(findings):
        site = "" if finding.site is None else f" from {finding.site} in {finding.site.function}"
        note = "" if finding.allowed is None else f" allowed: {finding.allowed}"
        if terms.counts(finding) and not terms.fails(finding):
            note = " known"
        elif terms.spares(finding):
            note = " third-party code"
        what = f"{finding.rule} {finding.name} ({finding.certainty.word}): {subject(finding)}"
        texts.append(clean(f"{what}{site} [{finding.fingerprint}]{note}"))
    return texts


@headroom()
def commands(run: Run) -> list[str]:
    """Give the workflow commands of one process: errors for what fails, warnings for the rest, none for known ones."""
    if not run.shown and not run.foreign:
        return []
    from lifetrack.pytest_plugin.summary import owner_name
    from lifetrack.reports.github import ERROR, WARNING, command
    from lifetrack.reports.grouping import group

    failing = {finding.fingerprint for finding in run.failing}
    lines = []
    for finding in group([*run.shown, *run.foreign]):
        if finding.allowed is not None:
            continue
        fails = finding.fingerprint in failing or run.terms.fails(finding)
        lines.append(command(ERROR if fails else WARNING, finding, owner_name(finding)))
    return sorted(lines)
