"""Explaining: what is added to findings for those who read them, and worked out only then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lifetrack.detect.siblings import with_siblings
from lifetrack.detect.suggesting import Suggesting
from lifetrack.ledger.ledger import Ledger
from lifetrack.values import holders as verdicts
from lifetrack.values.declarations import Declaration
from lifetrack.values.findings import Finding
from lifetrack.values.suggestions import Suggestion

#: Leaks that agree in so many frames came the same way.
_KEY_FRAMES = 8
#: What keeps a resource for later: a block would leave there one that is released.
_KEEPERS = frozenset({
    verdicts.LRU_CACHE, verdicts.CONTEXTVAR, verdicts.THREAD_LOCAL, verdicts.DEFAULT_ARGUMENT, verdicts.CLASS_ATTRIBUTE,
    verdicts.ATEXIT_HANDLER, verdicts.SIGNAL_HANDLER, verdicts.BOUND_METHOD, verdicts.LOGGING_HANDLER,
})  # fmt: skip


def explained(ledger: Ledger, findings: Iterable[Finding]) -> list[Finding]:
    """Add to leaks what became of their siblings, and how to write the source so that they are released."""
    findings = list(findings)
    if not any(finding.is_leak for finding in findings):
        return findings
    suggesting = _Remembering({kind.type_name: kind.declaration for kind in ledger.kinds})
    return [suggesting.told(finding) for finding in with_siblings(ledger, findings)]


class _Remembering(Suggesting):
    """Makes each suggestion once for all leaks of one type that came the same way."""

    def __init__(self, declarations: dict[str, Declaration]) -> None:
        super().__init__(declarations)
        self._known: dict[object, Suggestion | None] = {}

    def told(self, finding: Finding) -> Finding:
        """Give a finding with the suggestion for it, if there is one."""
        if any(holder.verdict in _KEEPERS for holder in finding.held_by):
            return finding
        ways = finding.owner.kind, finding.duty_site, finding.left_by is None, _stack(finding)
        key = finding.rule, finding.resource.type, ways
        if key not in self._known:
            try:
                self._known[key] = self.suggestion(finding)
            except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
                self._known[key] = None  # a source of a shape that nobody thought of: no suggestion
        suggestion = self._known[key]
        return finding if suggestion is None else replace(finding, suggestion=suggestion)


def _stack(finding: Finding) -> object:
    return finding.site, (finding.events[0].stack[:_KEY_FRAMES] if finding.events else ())
