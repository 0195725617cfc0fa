"""The service of one tracker: a thread that watches limits and hands out events and numbers, while the program runs."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lifetrack.ledger.entries import SCOPE, Entry, place_of
from lifetrack.ledger.ledger import Ledger
from lifetrack.ledger.places import PROCESS, Place
from lifetrack.service.dumping import Dumps, SignalSwitch
from lifetrack.service.events import DUMPED, TROUBLE, ServiceEvent
from lifetrack.service.judging import Limiter
from lifetrack.service.options import SHORTEST, ServiceOptions
from lifetrack.service.sinks import Sinks, described, wants_metrics
from lifetrack.service.tallies import Tallies, Tally
from lifetrack.service.telling import after_all, events_of
from lifetrack.values.process import when_forking

if TYPE_CHECKING:
    from lifetrack.account import Account
    from lifetrack.reports.model import Report

THREAD = "lifetrack-service"
#: The looks take at most this part of one processor.
_SHARE = 0.05
#: Seconds that somebody who wants numbers, or the end, waits for the thread.
_PATIENCE = 5.0
#: How old numbers may be that are given again, in seconds: one export asks several times.
_FRESH = 0.05
#: How many findings are kept until the next look; of more only the last are told.
_MOST_NEWS = 10_000
_OWN = "lifetrack's own sinks"

_services: weakref.WeakSet[Service] = weakref.WeakSet()


def _after_fork() -> None:
    """Leave the thread and the sinks to the parent; a forked child that wants its own calls ``start()``."""
    for service in list(_services):
        service.in_child()


when_forking(in_child=_after_fork)


class Service:
    """What goes on beside a program that is tracked. ``account`` gives the account of this moment."""

    def __init__(self, account: Callable[[], Account | None], report: Callable[[], Report | None]) -> None:
        self._account = account
        self.options = ServiceOptions()
        self.dumps = Dumps(report, self._dumped)
        self._signal: SignalSwitch | None = None
        self._sinks = Sinks(self._trouble)
        self._limiter = Limiter()
        self._own = Place(_OWN, "allow", PROCESS, _OWN)
        self._tallies = Tallies(self._is_own)
        self._last = Tally()
        self._last_at = float("-inf")
        #: Who waits for numbers; and what is to be told beside the findings. Both may be filled by any thread.
        self._asking: deque[threading.Event] = deque()
        self._events: deque[ServiceEvent] = deque(maxlen=_MOST_NEWS)
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._cost = 0.0
        self._complained = False
        _services.add(self)

    # -- options ---------------------------------------------------------------------------------------------------

    @property
    def is_timed(self) -> bool:
        """Whether the times of acquire and release are wanted at every level that has places."""
        return is_timed(self.options)

    def apply(self, options: ServiceOptions) -> None:
        """Go by these options from now on; raise before anything has changed where one of them cannot be."""
        wanted = options.over(self.options)
        account = self._account()
        if wanted.sinks is not None and account is not None:
            with self._as_own(account.engine.ledger):
                self._sinks.open(wanted.sinks, self)
        self._switch(wanted.dump_signal)
        self.dumps.target = wanted.dump_to
        self._limiter.use(wanted)
        self.options = wanted
        self.begin()

    def _switch(self, number: int | None) -> None:
        if self._signal is not None and self._signal.number != number:
            self._signal.remove()
            self._signal = None
        if number is not None and self._signal is None:
            switch = SignalSwitch(number, self.dumps.dump)
            switch.install()
            self._signal = switch

    def begin(self, *, limited: bool = False) -> None:
        """Begin the thread where there is something for it to do, and it does not run in this process.

        With ``limited`` some declaration has a limit, though there may be none of its resources yet.
        """
        self._limiter.is_expected = self._limiter.is_expected or limited
        account = self._account()
        if account is None or not self._has_work(account.engine.ledger):
            return
        if self._sinks.choices and account.engine.ledger.cases.news is None:
            account.engine.ledger.cases.news = deque(maxlen=_MOST_NEWS)
        if self._thread is None:
            self._stopping = False
            # Its own name and a thread that ends with the process: nobody has to join it.
            self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
            with self._as_own(account.engine.ledger):
                self._thread.start()
        self._wake.set()

    def _has_work(self, ledger: Ledger) -> bool:
        return bool(self._sinks.choices) or self._limiter.has_work(ledger)

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            account = self._account()
            if account is not None:  # what sinks acquire here is theirs
                account.engine.ledger.place.set(self._own)
            began = time.perf_counter()
            self._look_safely()
            self._cost = time.perf_counter() - began
            self._wake.wait(self._pause())

    def _pause(self) -> float:
        account = self._account()
        pause = self._limiter.pause(None if account is None else account.engine.ledger)
        return max(SHORTEST, pause, self._cost * (1 / _SHARE - 1))

    def _look_safely(self) -> None:
        # Who asks from here on is answered by the next look: this one may have counted already.
        asking = [self._asking.popleft() for _ in range(len(self._asking))]
        try:
            self._look(numbers=bool(asking) or self._stopping)
        except Exception as error:  # the next look may do better; one line is enough
            if not self._complained:
                self._complained = True
                self._trouble(f"the service could not look ({described(error)})")
        finally:
            for done in asking:
                done.set()

    def _look(self, *, numbers: bool) -> None:
        """Look at limits, growth and news, and tell the sinks."""
        account = self._account()
        if account is None:
            return
        self.judge(account)
        ledger = account.engine.ledger
        if self._sinks.wants_metrics:
            if self._stopping:
                self._tallies.tally(ledger)  # the next one is sure of what has no place
            if numbers:
                self._last, self._last_at = self._tallies.tally(ledger), time.monotonic()
            else:
                self._tallies.look(ledger)
            self._hand_over_held()
        self._tell_news(ledger)

    def judge(self, account: Account) -> None:
        """File what is held too long, has passed its cap or grows; warn of it as the policy says."""
        account.judgement.drain()
        ledger = account.engine.ledger
        if self._sinks.choices or self._thread is not None:
            self._disown(ledger)
        cases, ended = self._limiter.judge(ledger, to_be_read=self._thread is not threading.current_thread())
        self._events.extend(after_all(ledger, ended))
        account.judgement.announce(cases)

    def _hand_over_held(self) -> None:
        fresh = self._tallies.fresh
        seconds = [fresh.popleft() for _ in range(len(fresh))]
        if seconds:
            self._sinks.held(seconds)

    def _tell_news(self, ledger: Ledger) -> None:
        news = ledger.cases.news
        if news is not None:
            cases = [news.popleft() for _ in range(len(news))]
            for event in events_of(ledger, cases):
                self._sinks.tell(event)
        for _ in range(len(self._events)):
            self._sinks.tell(self._events.popleft())

    # -- numbers -----------------------------------------------------------------------------------------------------

    def tally(self) -> Tally:
        """Give the numbers of this moment, gathered by the thread; the last ones if it is not heard of for long."""
        if time.monotonic() - self._last_at < _FRESH:
            return self._last
        if self._thread is None or threading.current_thread() is self._thread or self._stopping:
            account = self._account()
            if account is not None:
                account.judgement.drain()
                self._last, self._last_at = self._tallies.tally(account.engine.ledger), time.monotonic()
            return self._last
        done = threading.Event()
        self._asking.append(done)
        self._wake.set()
        if not done.wait(_PATIENCE):  # a sink holds it up: who asks next is not to wait as long again
            self._last_at = time.monotonic()
        return self._last

    # -- sinks -------------------------------------------------------------------------------------------------------

    def _dumped(self, message: str) -> None:
        self._events.append(ServiceEvent(DUMPED, message))
        self._wake.set()

    def _trouble(self, message: str) -> None:
        """Tell of trouble of our own: to the log, whatever the sinks are."""
        from lifetrack.service.logs import log

        event = ServiceEvent(TROUBLE, message)
        log(event)
        self._events.append(event)

    @contextmanager
    def _as_own(self, ledger: Ledger) -> Iterator[None]:
        """Let what is acquired in the block be known as our own."""
        ledger.note_scoped()
        token = ledger.place.set(self._own)
        try:
            yield
        finally:
            ledger.place.reset(token)

    def _is_own(self, entry: Entry) -> bool:
        """Whether it is our sinks', such as the socket of a server."""
        return entry[SCOPE] is not None and self._own in place_of(entry).lineage()

    def _disown(self, ledger: Ledger) -> None:
        """Take what is our sinks' as nobody's duty, before the process is judged."""
        for entry in ledger.open_entries():
            if self._is_own(entry):
                ledger.discount(entry)

    def _forget_own(self, ledger: Ledger) -> None:
        """Forget what is our sinks', before it is closed."""
        self._disown(ledger)
        for key, entry in ledger.entries.copy().items():
            if self._is_own(entry):
                ledger.entries.pop(key, None)

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Tell the sinks what is known now, after the process has been judged."""
        account = self._account()
        self._stop_thread()
        if account is not None:
            self._look_safely()

    def before_end(self) -> None:
        """Take our own things out of the account before the process is judged."""
        account = self._account()
        if account is not None:
            self._disown(account.engine.ledger)
            self._stop_thread()
            self.judge(account)

    def _stop_thread(self) -> None:
        thread, self._thread = self._thread, None
        self._stopping = True
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def stop(self) -> None:
        """End: the thread, the sinks, the handler of the signal."""
        self.finish()
        if self._signal is not None:
            self._signal.remove()
            self._signal = None
        account = self._account()
        if account is not None:
            self._forget_own(account.engine.ledger)
        self._sinks.close()
        _services.discard(self)

    def in_child(self) -> None:
        """Begin anew in a forked child, without a thread and without sinks until ``start()`` is called there."""
        self._thread = None
        self._stopping = False
        self._wake = threading.Event()
        self._asking.clear()
        self._events.clear()
        self._sinks.forget()
        self._tallies = Tallies(self._is_own)
        account = self._account()
        if account is not None:
            self._tallies.begin_anew(account.engine.ledger)
        self._limiter.in_child()
        self.dumps.in_child()


def is_timed(options: ServiceOptions) -> bool:
    """Whether these options want the times of acquire and release at every level that has places."""
    return bool(options.held_limits) or wants_metrics(options.sinks or ())
