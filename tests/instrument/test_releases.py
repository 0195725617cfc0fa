"""Releases in all their forms: that raise, are cancelled, are many, go through contextlib."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import pytest

from lifetrack.values.errors import DoubleReleaseError, UseAfterReleaseError


def here():
    return sys._getframe(1).f_lineno


@pytest.fixture
def on(tracker):
    """A tracker that is on and raises."""
    tracker.start(policy="raise", report=False)
    return tracker


def rules(tracker):
    return [finding.rule for finding in tracker.final_report().findings]


def fragile(tracker, failures=1):
    @tracker.tracked
    class Fragile:
        def __init__(self):
            self.left = failures

        def use(self):
            return "used"

        def close(self):
            if self.left:
                self.left -= 1
                raise OSError("still busy")
            return "closed"

    return Fragile


def test_a_release_that_raises_leaves_a_half_released_resource(on):
    """The error goes to the caller, the object stays usable, and LT105 names where it was acquired."""
    acquired, obj = here(), fragile(on)()
    with pytest.raises(OSError, match="still busy"):
        obj.close()
    assert obj.use() == "used"
    findings = on.final_report().findings
    assert [(finding.rule, finding.site.line) for finding in findings] == [("LT105", acquired)]
    assert "OSError" in findings[0].message
    assert "still busy" not in findings[0].message
    assert [event.event for event in findings[0].events] == ["acquired", "release-failed"]


def test_a_half_released_object_that_is_dropped_stays_half_released(on):
    """It is LT105 also when it is collected."""
    obj = fragile(on)()
    with pytest.raises(OSError, match="busy"):
        obj.close()
    del obj
    assert rules(on) == ["LT105"]


def test_a_retry_that_succeeds_says_nothing(on):
    """A second attempt is no double release, and heals."""
    obj = fragile(on)()
    with pytest.raises(OSError, match="busy"):
        obj.close()
    assert obj.close() == "closed"
    with pytest.raises(UseAfterReleaseError):
        obj.use()
    with pytest.raises(DoubleReleaseError):
        obj.close()
    assert on.find_leaks() == []


def test_a_cancelled_release_is_half_released():
    """CancelledError inside an async release is LT105, and it goes on its way."""
    from lifetrack.tracker import Tracker

    tracker = Tracker()

    @tracker.tracked
    class Channel:
        async def aclose(self):
            await asyncio.sleep(60)

    async def main():
        channel = Channel()
        task = asyncio.create_task(channel.aclose())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return rules(tracker)

    with tracker.start(policy="raise", report=False):
        assert asyncio.run(main()) == ["LT105"]


def test_an_async_class_is_guarded_like_any_other(on):
    """Use and second release after an awaited release are refused when they are called."""

    @on.tracked
    class Channel:
        async def send(self):
            return "sent"

        async def aclose(self):
            await asyncio.sleep(0)
            return "closed"

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            await self.aclose()

    async def main():
        channel = Channel()
        assert await channel.send() == "sent"
        assert await channel.aclose() == "closed"
        used = here() + 2
        with pytest.raises(UseAfterReleaseError) as caught:
            await channel.send()
        assert caught.value.finding.misuse.stack[0].line == used
        with pytest.raises(DoubleReleaseError):
            await channel.aclose()
        async with Channel() as other:
            assert await other.send() == "sent"
            await other.aclose()
        async with contextlib.aclosing(Channel()) as third:
            await third.aclose()
        async with contextlib.AsyncExitStack() as stack:
            fourth = await stack.enter_async_context(Channel())
        with pytest.raises(UseAfterReleaseError):
            await fourth.send()

    asyncio.run(main())
    assert on.find_leaks() == []


@pytest.mark.parametrize("names", [None, ("aclose", "abort")], ids=["recognised", "several"])
def test_a_plain_release_that_returns_a_coroutine(on, names):
    """The release is over when what it returned has been awaited; failing there is LT105, never awaiting no release."""

    @on.tracked(release=names)
    class Channel:
        fail = False

        def flush(self):
            if self.fail:
                raise OSError("gone")

        def aclose(self):
            return self._aclose()

        def abort(self): ...

        async def _aclose(self):
            await asyncio.sleep(0)
            self.flush()
            return "closed"

    async def main():
        channel = Channel()
        assert await channel.aclose() == "closed"
        with pytest.raises(UseAfterReleaseError):
            channel.flush()
        broken = Channel()
        broken.fail = True
        with pytest.raises(OSError, match="gone"):
            await broken.aclose()
        assert [finding.rule for finding in on.find_leaks()] == ["LT105"]
        broken.fail = False
        await broken.aclose()
        assert on.find_leaks() == []
        forgotten = Channel()
        begun = forgotten.aclose()
        assert [finding.rule for finding in on.find_leaks()] == ["LT101"]
        assert await begun == "closed"
        assert on.find_leaks() == []

    asyncio.run(main())


def ordinary(tracker, **options):
    @tracker.tracked(**options)
    class Backend:
        def use(self):
            return "used"

        def close(self):
            return "closed"

    return Backend


@pytest.mark.parametrize("explicitly", [True, False])
def test_contextlib_closing_and_exit_stack(on, explicitly):
    """The helpers of the standard library release; after an explicit release they are no double release."""
    cls = ordinary(on)
    with contextlib.closing(cls()) as first:
        if explicitly:
            first.close()
    with contextlib.ExitStack() as stack:
        second = cls()
        stack.callback(second.close)
        if explicitly:
            second.close()
    for obj in (first, second):
        with pytest.raises(UseAfterReleaseError):
            obj.use()
    assert on.find_leaks() == []


def test_a_bound_method_taken_before_the_release(on):
    """What was bound while the object lived stays what it was: nothing of ours stands on it. The release does know."""
    obj = ordinary(on)()
    use, close = obj.use, obj.close
    close()
    assert use() == "used"
    with pytest.raises(DoubleReleaseError):
        close()


def test_several_named_release_methods_are_one_duty(on):
    """Of several release methods named in the declaration each ends the duty, and a second one is a double release."""

    @on.tracked(release=("close", "abort"))
    class Backend:
        def close(self):
            return "closed"

        def abort(self):
            return "aborted"

    obj = Backend()
    assert obj.abort() == "aborted"
    with pytest.raises(DoubleReleaseError):
        obj.close()


def test_a_release_method_that_calls_another_one(on):
    """close() that goes through shutdown() is one release, at the caller's line."""

    @on.tracked
    class Backend:
        def use(self):
            return "used"

        def shutdown(self):
            return self.use()

        def close(self):
            self.shutdown()
            return self.use()

    obj = Backend()
    released, result = here(), obj.close()
    assert result == "used"
    with pytest.raises(UseAfterReleaseError) as caught:
        obj.use()
    assert [event.stack[0].line for event in caught.value.finding.events][1] == released
