"""The part of a tracker that keeps a journal, if it is asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifetrack.ledger.ledger import Ledger
from lifetrack.serving import Serving
from lifetrack.values.errors import ConfigurationError
from lifetrack.values.settings import Settings

if TYPE_CHECKING:
    from lifetrack.journal.plans import JournalPlan
    from lifetrack.service.options import ServiceOptions


class Journaled(Serving):
    """What a tracker does with a journal; without one, nothing of the journal is loaded."""

    def _new_ledger(
        self, settings: Settings, plan: JournalPlan | None, options: ServiceOptions | None
    ) -> Ledger | None:
        """Make the ledger of a tracker that starts; None for a plain one, or while it has one already."""
        if self._account is not None:
            return None
        ledger = self._ledger_for(options)
        if plan is None:
            return ledger
        from lifetrack.journal.beginning import journaled

        return journaled(Ledger() if ledger is None else ledger, plan, settings)

    def _plan(self, journal: Any, size: Any) -> JournalPlan | None:
        """Read what is said of a journal; raise ConfigurationError where there can be none, or no other one."""
        if journal is None:
            return None
        from lifetrack.journal.plans import plan_of

        plan = plan_of(journal, size)
        if self._account is not None:
            known = self._account.engine.ledger.journal
            if known is None or known.plan.path != plan.path:
                raise ConfigurationError(
                    f"journal {plan.path!r}: tracking is on already, so that its events would lack: name it when "
                    "tracking starts, or stop() first"
                )
        return plan

    def _journal_of_children(self) -> JournalPlan | None:
        ledger = self.ledger
        return None if ledger is None or ledger.journal is None else ledger.journal.plan

    def begin_journal_in_child(self) -> None:
        """Go on with a journal of its own, in a forked child that is followed."""
        ledger = self.ledger
        if ledger is not None and ledger.journal is not None:
            ledger.journal.begin_in_child()
