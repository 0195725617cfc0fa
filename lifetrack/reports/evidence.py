"""The evidence of findings as plain text, for a failing test."""

from __future__ import annotations

import os
from collections.abc import Iterable

from lifetrack.reports.grouping import group
from lifetrack.reports.layout import BLANK, Layout, Line, plain
from lifetrack.reports.text_finding import finding_lines
from lifetrack.values.findings import Finding

WIDTH = 100


def evidence(findings: Iterable[Finding]) -> str:
    """Tell findings one by one with their stacks, worst first."""
    layout = Layout(WIDTH)
    lines: list[Line] = []
    for number, finding in enumerate(group(findings), 1):
        lines += [BLANK] if lines else []
        lines += finding_lines(finding, number, os.getpid(), layout)
    return plain(lines).rstrip("\n")
