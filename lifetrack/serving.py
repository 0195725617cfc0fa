"""Serving: what a tracker does for a program that goes on. All of it is loaded when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifetrack.account import Account, report_of
from lifetrack.declaring import OFF, Declaring
from lifetrack.judgement import leak_error
from lifetrack.ledger.ledger import Ledger
from lifetrack.reports.model import Report
from lifetrack.values.errors import ConfigurationError, LifetrackError
from lifetrack.values.findings import Finding
from lifetrack.values.settings import shown

if TYPE_CHECKING:
    from lifetrack.service.options import ServiceOptions
    from lifetrack.service.repeating import Repetitions
    from lifetrack.service.service import Service

_LIVE = {"still": "is live at this moment"}


class Serving(Declaring):
    """The part of a tracker that serves operators: limits, growth, reports while the program runs, sinks."""

    def __init__(self) -> None:
        super().__init__()
        self._service: Service | None = None

    # -- the service -------------------------------------------------------------------------------------------------

    @property
    def service(self) -> Service | None:
        """The service, if anything was asked of it."""
        return self._service

    def _options_of(self, **given: Any) -> ServiceOptions | None:
        """Read what is asked of a service; None if nothing is. Raises ConfigurationError for a bad value."""
        if all(value is None for value in given.values()):
            return None
        from lifetrack.service.options import parse

        return parse(given)

    def _wants_times(self, options: ServiceOptions | None) -> bool:
        if options is not None:
            from lifetrack.service.service import is_timed

            before = None if self._service is None else self._service.options
            return is_timed(options if before is None else options.over(before))
        return self._service is not None and self._service.is_timed

    def _ledger_for(self, options: ServiceOptions | None) -> Ledger | None:
        """Give a ledger that notes what leaves it, where that is wanted from the beginning; None for a plain one."""
        if options is None or not options.sinks:
            return None
        from lifetrack.service.sinks import wants_metrics
        from lifetrack.service.tallies import Departures

        return Ledger(Departures()) if wants_metrics(options.sinks) else None

    def stop(self) -> None:
        """End tracking."""
        raise NotImplementedError

    def _begin_serving(self, options: ServiceOptions | None) -> None:
        try:
            self._serve(options)
        except BaseException:  # a port that is taken: tracking has not begun either
            if self._service is None or not self._service.options:
                self.stop()
            raise

    def _serve(self, options: ServiceOptions | None) -> None:
        """Do what is asked; without options go on as before, also in a forked child."""
        if options is not None:
            self._ask_service().apply(options)
        elif self._service is not None:
            self._service.apply(self._service.options)
        elif self._registry.has_limits() or (self._account is not None and self._account.watching.has_limits()):
            self._watch_limits()

    def _ask_service(self) -> Service:
        if self._service is None:
            from lifetrack.service.service import Service

            self._service = Service(lambda: self._account, self._report_of_now)
        return self._service

    def _watch_limits(self) -> None:
        self._ask_service().begin(limited=True)

    def _end_service(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.stop()

    # -- reports while the program runs ------------------------------------------------------------------------------

    def _report_of_now(self) -> Report | None:
        account = self._account
        if account is None:
            return None
        self._look(account)
        with account.knowing_holders():
            return report_of(account, "normal", account.leaks(None, _LIVE, counting=True))

    def _look(self, account: Account) -> None:
        """Bring the account up to date, limits included."""
        account.look()
        if self._service is not None:
            self._service.judge(account)

    def dump(self, to: str | os.PathLike[str] | None = None) -> Report:
        """Make a report of this moment without stopping the program, write it, and give it.

        It goes to the file ``to``, to that of ``start(dump_to=...)``, or to standard error. What is live now is told
        as a hint. Raises LifetrackError while tracking is off and ConfigurationError for a file that cannot be.
        """
        self._on()
        from lifetrack.service.dumping import parse_target

        report = self._ask_service().dumps.dump(None if to is None else parse_target(to))
        if report is None:
            raise LifetrackError(OFF)
        return report

    # -- growth ------------------------------------------------------------------------------------------------------

    def growth(
        self, work: Callable[[], object], *, repetitions: int = 8, warm_up: int = 2, collect: bool = True
    ) -> list[Finding]:
        """Repeat ``work`` and give the places whose number of live resources rises with the repetitions (LT107).

        It is called ``warm_up`` times, then ``repetitions`` times (8 or more), and if something seems to grow twice as
        often again, to tell growth from a cache that fills: one with more room than that is taken for growth.
        With ``collect`` the garbage collector runs after each. Raises LifetrackError while tracking is off.
        """
        account = self._on()
        from lifetrack.service.growth import WINDOWS
        from lifetrack.service.repeating import growth

        for what, value, least in (("repetitions", repetitions, WINDOWS), ("warm_up", warm_up, 0)):
            given: object = value
            if isinstance(given, bool) or not isinstance(given, int) or given < least:
                raise ConfigurationError(f"{what}={shown(value)}: use a whole number from {least}")
        return growth(account, work, repetitions=repetitions, warm_up=warm_up, collect=collect)

    def assert_no_growth(
        self, work: Callable[[], object], *, repetitions: int = 8, warm_up: int = 2, collect: bool = True
    ) -> None:
        """Raise LeakError if :meth:`growth` finds anything that was not allowed."""
        found = self.growth(work, repetitions=repetitions, warm_up=warm_up, collect=collect)
        findings = [finding for finding in found if finding.allowed is None]
        if findings:
            raise leak_error(findings, "by repetitions of the same work")

    def repetitions(self, *, collect: bool = True) -> Repetitions:
        """Count repetitions by hand: call ``done()`` after each, then ask for ``findings()``.

        For work that cannot be called, such as that of a coroutine. Eight or more are needed. Raises LifetrackError
        while tracking is off.
        """
        account = self._on()
        from lifetrack.service.repeating import Repetitions

        return Repetitions(account, collect=collect)
