"""What goes along with a tracker where it is asked for: the child processes that are followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lifetrack.reports.model import Report
from lifetrack.values.headroom import headroom
from lifetrack.values.settings import Settings

if TYPE_CHECKING:
    from lifetrack.children.following import Following
    from lifetrack.journal.plans import JournalPlan


class Company:
    """The company of one tracker. ``reporter`` makes the final report of this process alone.

    ``begin_journal`` goes on with a journal in a forked child.
    """

    def __init__(self, reporter: Callable[[str], Report | None], begin_journal: Callable[[], None]) -> None:
        self.reporter = reporter
        self._begin_journal = begin_journal
        self._following: Following | None = None

    def gather(self) -> None:
        """Begin to follow child processes; raise ConfigurationError where there is no place for their reports."""
        if self._following is None:
            from lifetrack.children.exchange import Exchange
            from lifetrack.children.following import Following

            self.join(Following(Exchange.make(), self.reporter))

    def join(self, following: Following) -> None:
        """Be followed, in a process that a followed one has started."""
        self._following = following
        following.begin_journal = self._begin_journal

    def order(self, settings: Settings, watch: tuple[str, ...], journal: JournalPlan | None) -> None:
        """Let the children do as this process does."""
        if self._following is not None:
            from lifetrack.children.exchange import Orders

            self._following.order(Orders(settings, watch, journal))

    @headroom()
    def merge(self, report: Report) -> Report:
        """Give the report with those of the children that were followed."""
        return report if self._following is None else self._following.merge(report)

    def at_exit(self) -> None:
        """Report at the end of a followed process, after the exit hooks of the program."""
        if self._following is not None:
            self._following.at_exit()

    def part(self) -> None:
        """Follow no more."""
        following, self._following = self._following, None
        if following is not None:
            following.stop()
