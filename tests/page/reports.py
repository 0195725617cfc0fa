"""Reports for the pages: a small one that has everything, and large ones."""

from __future__ import annotations

from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo, TypeTotals
from lifetrack.reports.stored import StoredFinding, StoredSite
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, Finding, OwnerName, Resource
from lifetrack.values.holders import Holder
from lifetrack.values.records import Lasting, Lifetime, Lifetimes, Tenure, Unseen

PROCESS = ProcessInfo(7, 1, "3.11.7", "linux", ("app.py",), "2026-01-31T12:00:00Z", "2026-01-31T12:00:10Z", "normal")
POOL, WHOLE = OwnerName("pool", "Owner"), OwnerName("process", "process")


def site(line, function="main", file="/srv/app/work.py"):
    """A place with a line of code."""
    return StoredSite(file, line, function, stored_code=f"line_{line}(<b>&amp;</b>)")


def finding(number, rule="LT101", certainty=Certainty.PROVEN, **changes):
    """A finding about the resource of that number."""
    stack = tuple(site(number + depth, f"step_{depth}") for depth in range(8))
    thread = changes.pop("thread", "MainThread")
    fields = {
        "rule": rule,
        "certainty": certainty,
        "message": f"app.Backend acquired at {stack[0]} was never released: call close()",
        "resource": Resource(number, "app.Backend", f"label-{number}"),
        "site": stack[0],
        "events": (Event("acquired", float(number), thread, None, 7, stack),),
        "owner": WHOLE,
        "stored_fingerprint": f"{number:016x}",
    }
    return StoredFinding(**{**fields, **changes})


def small() -> Report:
    """Four findings of different rules, types, tests, owners and threads; lifetimes with a transfer; holders."""
    held = (Holder("module-global", ("app (module)", "REGISTRY (dict)", "['a']")),)
    also = (Holder("module-global", ("app (module)", "REGISTRY (dict)", "['b']")), Holder("unknown", ("?",)))
    findings = (
        finding(1, owner=POOL, test="tests/test_a.py::test_one", held_by=held, hint="Use a with block."),
        finding(2, "LT102", thread="Worker-1", resource=Resource(2, "app.Cursor"), count=3, held_by=also),
        finding(3, "LT201", Certainty.SUSPECTED, test="tests/test_b.py::test_two", children=(finding(9),)),
        finding(4, "LT103", Certainty.HINT, scope="import job", allowed="lives as long as the process"),
    )
    moved = (Tenure(WHOLE, 1.0), Tenure(POOL, 3.0))
    lifetimes = (
        Lifetime(Resource(1, "app.Backend", "label-1"), "live", site(1), 7, "MainThread", 1.0, None, moved, "LT101"),
        Lifetime(Resource(5, "app.Well"), "released", site(5), 7, "MainThread", 1.5, 2.5, moved[:1]),
    )
    return Report(
        level="stacks",
        process=PROCESS,
        totals=Totals(9, 1, 8, 5),
        types=(TypeTotals("app.Backend", 7, 1, 6), TypeTotals("app.Cursor", 1234, 0, 2)),
        findings=findings,
        tracker=TrackerInfo(watched=("stdlib",), unseen=(Unseen("unknown", "app.Old", 2, "was there before"),)),
        lasting=(Lasting("thread", "loop", "serves the loop"),),
        lifetimes=Lifetimes(lifetimes, 3),
    )


def large(number: int) -> Report:
    """A report of so many groups of findings, in which nothing is the same twice."""

    def each(turn) -> Finding:
        stack = tuple(site(turn + depth, f"func_{turn % 300}", f"/srv/app/mod{turn % 400}.py") for depth in range(5))
        return StoredFinding(
            rule=("LT101", "LT102", "LT103")[turn % 3],
            certainty=Certainty.PROVEN,
            message=f"app.T{turn % 40} acquired at {stack[0]} was never released: call close()",
            resource=Resource(turn + 1, f"app.T{turn % 40}", f"label {turn}"),
            site=stack[0],
            events=(Event("acquired", turn * 1e-3, f"Worker-{turn % 20}", None, 7, stack),),
            owner=OwnerName(f"pool-{turn % 9}", "Owner"),
            test=f"tests/test_{turn}.py::test_x",
            held_by=(Holder("module-global", ("app (module)", f"['{turn}']")),) if turn % 10 == 0 else (),
            stored_fingerprint=f"{turn:016x}",
        )

    totals = Totals(number, 0, number, number)
    return Report("stacks", PROCESS, totals, (), tuple(map(each, range(number))), TrackerInfo())
