"""What a journal tells in words: of declarations and of findings, as JSON, in a text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifetrack.journal.format import LONGEST
from lifetrack.ledger.rendering import finding_of

if TYPE_CHECKING:
    from lifetrack.ledger.cases import Case
    from lifetrack.ledger.ledger import Ledger
    from lifetrack.values.declarations import Declaration
    from lifetrack.values.stacks import Stack


def told_of(declaration: Declaration) -> str:
    """Write down of a declaration what the sentences of findings need."""
    told = {
        "release": declaration.release, "acquire": declaration.acquire, "idempotent": declaration.idempotent,
        "hint": declaration.hint, "leak_rule": declaration.leak_rule, "fate": declaration.fate,
    }  # fmt: skip
    return json.dumps(told)


def is_usual(declaration: Declaration) -> bool:
    """Whether being open is nothing to report of a process that was at work."""
    return declaration.ends_with_process is not None or declaration.leak_rule == "LT404"


def told_of_case(ledger: Ledger, case: Case, number_of: Callable[[Stack], int]) -> str:
    """Write down a finding as it is when it is filed: the resource may be forgotten before the finding is.

    ``number_of`` writes down a stack. Of many events the first and the last are told.
    """
    finding = finding_of(ledger, case.entry, case.rule, case.certainty, case)
    left = finding.left_by
    events = [
        [event.event, event.time, event.thread, event.task, number_of(event.stack), event.detail]
        for event in finding.events
    ]
    told: dict[str, Any] = {
        "rule": finding.rule, "certainty": finding.certainty.word, "message": finding.message,
        "type": finding.resource.type, "label": finding.resource.label, "scope": finding.scope,
        "test": finding.test, "allowed": finding.allowed, "hint": finding.hint, "ended": finding.ended,
        "owner": [finding.owner.name, finding.owner.kind],
        "site": 0 if finding.site is None else number_of((finding.site,)),
        "left_by": None if left is None else [left.error, number_of(() if left.site is None else (left.site,))],
    }  # fmt: skip
    while len(text := json.dumps({**told, "events": events})) > LONGEST and events:
        del events[len(events) // 2]
    return text
