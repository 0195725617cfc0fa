"""What a report costs: ``python benchmarks/reports.py [COUNT]``, in seconds and as ratios with their targets.

Reports of COUNT (100,000) live resources from ten sites and of ten times as many, which may take at most twelve times
as long; the same at the end of the process, when all of them have leaked; and the grouping of a million findings, which
may take two seconds. The status is 1 if a figure is over its target.
"""

from __future__ import annotations

import gc
import linecache
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lifetrack.reports.grouping import group
from lifetrack.tracker import Tracker
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.stacks import Site

SITES, ROUNDS = 10, 3
FILE = "<ten sites>"
SOURCE = "\n".join(f"def site{number}():\n    return Resource()" for number in range(SITES)) + "\n"
#: Ten times the resources, at most so many times the time; a million findings, at most so many seconds.
RATIO, SECONDS = 12.0, 2.0


def fastest(work: Callable[[], object]) -> float:
    """Give the seconds of the fastest of some rounds, without the collector's turns: their time is the heap's."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
        gc.enable()
    return best


def acquired(tracker: Tracker, count: int) -> list[Any]:
    """Acquire from ten sites in turn."""

    class Resource:
        def close(self) -> None:
            pass

    namespace = {"Resource": tracker.tracked_as(Resource)}
    linecache.cache[FILE] = (len(SOURCE), None, SOURCE.splitlines(keepends=True), FILE)
    exec(compile(SOURCE, FILE, "exec"), namespace)
    sites: list[Any] = [namespace[f"site{number}"] for number in range(SITES)]
    return [sites[number % SITES]() for number in range(count)]


def report_of_live(count: int) -> float:
    """Give the seconds of a report, told as text and as JSON, while the resources are live."""
    tracker = Tracker()
    tracker.start("stacks", policy="record", report=False)
    kept = acquired(tracker, count)

    def work() -> None:
        report = tracker.report()
        if sum(finding.count for finding in report.findings) != len(kept) or len(report.findings) != SITES:
            sys.exit("the report does not tell what there is")
        report.to_text()
        report.to_json()

    try:
        return fastest(work)
    finally:
        tracker.stop()


def report_at_end(count: int) -> float:
    """Give the seconds of the one report at the end of a process."""
    best = float("inf")
    for _ in range(ROUNDS):
        tracker = Tracker()
        tracker.start("stacks", policy="record", report=False)
        kept = acquired(tracker, count)
        began = time.perf_counter()
        report = tracker.final_report()
        best = min(best, time.perf_counter() - began)
        tracker.stop()
        if sum(finding.count for finding in report.findings) != len(kept):
            sys.exit("the report does not tell what there is")
    return best


def grouping(count: int) -> float:
    """Give the seconds for grouping so many findings, each with a site and a resource of its own."""
    owner = OwnerName("process", "process")
    findings = [
        Finding("LT101", Certainty.PROVEN, "message", Resource(number, "app.Resource"),
                Site("app.py", number % SITES, "main"), (), owner)
        for number in range(count)
    ]  # fmt: skip
    return fastest(lambda: group(findings))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"Python {platform.python_version()}")
    failed = False
    for name, measure in (("report of live ones", report_of_live), ("report at the end", report_at_end)):
        small, large = measure(count), measure(10 * count)
        failed = failed or large / small > RATIO
        print(f"{name}, {count:,}: {small:.2f} s; {10 * count:,}: {large:.2f} s; ratio {large / small:.1f} ({RATIO:g})")
    seconds = grouping(1_000_000)
    print(f"grouping a million findings: {seconds:.2f} s ({SECONDS:g})")
    sys.exit(failed or seconds > SECONDS)


if __name__ == "__main__":
    main()
