"""Totals are exact under threads and a collector that runs all the time, and nothing waits for anything for ever."""

from __future__ import annotations

import gc
import random
import sys
import threading

import pytest

from lifetrack.ledger.cases import KEPT_CASES, Case
from lifetrack.ledger.ledger import Ledger
from lifetrack.values.declarations import Declaration
from lifetrack.values.errors import LeakError
from lifetrack.values.findings import Certainty

THREADS = 8
ROUNDS = 300
LEVELS = ["counts", "sites", "stacks", "full"]


class Totals:
    """How many resources a program acquired, released, dropped and kept."""

    def __init__(self):
        self.released = self.dropped = 0
        self.kept = []

    def work(self, cls, seed):
        chance = random.Random(seed)
        for _ in range(ROUNDS):
            resource = cls()
            what = chance.randrange(3)
            if what == 0:
                resource.close()
                self.released += 1
            elif what == 1:
                resource.self = resource if chance.randrange(2) else None
                self.dropped += 1
            else:
                self.kept.append(resource)


def declared(tracker):
    class Resource:
        def close(self):
            pass

    return tracker.tracked(Resource)


def run_threads(targets, *, timeout=60):
    """Run functions in threads of their own, and fail where one does not end."""
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
    assert not any(thread.is_alive() for thread in threads), "a thread waits for ever"


@pytest.mark.parametrize("level", LEVELS)
def test_totals_are_exact_under_threads_and_collections(tracker, level):
    """Eight threads acquire, release and drop while another collects: every number is the true one."""
    cls = declared(tracker)
    tracker.start(level, policy="record", report=False)
    totals = [Totals() for _ in range(THREADS)]
    done = threading.Event()

    def collect():
        while not done.is_set():
            gc.collect(0)
            tracker.snapshot()

    collector = threading.Thread(target=collect, daemon=True)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        collector.start()
        run_threads([lambda item=item, seed=seed: item.work(cls, seed) for seed, item in enumerate(totals)])
        done.set()
        collector.join(60)
    finally:
        sys.setswitchinterval(interval)
        done.set()
    gc.collect()
    report = tracker.report()
    kept, dropped = sum(len(item.kept) for item in totals), sum(item.dropped for item in totals)
    released = sum(item.released for item in totals)
    assert kept + dropped + released == THREADS * ROUNDS
    shown = report.totals
    assert (shown.acquired, shown.live, shown.released) == (THREADS * ROUNDS, kept, released)
    by_rule = {rule: sum(f.count for f in report.findings if f.rule == rule) for rule in ("LT101", "LT102")}
    assert by_rule == {"LT101": kept, "LT102": dropped}
    assert shown.findings == kept + dropped


def test_cases_beyond_those_kept_are_counted(tracker):
    """Of many leaks at one line some are kept one by one, and none is missing from the count."""
    cls = declared(tracker)
    tracker.start("sites", policy="record", report=False)
    number = 3 * KEPT_CASES + 7
    for _ in range(number):
        cls()
    findings = tracker.find_leaks()
    assert len(findings) == KEPT_CASES
    assert sum(finding.count for finding in findings) == number
    cls()
    cls()
    assert sum(finding.count for finding in tracker.find_leaks()) == number + 2


def test_misuses_beyond_those_kept_are_counted(tracker):
    """The same holds for uses after the release, and other lines have cases of their own."""

    @tracker.tracked
    class Resource:
        def close(self):
            pass

        def use(self):
            pass

    tracker.start("stacks", policy="record", report=False)
    resource = Resource()
    resource.close()
    for _ in range(KEPT_CASES + 20):
        resource.use()
    resource.use()
    findings = [finding for finding in tracker.report().findings if finding.rule == "LT201"]
    assert sum(finding.count for finding in findings) == KEPT_CASES + 21
    cases = tracker.ledger.cases.all()
    assert sorted(case.count for case in cases if case.rule == "LT201") == [1] * KEPT_CASES + [21]


def test_a_collection_inside_the_ledgers_own_section_does_not_deadlock(tracker):
    """What is collected while this thread is inside the ledger is enqueued, whatever its finalizer does."""
    made = []

    @tracker.tracked
    class Resource:
        def close(self):
            pass

        def __del__(self):
            made.append(1)
            if len(made) < 20:
                Resource()  # acquires and drops one more, which is noticed in turn

    tracker.start("stacks", policy="record", report=False)

    def work():
        resource = Resource()
        resource.self = resource
        del resource
        gc.collect()
        tracker.find_leaks()

    run_threads([work], timeout=20)
    assert sum(finding.count for finding in tracker.find_leaks()) == 20


def test_code_of_the_programs_that_runs_inside_the_ledger_may_wait_for_other_threads():
    """A finalizer may run anywhere, also inside the ledger, and wait for a thread that is on its way into it."""
    ledger, waited = Ledger(), []
    kind = ledger.new_kind("Resource", Declaration(release=("close",)))
    entry = [1, 0, test_cases_beyond_those_kept_are_counted.__code__, 0, None, kind, *[None] * 5]

    class Rule(str):
        """Runs code in the middle of filing, as a collection would."""

        __slots__ = ()

        def __hash__(self):
            other = threading.Thread(target=ledger.cases.all, daemon=True)
            other.start()
            other.join(5)
            waited.append(not other.is_alive())
            return super().__hash__()

    ledger.cases.add(Case(Rule("LT101"), Certainty.PROVEN, entry, None))
    assert waited
    assert all(waited)


def test_many_threads_may_look_while_others_work(tracker):
    """Asking for leaks, a report or a scope in some threads while others acquire and drop raises in none of them."""
    cls = declared(tracker)
    tracker.start("sites", policy="record", report=False)
    failures = []

    def guarded(function):
        def run():
            try:
                for _ in range(60):
                    function()
            except Exception as error:
                failures.append(error)

        return run

    def scoped():
        with tracker.scope("loop"):
            resource = cls()
            resource.close()
            cls()

    def churn():
        for _ in range(20):
            cls()

    run_threads([guarded(each) for each in (tracker.find_leaks, tracker.report, scoped, scoped, churn, churn)])
    assert failures == []


def test_the_end_of_a_scope_counts_each_leak_once(tracker):
    """However many leaks one line has made, the error at the end of their scope counts each of them once."""
    cls = declared(tracker)
    tracker.start("sites", policy="raise", report=False)
    number = KEPT_CASES + 50
    with pytest.raises(LeakError) as caught, tracker.scope("many"):
        kept = [cls() for _ in range(number)]
    assert sum(finding.count for finding in caught.value.findings) == number == len(kept)
    assert sum(finding.count for finding in tracker.find_leaks()) == number
