"""What people read: the evidence in a failing test, and the section at the end of the run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lifetrack.reports.grouping import group
from lifetrack.reports.layout import BLANK, Layout, Line, counted, plain
from lifetrack.reports.text_finding import finding_lines, place, subject
from lifetrack.values.findings import Finding

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_WIDTH = 100
_MAX_ROWS = 50


class Row(NamedTuple):
    """One line of the summary; made of words and numbers only, because workers send it to the controller."""

    site: str
    what: str
    owners: list[str]
    note: str

    def text(self) -> str:
        """Give the line."""
        owner = self.owners[0] if self.owners else "process"
        more = f" and {len(self.owners) - 1} more" if len(self.owners) > 1 else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.site}: {self.what} [{owner}{more}]{note}"


class Summary(NamedTuple):
    """All that one process has to say at the end: rows, the evidence of what fails the run, and how much that is."""

    rows: list[Row]
    quiet: list[Row]
    evidence: str
    failing: int
    problems: list[str]
    worker: str = ""


def evidence(findings: Iterable[Finding]) -> str:
    """Tell findings one by one with their stacks, worst first."""
    layout = Layout(_WIDTH)
    lines: list[Line] = []
    for number, finding in enumerate(group(findings), 1):
        lines += [BLANK] if lines else []
        lines += finding_lines(finding, number, os.getpid(), layout)
    return plain(lines).rstrip("\n")


def failure(findings: Sequence[Finding]) -> str:
    """Tell a test what it has leaked."""
    worst = group(findings)[0]
    where = "" if worst.site is None else f" from {place(worst.site, Layout(_WIDTH))}"
    more = sum(finding.count for finding in findings) - worst.count
    others = f", and {more} more" if more else ""
    return f"leaked {subject(worst)}{where}{others}\n\n{evidence(findings)}"


def owner_name(finding: Finding) -> str:
    """Name whose finding it is: a test by its node id, a fixture, else the process."""
    if finding.test is not None:
        return finding.test
    return "process" if finding.owner.kind == "process" else f"{finding.owner.kind} {finding.owner.name}"


def rows_of(findings: Sequence[Finding], note: str = "") -> list[Row]:
    """Make one row of each group of findings; those of tests, of fixtures and of the process are grouped apart."""
    tests = [finding for finding in findings if finding.test is not None]
    process = [finding for finding in findings if finding.test is None and finding.owner.kind == "process"]
    fixtures = [finding for finding in findings if finding.test is None and finding.owner.kind != "process"]
    return [row for part in (tests, fixtures, process) for row in _rows(part, note)]


def _rows(findings: Sequence[Finding], note: str) -> Iterator[Row]:
    layout = Layout(_WIDTH)
    owners: dict[tuple[object, ...], list[str]] = {}
    for finding in findings:
        names = owners.setdefault(_key(finding), [])
        if owner_name(finding) not in names:
            names.append(owner_name(finding))
    for finding in group(findings):
        site = "(not located)" if finding.site is None else place(finding.site, layout)
        if finding.processes:
            site = f"{', '.join(process.name for process in finding.processes)}: {site}"
        what = f"{finding.rule} {finding.name}, {finding.certainty.word}, {subject(finding)}"
        own = note if finding.allowed is None else f"allowed: {finding.allowed}"
        yield Row(site, what, owners[_key(finding)], own)


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.fingerprint, finding.site, finding.certainty, finding.allowed


def write(reporter: TerminalReporter, summaries: Sequence[Summary], verbose: bool, clean: str) -> None:
    """Write the section; nothing where there is nothing to say, unless ``verbose``."""
    rows = [(summary, row) for summary in summaries for row in (*summary.rows, *(summary.quiet if verbose else ()))]
    problems = [problem for summary in summaries for problem in summary.problems]
    if not rows and not problems and not verbose:
        return
    reporter.write_sep("=", "lifetrack")
    if not rows:
        reporter.write_line(clean)
    for summary, row in rows[: None if verbose else _MAX_ROWS]:
        reporter.write_line((f"{summary.worker}: " if summary.worker else "") + row.text())
    if len(rows) > _MAX_ROWS and not verbose:
        reporter.write_line(f"... and {counted(len(rows) - _MAX_ROWS, 'more line')}: -v shows them all")
    for problem in problems:
        reporter.write_line(problem, red=True)
    failing = sum(summary.failing for summary in summaries)
    if failing:
        verb = "fails" if failing == 1 else "fail"
        reporter.write_line("")
        text = f"{counted(failing, 'finding')} {verb} the run, as no test could be failed for it:"
        reporter.write_line(text, red=True)
        for summary in summaries:
            if summary.evidence:
                reporter.write_line(summary.evidence)
