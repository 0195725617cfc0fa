"""Names that nobody should have and somebody has: in every field of a report."""

from __future__ import annotations

from lifetrack.reports.model import ProcessInfo, Report, Totals, TrackerInfo, TypeTotals
from lifetrack.reports.stored import StoredFinding, StoredSite
from lifetrack.values.events import Event
from lifetrack.values.findings import Certainty, LeftBy, OwnerName, ProcessName, Resource
from lifetrack.values.holders import Holder
from lifetrack.values.records import Lasting, Lifetime, Lifetimes, Tenure, Unseen

NAMES = (
    "<script>window.hit = 1</script>",
    "</script><script>window.hit = 2</script>",
    "<!--<script>",
    "]]></style><img src=x onerror='window.hit = 3'>",
    '"><svg onload="window.hit = 4">',
    "' onmouseover='window.hit = 5",
    "\u202egnp.exe\u2066 \u200f\u061c",
    "line\r\nbreak\x00\x1b[31m\x07 \u2028\u2029",
    "lone \udcff surrogate",
    "{{ 7 * 7 }} {% raw %} {0} ${x}",
    "x" * 20_000,
    "\u05e2\u05d1\u05e8\u05d9\u05ea \u65e5\u672c",
    '"]; node [label="broken \\',
    "&lt;b&gt; &amp; &#60;",
    "%0A::error::x,y:z",
    "[click](https://example.invalid/)",
    "__proto__",
    "",
)


def hostile_report() -> Report:
    """A report in which each text of each finding is one of the names, another one in each finding."""
    number = len(NAMES)

    def name(turn, field):
        return NAMES[(turn + field) % number]

    def site(turn, field):
        return StoredSite(
            f"/srv/{name(turn, field)}.py", turn + 1, name(turn, field + 1), stored_code=name(turn, field + 2)
        )

    def finding(turn, children=()):
        stack = (site(turn, 0), site(turn, 3))
        events = (
            Event("acquired", 0.5 + turn, name(turn, 1) or "T", name(turn, 2) or None, 1, stack),
            Event("transferred", 0.6 + turn, "MainThread", None, 1, stack[:1], f"to Owner '{name(turn, 4)}'"),
            Event("used", None, None, None, 2, (), name(turn, 5)),
        )
        return StoredFinding(
            rule=("LT101", "LT201", "LT104")[turn % 3],
            certainty=list(Certainty)[turn % 3],
            message=name(turn, 6) or "-",
            resource=Resource(turn + 1, name(turn, 7), name(turn, 8)),
            site=stack[0],
            events=events,
            owner=OwnerName(name(turn, 9), ("Owner", "process", "object")[turn % 3]),
            scope=name(turn, 10),
            test=name(turn, 11),
            count=turn + 1,
            allowed=name(turn, 12) if turn % 5 == 4 else None,
            hint=name(turn, 13),
            held_by=(Holder(name(turn, 14), (name(turn, 15), name(turn, 16))), Holder("unknown", ())),
            children=children,
            ended="never",
            left_by=LeftBy(name(turn, 17), stack[1]),
            processes=(ProcessName(1, name(turn, 0)),),
            stored_fingerprint=f"{turn:016x}",
        )

    def lifetime(turn):
        owners = (
            Tenure(OwnerName(name(turn, 0), "Owner"), 0.1 * turn),
            Tenure(OwnerName(name(turn, 1), "thread"), 0.1 * turn + 0.05),
        )
        resource = Resource(turn + 1, name(turn, 2), name(turn, 3))
        until = None if turn % 2 else 3.0 + turn
        return Lifetime(resource, "live", site(turn, 4), 1, name(turn, 5), 0.1 * turn, until, owners, None)

    process = ProcessInfo(
        1, 0, NAMES[0], NAMES[1], (NAMES[1],), "2026-01-31T12:00:00Z", "2026-01-31T12:00:09.5Z", "normal", NAMES[1]
    )
    findings = tuple(finding(turn, (finding(turn + 100),)) for turn in range(number))
    return Report(
        level="stacks",
        process=process,
        totals=Totals(99, 1, 98, 98),
        types=tuple(TypeTotals(each, 3, 1, 2) for each in NAMES),
        findings=findings,
        tracker=TrackerInfo(watched=NAMES, unseen=(Unseen("unknown", NAMES[0], 1, NAMES[4]),)),
        lasting=(Lasting("thread", NAMES[3], NAMES[5]),),
        lifetimes=Lifetimes(tuple(map(lifetime, range(number))), 7),
    )
