"""Filing an inversion: the circle of locks becomes one finding that has the stacks of every step."""

from __future__ import annotations

import os
import warnings

from lifetrack.guards.engine import Engine, exception_of, warn
from lifetrack.ledger.cases import Case
from lifetrack.ledger.entries import LIVE, Kind, Note
from lifetrack.ledger.rendering import finding_of_case
from lifetrack.values.errors import LifetrackError
from lifetrack.values.events import HELD, THEN_ACQUIRED
from lifetrack.values.findings import Certainty
from lifetrack.values.stacks import Site, site_of
from lifetrack.watchers.locking.graph import Edge, Node, Taken


def _short(site: Site) -> str:
    return f"{os.path.basename(site.file)}:{site.line}"


def _named(node: Node, number: int) -> str:
    made = "" if node.site is None else f" created at {_short(site_of(node.site))}"
    return f"lock {number}, {node.type_name}{made}"


def _place(taken: Taken) -> str:
    trace = taken[0]
    return "" if trace is None else f" at {site_of((trace[0], trace[1]))}"


def file_inversion(engine: Engine, kind: Kind, circle: list[Edge]) -> tuple[Case, LifetrackError | None]:
    """File a circle, its new edge last; give the case, and the exception that the policy asks for."""
    numbers: dict[Node, int] = {}
    for edge in circle:
        numbers.setdefault(edge.outer, len(numbers) + 1)
    steps: list[Note] = []
    for edge in circle:
        steps.append((HELD, *edge.first, _named(edge.outer, numbers[edge.outer])))
        steps.append((THEN_ACQUIRED, *edge.second, _named(edge.inner, numbers[edge.inner])))
    first = circle[0]
    _, trace, when, _ = steps[0]
    entry = [LIVE, 0, trace, None, engine.ledger.place.get(), kind, when, None, None, None, None]
    last = circle[-1]
    words = {
        "wanted": f"{first.inner.type_name} is taken{_place(first.second)}",
        "others": "the other way round" if len(circle) == 2 else f"so on in a circle of {len(circle)} locks,",
        "there": _place(last.second),
    }
    case = engine.ledger.cases.add(Case("LT403", Certainty.PROVEN, entry, steps[-1], steps[1:-1], words))
    if engine.settings.policy["LT403"] != "raise":
        return case, None
    finding = finding_of_case(engine.ledger, case)
    if finding.allowed is not None or engine.settings.policy.pardons(finding):
        return case, None
    case.raised = True
    return case, exception_of(finding)


def show(engine: Engine, case: Case) -> None:
    """Warn of a case. A filter that makes an error of the warning must not hit the release of a lock."""
    finding = finding_of_case(engine.ledger, case)
    try:
        warn(finding, None)
    except Warning as error:
        site = finding.site
        file, line = ("<unknown>", 1) if site is None else (site.file, site.line)
        warnings.showwarning(str(error), type(error), file, line)
