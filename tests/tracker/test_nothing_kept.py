"""No object, frame or traceback is ever kept alive by tracking: what the program drops is gone at once."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
import weakref

import pytest

from lifetrack.values.errors import LeakError, LeakWarning, LifetrackError

LEVELS = ["counts", "sites", "stacks", "full"]
POLICIES = ["raise", "warn", "record"]


class Local:
    """Stands in a local variable; it lives as long as the frame that holds it."""


@pytest.fixture(autouse=True)
def uncollected():
    """Only reference counts free anything here: a cycle of ours would be seen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def work(tracker, cls, policy):
    """Acquire, release and misuse, and give weak references to all that was in it."""
    local = Local()
    released, dropped = cls(), cls()
    released.close()
    for misuse in (released.use, released.close):
        try:
            misuse()
        except LifetrackError:
            assert policy == "raise"
    try:
        with tracker.scope("job"):
            leaked = cls()
    except LeakError:
        assert policy == "raise"
    tracker.find_leaks()
    tracker.history(released)
    return [weakref.ref(each) for each in (local, released, dropped, leaked)]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_dropped_is_gone(tracker, make_class, level, policy):
    """After acquire, release, misuse, a caught error and a scope's leak, nothing of the function's is left."""
    cls = tracker.tracked(make_class())
    tracker.start(level, policy=policy, report=False)
    warnings.simplefilter("ignore", LeakWarning)
    assert [reference() for reference in work(tracker, cls, policy)] == [None] * 4
    tracker.report().to_text()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("level", LEVELS)
def test_failed_constructors_and_releases_keep_nothing(tracker, level, policy):
    """The exception of a constructor or release that raises passes through and takes its frames with it."""

    @tracker.tracked
    class Broken:
        def __init__(self, fail):
            self.handle = Local()
            local = Local()
            if fail:
                references.append(weakref.ref(local))
                references.append(weakref.ref(self))
                raise OSError("no")

        def close(self):
            references.append(weakref.ref(self))
            raise OSError("not now")

    def run():
        local = Local()
        references.append(weakref.ref(local))
        with pytest.raises(OSError, match="no"):
            Broken(True)
        broken = Broken(False)
        try:
            broken.close()
        except OSError as error:
            references.append(weakref.ref(error.__traceback__.tb_frame.f_locals["local"]))

    references = []
    tracker.start(level, policy=policy, report=False)
    warnings.simplefilter("ignore", LeakWarning)
    run()
    gc.collect()  # pytest.raises itself makes a cycle
    tracker.find_leaks()
    assert [reference() for reference in references] == [None] * len(references)
    assert len(references) == 5


@pytest.mark.parametrize("level", LEVELS)
def test_suspended_coroutines_keep_nothing(tracker, level):
    """Async releases and functions that acquire or release hold no frame of those that await them."""

    @tracker.tracked
    class Resource:
        async def aclose(self):
            await asyncio.sleep(0)

    @tracker.acquires
    async def make():
        await asyncio.sleep(0)
        return Resource()

    @tracker.releases("resource")
    async def free(resource):
        await Forever()

    async def main():
        local = Local()
        references.append(weakref.ref(local))
        resource = await make()
        references.append(weakref.ref(resource))
        await free(resource)

    references = []
    tracker.start(level, policy="record", report=False)
    coroutine = main()
    coroutine.send(None)  # asyncio.sleep(0) in make
    coroutine.send(None)
    coroutine.close()
    del coroutine
    assert [reference() for reference in references] == [None, None]


class Forever:
    def __await__(self):
        while True:
            yield


@pytest.mark.parametrize("level", LEVELS)
def test_single_objects_and_leases_are_let_go(tracker, make_class, level):
    """A proxy, the object behind it and what a context manager handed out go when the program drops them."""
    tracker.start(level, policy="record", report=False)

    @tracker.acquires
    def produce():
        yield Local()

    def run():
        plain = make_class()()
        proxy = tracker.track(plain)
        references.append(weakref.ref(plain))
        proxy.close()
        for item in produce():
            references.append(weakref.ref(item))

    references = []
    run()
    assert [reference() for reference in references] == [None, None]


@pytest.mark.parametrize("level", LEVELS)
def test_the_ledger_holds_nothing_of_the_programs(tracker, make_class, level):
    """Whatever refers to a live tracked object, it is the program's and not lifetrack's."""
    cls = tracker.tracked(make_class())
    tracker.start(level, policy="record", report=False)
    resource = cls()
    tracker.find_leaks()
    tracker.snapshot()
    holders = [each for each in gc.get_referrers(resource) if each is not sys._getframe()]
    assert [type(holder).__name__ for holder in holders if type(holder).__name__ != "frame"] == []
    resource.close()


def test_classes_are_let_go(tracker, make_class):
    """A declared class that the program drops is collected, while tracking is on and after it."""
    tracker.start(policy="record", report=False)
    cls = tracker.tracked(make_class())
    cls().close()
    reference = weakref.ref(cls)
    del cls
    gc.collect()
    assert reference() is None
    other = tracker.tracked(make_class())
    other().close()
    tracker.start("sites", policy="record", report=False)
    other().close()
    reference = weakref.ref(other)
    tracker.stop()
    del other
    gc.collect()
    assert reference() is None
