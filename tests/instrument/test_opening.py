"""Classes with an acquire method other than the constructor: used too early, never opened, opened again."""

from __future__ import annotations

import asyncio
import sys

import pytest

from lifetrack.values.errors import UnknownReleaseError, UseAfterReleaseError, UseBeforeAcquireError


def here():
    return sys._getframe(1).f_lineno


@pytest.fixture
def on(tracker):
    """A tracker that is on and raises."""
    tracker.start(policy="raise", report=False)
    return tracker


def driver(tracker, **options):
    @tracker.tracked(acquire="open", **options)
    class Driver:
        def open(self):
            return self

        def send(self):
            return "sent"

        def close(self):
            return "closed"

    return Driver


def test_use_before_the_acquire_method(on):
    """LT205 names where the object was made and where it was used; the call does not run."""
    made, obj = here(), driver(on)()
    used = here() + 2
    with pytest.raises(UseBeforeAcquireError) as caught:
        obj.send()
    finding = caught.value.finding
    assert (finding.rule, finding.site.line, finding.misuse.stack[0].line) == ("LT205", made, used)


def test_release_before_the_acquire_method(on):
    """LT204: nothing was acquired yet."""
    obj = driver(on)()
    with pytest.raises(UnknownReleaseError) as caught:
        obj.close()
    assert caught.value.finding.rule == "LT204"


def test_never_opened_is_no_leak(on):
    """An object whose acquire method never ran has no duty."""
    obj = driver(on)()
    kept = driver(on)()
    del obj
    assert on.final_report().findings == ()
    del kept


def test_open_use_close_and_open_again(on):
    """Reopening begins a new duty, with its own places."""
    obj = driver(on)()
    for _ in range(3):
        opened, result = here(), obj.open()
        assert result is obj
        assert obj.send() == "sent"
        assert obj.close() == "closed"
        with pytest.raises(UseAfterReleaseError) as caught:
            obj.send()
        assert caught.value.finding.site.line == opened
    again, _ = here(), obj.open()
    assert [(f.rule, f.site.line) for f in on.find_leaks()] == [("LT101", again)]
    obj.close()
    assert on.report().totals.acquired == 4


def test_an_acquire_method_that_raises_acquires_nothing(on):
    """After a failed open the object is as before."""

    @on.tracked(acquire="open")
    class Driver:
        fail = True

        def open(self):
            if self.fail:
                raise OSError("no device")

        def send(self):
            return "sent"

        def close(self):
            return "closed"

    obj = Driver()
    with pytest.raises(OSError, match="no device"):
        obj.open()
    with pytest.raises(UseBeforeAcquireError):
        obj.send()
    obj.fail = False
    obj.open()
    assert obj.send() == "sent"
    obj.close()


def test_a_block_that_acquires_can_be_entered_again(on):
    """With acquire="__enter__" each block is a duty of its own."""

    @on.tracked(acquire="__enter__")
    class Timer:
        def __enter__(self):
            return self

        def __exit__(self, *_): ...

        def lap(self):
            return 1

    timer = Timer()
    with pytest.raises(UseBeforeAcquireError):
        timer.lap()
    for _ in range(2):
        with timer as same:
            assert same.lap() == 1
        with pytest.raises(UseAfterReleaseError):
            timer.lap()
    assert on.report().totals.acquired == 2
    assert on.find_leaks() == []


def test_an_async_block_that_acquires_can_be_entered_again(on):
    """The same with acquire="__aenter__"."""

    @on.tracked(acquire="__aenter__")
    class Session:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_): ...

        def get(self):
            return "got"

    async def main():
        session = Session()
        for _ in range(2):
            async with session as same:
                assert same.get() == "got"
            with pytest.raises(UseAfterReleaseError):
                session.get()

    asyncio.run(main())
    assert on.find_leaks() == []


@pytest.mark.parametrize("opened_before", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_tidying_up_after_an_acquire_method_that_raised(on, opened_before, inside):
    """close() in the 'finally' clause around open(), or in open() itself, is no mistake when open() raises."""

    @on.tracked(acquire="open")
    class Driver:
        fail = False
        closed = 0

        def open(self):
            if self.fail:
                if inside:
                    self.close()
                raise OSError("no device")

        def flush(self): ...

        def close(self):
            self.flush()
            self.closed += 1

    obj = Driver()
    if opened_before:
        obj.open()
        obj.close()
    obj.fail = True
    with pytest.raises(OSError, match="no device"):
        try:
            obj.open()
        finally:
            obj.close()
    assert obj.closed == 1 + inside + opened_before
    assert on.report().findings == ()
    obj.fail = False
    obj.open()
    obj.close()
    with pytest.raises(UseAfterReleaseError):
        obj.flush()


def test_an_acquire_method_that_closes_first(on):
    """open() may begin with a close() of its own, the first time and the second."""

    @on.tracked(acquire="open")
    class Driver:
        def open(self):
            self.close()

        def close(self): ...

    obj = Driver()
    for _ in range(2):
        obj.open()
        assert len(on.find_leaks()) == 1
        obj.close()
    assert on.report().findings == ()
