"""``lifetrack doctor``: what is caught on this machine and these versions, proven one kind after the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from lifetrack.cli.printing import print_text
from lifetrack.doctor import surroundings
from lifetrack.doctor.examination import examine
from lifetrack.doctor.outcomes import CAUGHT, MISSED, PASSED_OVER, VERDICTS, Outcome
from lifetrack.reports.layout import BLANK, Layout, Line, plain
from lifetrack.reports.terminal import colored
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import Level, parse_level
from lifetrack.watchers.watching import check_names

_STYLES = {CAUGHT: "good", MISSED: "proven", PASSED_OVER: "suspected"}


def doctor(level: str, watch: str, version: str) -> tuple[bool, bool]:
    """Examine and print; tell whether everything was caught, and whether somebody was there to read it.

    Raises ConfigurationError for a bad option, or where no child process can be started.
    """
    chosen, names = parse_level(level), check_names(watch)
    if chosen < Level.SITES:
        raise ConfigurationError(f"--level {chosen.word}: use sites, stacks or full, which know the line")
    try:
        outcomes = examine(chosen, names)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"doctor: no child process can be started here ({reason})") from error
    lines = [*_header(chosen, version), BLANK, *_table(outcomes), BLANK, *_verdict(outcomes)]
    read = print_text(colored(lines) if _in_color() else plain(lines))
    return not any(outcome.verdict == MISSED for outcome in outcomes), read


def _in_color() -> bool:
    try:
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # no standard output, or a closed one
        return False


def _header(level: Level, version: str) -> Iterator[Line]:
    layout = Layout(None)
    yield (("lifetrack ", "strong"), (version, "strong"), (f", {surroundings.python()}", ""))
    here, missing = surroundings.extras()
    told = [("level", level.word), ("wrapt", surroundings.installed("wrapt") or "not installed")]
    told += [("extras", ", ".join(here) or "none"), *(("missing", each) for each in missing)]
    told += [("off", f"{', '.join(surroundings.OFF)}: off unless asked for")]
    told += [("environment", f"{each}: left out here") for each in surroundings.settings()]
    for word, text in told:
        yield from layout.wrapped(text, " " * 13, first=f"{word:13}")


def _table(outcomes: Sequence[Outcome]) -> Iterator[Line]:
    rows = [("watch", "kind", "verdict"), *((each.group, each.name, each.verdict) for each in outcomes)]
    group, name, verdict = (max(len(row[column]) for row in rows) for column in range(3))
    yield ((f"{'watch':{group}}  {'kind':{name}}  {'verdict':{verdict}}  found", "strong"),)
    for each in outcomes:
        yield (
            (f"{each.group:{group}}  {each.name:{name}}  ", ""),
            (f"{each.verdict:{verdict}}", _STYLES[each.verdict]),
            (f"  {each.words}", "dim" if each.verdict == PASSED_OVER else ""),
        )


def _verdict(outcomes: Sequence[Outcome]) -> Iterator[Line]:
    counts = [f"{sum(each.verdict == verdict for each in outcomes)} {verdict}" for verdict in VERDICTS]
    missed = [f"{each.name} ({each.group})" for each in outcomes if each.verdict == MISSED]
    yield ((", ".join(counts), "proven" if missed else "good"),)
    if missed:
        yield from Layout(None).wrapped(f"Missed: {', '.join(missed)}.", "  ", "proven", first="")
