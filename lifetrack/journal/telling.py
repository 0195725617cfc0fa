"""What a journal tells in words: of declarations and of findings, as JSON, in a text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lifetrack.ledger.rendering import finding_of

if TYPE_CHECKING:
    from lifetrack.ledger.cases import Case
    from lifetrack.ledger.ledger import Ledger
    from lifetrack.values.declarations import Declaration


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


def told_of_case(ledger: Ledger, case: Case) -> str:
    """Write down a finding as it is when it is filed."""
    finding = finding_of(ledger, case.entry, case.rule, case.certainty, case)
    told = {
        "rule": finding.rule, "certainty": finding.certainty.word, "message": finding.message,
        "type": finding.resource.type, "label": finding.resource.label, "scope": finding.scope,
        "test": finding.test, "allowed": finding.allowed, "hint": finding.hint,
        "owner": [finding.owner.name, finding.owner.kind], "use": None if case.use is None else case.use[0],
    }  # fmt: skip
    return json.dumps(told)
