"""What each form of a report takes: for so many groups of findings, and for ten times as many.

Run it:  python benchmarks/formats.py [NUMBER]
"""

from __future__ import annotations

import sys
import time

from lifetrack.reports.forms import NAMES, form_named
from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo
from lifetrack.reports.stored import StoredFinding, StoredSite
from lifetrack.values.errors import MissingExtraError
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, OwnerName, Resource

DEPTH = 12
PROCESS = ProcessInfo(7, 1, "3.11", "linux", ("app.py",), "2026-01-31T12:00:00Z", "2026-01-31T12:00:10Z")


def finding(number):
    stack = tuple(
        StoredSite(f"/srv/app/mod{number % 400}.py", number + depth, f"f{depth}", stored_code=f"call_{depth}()")
        for depth in range(DEPTH)
    )
    events = (Event("acquired", number * 1e-3, "MainThread", None, 7, stack),)
    return StoredFinding(
        rule="LT101",
        certainty=Certainty.PROVEN,
        message=f"app.T{number % 40} acquired at {stack[0]} was never released",
        resource=Resource(number + 1, f"app.T{number % 40}"),
        site=stack[0],
        events=events,
        owner=OwnerName(f"pool-{number % 9}", "Owner"),
        test=f"tests/test_{number}.py::test",
        stored_fingerprint=f"{number:016x}",
    )


def report_of(number):
    return Report(
        "stacks", PROCESS, Totals(number, 0, number, number), (), tuple(map(finding, range(number))), TrackerInfo()
    )


def seconds(form, report):
    begun = time.perf_counter()
    size = len(form.render(report))
    return time.perf_counter() - begun, size


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    few, many = report_of(number), report_of(10 * number)
    print(f"{'form':8} {number:>9} groups {10 * number:>9} groups  ratio      size")
    for name in NAMES:
        form = form_named(name)
        try:
            form.check()
        except MissingExtraError as error:
            print(f"{name:8} {error}")
            continue
        form.render(few)  # once for what is loaded and cached
        first, _ = min(seconds(form, few) for _ in range(3))
        second, size = seconds(form, many)
        print(f"{name:8} {first * 1000:12.1f} ms {second * 1000:13.1f} ms  {second / first:5.1f} {size / 1e6:6.2f} MB")


if __name__ == "__main__":
    main()
