"""What is told of a run: at its head what is on; of findings all the rest, which is loaded with the first of them."""

from __future__ import annotations

from collections.abc import Sequence

from lifetrack.pytest_plugin.options import FAIL, Options
from lifetrack.values.findings import Certainty, Finding
from lifetrack.values.headroom import headroom


def header(options: Options) -> str:
    """Say that it is on: the level, what is watched, and what is not as usual."""
    told = [f"level {options.level.word}", f"watching {', '.join(options.watch) or 'declared classes only'}"]
    if options.witness:
        told.append("asking the operating system")
    if options.fail_on != Certainty.PROVEN:
        told.append("failing nothing" if options.fail_on is None else f"failing from {options.fail_on.word} on")
    if options.third_party == FAIL:
        told.append("failing for third-party code too")
    if options.baseline is None and options.journal is None:
        return _joined(told)
    from lifetrack.reports.paths import shortest

    if options.baseline is not None:
        number = len(options.baseline.entries)
        doing = "writing the" if options.updates_baseline else f"{number} known in the"
        told.append(f"{doing} baseline {shortest(options.baseline.path)}")
    if options.journal is not None:
        told.append(f"journal {shortest(options.journal.path)}")
    return _joined(told)


def _joined(told: list[str]) -> str:
    return f"lifetrack: {', '.join(told)}"


@headroom()
def failure(findings: Sequence[Finding]) -> str:
    """Tell a test what it has leaked."""
    from lifetrack.pytest_plugin.summary import failure

    return failure(findings)


@headroom()
def evidence(findings: Sequence[Finding]) -> str:
    """Tell findings one by one with their stacks, worst first."""
    from lifetrack.reports.evidence import evidence

    return evidence(findings)
