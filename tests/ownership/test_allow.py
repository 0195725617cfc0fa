"""Allowances and grace: what may leak is counted and shown apart; what needs a moment to end is given it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from lifetrack.values.errors import ConfigurationError, LeakError


@pytest.mark.parametrize("reason", ["", "  ", None, 3])
def test_a_reason_is_mandatory(tracker, reason):
    """Without a reason there is no allowance, whether tracking is on or not."""
    with pytest.raises(ConfigurationError, match="needs a reason: say why"):
        tracker.allow(reason)


def test_a_bare_decorator_is_told_the_same(tracker):
    """Forgetting the call is the same mistake."""
    with pytest.raises(ConfigurationError, match="needs a reason"):

        @tracker.allow
        def function():
            pass


def test_what_is_allowed_is_counted_and_shown_apart(tracker, resource):
    """An allowed leak is a finding with its reason, does not count as one, and does not fail."""
    tracker.start(policy="raise", report=False)
    with tracker.scope("job"), tracker.allow("a cache"):
        kept = resource()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.allowed, finding.scope) == ("LT103", "a cache", "job")
    tracker.assert_no_leaks()
    report = tracker.report()
    assert (report.totals.findings, len(report.findings), report.totals.live) == (0, 1, 1)
    kept.close()


def test_only_what_is_acquired_inside_is_allowed(tracker, resource):
    """Before and after the block the rules hold; in it they do for what is misused."""
    before = resource()
    with tracker.allow("inside"):
        inside = resource()
    after = resource()
    assert [finding.allowed for finding in tracker.find_leaks()] == [None, "inside", None]
    with pytest.raises(LeakError) as caught:
        tracker.assert_no_leaks()
    assert len(caught.value.findings) == 2
    del before, inside, after


def test_allowances_nest_and_the_inner_reason_counts(tracker, resource):
    """Of several reasons the nearest one stands; scopes inside an allowance are allowed to leak."""
    with tracker.allow("outer"):
        with tracker.allow("inner"):
            one = resource()
        with tracker.scope("job"):
            two = resource()
    found = {(finding.rule, finding.scope, finding.allowed) for finding in tracker.find_leaks()}
    assert found == {("LT103", "job", "outer"), ("LT101", None, "inner")}
    del one, two


def test_an_allowance_decorates_functions_of_every_kind(tracker, resource):
    """Functions, coroutine functions and async blocks may be allowed to leak."""

    @tracker.allow("decorated")
    def plain():
        kept.append(resource())

    @tracker.allow("decorated")
    async def coroutine():
        await asyncio.sleep(0)
        kept.append(resource())

    async def main():
        await coroutine()
        async with tracker.allow("decorated"):
            kept.append(resource())

    kept = []
    plain()
    asyncio.run(main())
    assert [finding.allowed for finding in tracker.find_leaks()] == ["decorated"] * 3


def test_an_allowed_leak_that_is_collected_stays_allowed(tracker, resource):
    """The collector's finding has the reason, too."""
    with tracker.allow("short-lived"):
        resource()
    assert [(finding.rule, finding.allowed) for finding in tracker.find_leaks()] == [("LT102", "short-lived")]


def graceful(tracker, grace):
    @tracker.tracked(grace=grace)
    class Slow:
        def close(self):
            pass

    return Slow


def test_grace_waits_for_what_is_just_ending(tracker):
    """A scope waits for a resource with a grace period, and no longer than until it is released."""
    slow = graceful(tracker, 30.0)
    tracker.start(policy="record", report=False)
    began = time.monotonic()
    with tracker.scope("job"):
        kept = slow()
        timer = threading.Timer(0.05, kept.close)
        timer.start()
    assert tracker.find_leaks() == []
    assert time.monotonic() - began < 10
    timer.join()


def test_grace_ends(tracker):
    """What is not released within its grace is a leak, after that time."""
    slow = graceful(tracker, 0.05)
    tracker.start(policy="record", report=False)
    began = time.monotonic()
    with tracker.scope("job"):
        kept = slow()
    assert 0.05 <= time.monotonic() - began < 5
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT103"]
    kept.close()


def test_grace_lets_the_event_loop_work(tracker):
    """An async scope waits without blocking the tasks that release."""
    slow = graceful(tracker, 30.0)
    tracker.start(policy="record", report=False)

    async def release(item):
        await asyncio.sleep(0.02)
        item.close()

    async def main():
        async with tracker.scope("job"):
            task = asyncio.create_task(release(slow()))
        await task

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 10
    assert tracker.find_leaks() == []


def test_a_scope_without_grace_does_not_wait(tracker, resource):
    """Only what was declared with a grace period, and acquired in the scope, is waited for."""
    slow = graceful(tracker, 30.0)
    outside = slow()
    began = time.monotonic()
    with tracker.scope("job"):
        kept = resource()
    assert time.monotonic() - began < 5
    outside.close()
    kept.close()
