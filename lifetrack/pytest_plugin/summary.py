"""What people read of findings, loaded with the first: the evidence in a failing test, the section at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lifetrack.reports.evidence import WIDTH as _WIDTH
from lifetrack.reports.evidence import evidence
from lifetrack.reports.grouping import group
from lifetrack.reports.layout import Layout, counted
from lifetrack.reports.text_finding import place, subject
from lifetrack.values.findings import Finding

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from lifetrack.pytest_plugin.workers import Told

_MAX_ROWS, _MAX_OWNERS = 50, 10
#: The notes of what is told apart.
_KNOWN, _FOREIGN = "known", "third-party code"


class Row(NamedTuple):
    """One line of the summary; made of words and numbers only, because workers send it to the controller."""

    site: str
    what: str
    owners: list[str]
    note: str
    evidence: str = ""

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


def failure(findings: Sequence[Finding]) -> str:
    """Tell a test what it has leaked."""
    worst = group(findings)[0]
    where = "" if worst.site is None else f" from {place(worst.site, Layout(_WIDTH))}"
    more = sum(finding.count for finding in findings) - worst.count
    others = f", and {more} more" if more else ""
    verb = "leaked" if worst.is_leak else f"{worst.name} of"
    return f"{verb} {subject(worst)}{where}{others}\n\n{evidence(findings)}"


def owner_name(finding: Finding) -> str:
    """Name whose finding it is: a test by its node id, a fixture, else the process."""
    if finding.test is not None:
        return finding.test
    return "process" if finding.owner.kind == "process" else f"{finding.owner.kind} {finding.owner.name}"


def rows_of(findings: Sequence[Finding], note: str = "", *, verbose: bool = False) -> list[Row]:
    """Make one row of each group of findings; those of tests, of fixtures and of the process are grouped apart.

    If ``verbose``, each row has its evidence.
    """
    tests = [finding for finding in findings if finding.test is not None]
    process = [finding for finding in findings if finding.test is None and finding.owner.kind == "process"]
    fixtures = [finding for finding in findings if finding.test is None and finding.owner.kind != "process"]
    return [row for part in (tests, fixtures, process) for row in _rows(part, note, verbose)]


def _rows(findings: Sequence[Finding], note: str, verbose: bool) -> Iterator[Row]:
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
        yield Row(site, what, owners[_key(finding)], own, evidence([finding]) if verbose else "")


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.fingerprint, finding.site, finding.certainty, finding.allowed


def summary_of(told: Told, *, verbose: bool) -> Summary:
    """Make all that is to be said of what was found, here and in other processes."""
    allowed = [finding for finding in told.shown if finding.allowed is not None]
    found = [finding for finding in told.shown if finding.allowed is None]
    quiet = [*rows_of(allowed), *rows_of(told.raised, "raised in the program"), *rows_of(told.known, _KNOWN)]
    rows = [*rows_of(found, verbose=verbose), *rows_of(told.foreign, _FOREIGN)]
    text = evidence(told.failing) if told.failing else ""
    return Summary(rows, quiet, text, sum(finding.count for finding in told.failing), told.problems)


def write(reporter: TerminalReporter, summaries: Sequence[Summary], clean: str) -> None:
    """Write the section; nothing where there is nothing to say, unless the run is verbose. With ``-q`` it is short."""
    verbosity = reporter.config.get_verbosity()
    verbose = verbosity > 0
    rows = [(summary, row) for summary in summaries for row in (*summary.rows, *(summary.quiet if verbose else ()))]
    problems = [problem for summary in summaries for problem in summary.problems]
    if not rows and not problems and not verbose:
        return
    reporter.write_sep("=", "lifetrack")
    if not rows:
        reporter.write_line(clean)
    for summary, row in rows[: None if verbose else _MAX_ROWS]:
        reporter.write_line((f"{summary.worker}: " if summary.worker else "") + row.text())
        _write_owners(reporter, row, verbosity)
    if len(rows) > _MAX_ROWS and not verbose:
        reporter.write_line(f"... and {counted(len(rows) - _MAX_ROWS, 'more line')}: -v shows them all")
    for problem in problems:
        reporter.write_line(problem, red=True)
    _write_failing(reporter, summaries)


def _write_owners(reporter: TerminalReporter, row: Row, verbosity: int) -> None:
    """Write one line for each test of a row that has several, and the evidence of a verbose run."""
    if len(row.owners) > 1 and verbosity >= 0:
        shown = row.owners if verbosity > 0 else row.owners[:_MAX_OWNERS]
        for owner in shown:
            reporter.write_line(f"    {owner}")
        if len(shown) < len(row.owners):
            reporter.write_line(f"    ... and {len(row.owners) - len(shown)} more: -v shows them all")
    if row.evidence:
        for line in row.evidence.splitlines():
            reporter.write_line(f"    {line}".rstrip())


def _write_failing(reporter: TerminalReporter, summaries: Sequence[Summary]) -> None:
    failing = sum(summary.failing for summary in summaries)
    if not failing:
        return
    verb = "fails" if failing == 1 else "fail"
    reporter.write_line("")
    text = f"{counted(failing, 'finding')} {verb} the run, as no test could be failed for it:"
    reporter.write_line(text, red=True)
    for summary in summaries:
        if summary.evidence:
            reporter.write_line(summary.evidence)
