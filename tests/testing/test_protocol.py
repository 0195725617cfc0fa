"""lifetrack.testing: each broken plugin fails the expectation that it breaks, and a good one none."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import pytest

import lifetrack
from lifetrack.testing import FakeClock, ProtocolError, acheck_protocol, assert_no_leaks, check_protocol
from lifetrack.testing.cases import CASES
from lifetrack.tracker import default_tracker


@pytest.fixture(autouse=True)
def is_off_again() -> Iterator[None]:
    """Nothing here leaves tracking on."""
    yield
    was_on = default_tracker().is_tracking()
    default_tracker().stop()
    assert not was_on


class Base:
    def query(self) -> int:
        return 1

    def close(self) -> None: ...

    def __enter__(self) -> Base:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def failed(factory: Callable[[], Any], **options: Any) -> set[str]:
    """Give the names of the expectations that fail."""
    try:
        check_protocol(factory, **options)
    except ProtocolError as error:
        return {outcome.name for outcome in error.report.failed}
    return set()


def test_a_good_plugin_passes_everything() -> None:
    """What could not be tried is told with what is missing."""
    good = lifetrack.tracked(children=("session",))(
        type("Good", (Base,), {"session": lambda _: lifetrack.track(Base(), "close")})
    )
    with_child = check_protocol(good, use=lambda it: it.query(), failing=lambda: int("x"))
    assert {outcome.name for outcome in with_child.skipped} == {"use-before-acquire"}
    assert len(with_child.passed) == 15
    assert "parent-first passed" in with_child.to_text()
    skipped = {outcome.name: outcome.happened for outcome in check_protocol(good).skipped}
    assert "use=" in skipped["use"]
    assert "failing=" in skipped["failing-constructor"]


def test_each_breach_is_told_by_its_expectation() -> None:
    """One broken thing, one expectation, and a sentence that says what happened instead."""
    registry: list[object] = []

    def registering(self: object) -> None:
        registry.append(self)

    def fussy_close(self: Any) -> None:
        if getattr(self, "is_closed", False):
            raise OSError("secret")
        self.is_closed = True

    def own_thread_only(self: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError

    def declared(names: dict[str, Any], **options: Any) -> type:
        return lifetrack.tracked(**options)(type("Broken", (Base,), names))

    assert failed(declared({"__init__": registering})) == {"collected"}
    assert failed(declared({"__exit__": lambda *_: None})) == {"with-block", "with-block-left"}
    assert failed(declared({"close": fussy_close}, idempotent=True)) == {"double-release", "exit-after-release"}
    assert failed(declared({"close": own_thread_only})) == {"other-thread"}
    assert failed(declared({"close": own_thread_only}, thread_bound=True)) == set()
    assert failed(declared({}, guard="none")) == set()
    with pytest.raises(ProtocolError) as caught:
        check_protocol(declared({"close": fussy_close}, idempotent=True))
    assert "Broken: 2 of" in str(caught.value)
    assert "it raised OSError at " in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_constructor_that_leaves_something_behind() -> None:
    """What it had acquired before it raised is told."""
    part = lifetrack.tracked(type("Part", (Base,), {}))
    kept = []

    def failing() -> None:
        kept.append(part())
        raise ValueError

    assert failed(part, failing=failing) == {"failing-constructor"}
    assert failed(part, failing=part) == {"failing-constructor"}  # it does not raise, and leaves itself


def test_a_construction_that_does_not_raise() -> None:
    """It is told as that, not as a leak of what it has given."""
    part = lifetrack.tracked(type("Part", (Base,), {}))
    with pytest.raises(ProtocolError, match=r"but its construction did not raise$"):
        check_protocol(part, failing=part)


def test_a_release_that_always_raises() -> None:
    """Each expectation that needs it fails by it; the error itself does not come through."""

    def close(_: object) -> None:
        raise OSError("secret")

    broken = lifetrack.tracked(type("Broken", (Base,), {"close": close}))
    assert {"release", "many", "double-release"} <= failed(broken) <= {case.name for case in CASES} - {"left-open"}


@pytest.mark.parametrize("level", ["counts", "stacks"])
def test_a_factory_that_gives_what_is_not_acquired(level: str) -> None:
    """The error says what the factory has to do, with an event loop and without."""
    door = lifetrack.tracked(acquire="open", release="close")(type("Door", (Base,), {"open": lambda _: None}))

    async def later() -> object:
        return door()

    with lifetrack.start(level, policy="record", report=False):
        for factory in (door, later):
            with pytest.raises(lifetrack.ConfigurationError, match=r"Door that is not acquired: call open\(\)"):
                check_protocol(factory)


def test_acquire_methods_are_not_passed_over() -> None:
    """A use before the acquire method is refused."""
    door = lifetrack.tracked(acquire="open", release="close")(type("Door", (Base,), {"open": lambda _: None}))

    def factory() -> Any:
        made = door()
        made.open()
        return made

    report = check_protocol(factory, skip=("with-block", "with-block-left", "exit-after-release", "collected"))
    assert "use-before-acquire" in {outcome.name for outcome in report.passed}


def test_objects_of_undeclared_classes() -> None:
    """They are tracked by the release that is named, or by the usual names."""
    plain = type("Plain", (), {"hang_up": lambda _: None, "call": lambda _: None})
    assert failed(plain, release="hang_up") == set()
    assert failed(type("Usual", (Base,), {})) == set()


def test_coroutines() -> None:
    """Factory, uses and releases may be awaited; in a running loop the other function is to be used."""

    @lifetrack.tracked
    class Session:
        async def ask(self) -> None: ...
        async def aclose(self) -> None: ...

        async def __aenter__(self) -> Session:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self.aclose()

    async def connect() -> Session:
        return Session()

    async def inside() -> None:
        report = await acheck_protocol(connect, use=Session.ask)
        assert len(report.passed) >= 10
        with pytest.raises(lifetrack.ConfigurationError, match="acheck_protocol"):
            check_protocol(connect)

    assert failed(connect) == set()
    assert failed(Session) == set()
    asyncio.run(inside())


def test_wrong_names_are_refused() -> None:
    """A misspelt expectation would be tried in silence."""
    with pytest.raises(lifetrack.ConfigurationError, match="'colected'"):
        check_protocol(Base, skip=("colected",))
    with pytest.raises(lifetrack.ConfigurationError, match="several names"):
        check_protocol(Base, skip="collected")


def test_blocks() -> None:
    """Files and declared classes, with ``with``, ``async with`` and as decorators; what was open before is not told."""
    backend = lifetrack.tracked(type("Backend", (Base,), {}))
    kept = []
    with pytest.raises(lifetrack.LeakError, match="Backend"), assert_no_leaks("load"):
        kept.append(backend())
    with assert_no_leaks():
        with open(__file__, encoding="utf-8"):
            backend().close()
    with pytest.raises(ValueError, match="own"), assert_no_leaks():
        kept.append(backend())
        raise ValueError("own")

    @assert_no_leaks()
    async def leak() -> None:
        kept.append(backend())

    with pytest.raises(lifetrack.LeakError):
        asyncio.run(leak())
    with pytest.warns(RuntimeWarning, match="checks nothing"):
        assert_no_leaks()


def test_what_a_block_cannot_check_is_refused() -> None:
    """A generator's body runs after the call, a class is no call, and without parentheses nobody calls at all."""

    def values() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    decorate: Any = assert_no_leaks
    for function in (values, functools.partial(values), later):
        with pytest.raises(lifetrack.DeclarationError, match=r"generator function .*with assert_no_leaks"):
            decorate()(function)
    with pytest.raises(lifetrack.DeclarationError, match="class Base: decorate its methods"):
        decorate()(Base)
    with pytest.raises(TypeError, match=r"write @assert_no_leaks\(\)"):
        decorate(values)

    @assert_no_leaks("called")
    def calls() -> list[int]:
        return list(values())

    assert calls() == [1]


def test_a_block_while_tracking_is_on() -> None:
    """It raises under every policy, and leaves the settings as they were."""
    backend = lifetrack.tracked(type("Backend", (Base,), {}))
    kept = []
    with lifetrack.start("sites", policy="record", report=False):
        with pytest.raises(lifetrack.LeakError), assert_no_leaks():
            kept.append(backend())
        engine = default_tracker().engine
        assert engine is not None
        assert (engine.settings.level.word, engine.settings.policy.default) == ("sites", "record")


def test_what_a_block_watches_while_tracking_is_on() -> None:
    """What it names counts, and nothing else that is watched; without a name all of that does. Declared classes do."""
    backend = lifetrack.tracked(type("Backend", (Base,), {}))
    kept: list[Any] = []

    def leaks(**options: Any) -> bool:
        try:
            with assert_no_leaks(**options):
                kept.append(open(__file__, encoding="utf-8"))
        except lifetrack.LeakError:
            return True
        return False

    with lifetrack.start(policy="record", watch="stdlib", report=False):
        assert leaks()
        assert leaks(watch="stdlib")
        assert leaks(watch=["io", "os"])
        assert not leaks(watch=())
        assert not leaks(watch="sqlite3")
        assert leaks()  # again
        with pytest.raises(lifetrack.LeakError, match="Backend"), assert_no_leaks(watch=()):
            kept.append(backend())
        engine = default_tracker().engine
        assert engine is not None
        assert engine.settings.policy.pardon is None
        assert len(lifetrack.find_leaks()) == len(kept)  # whoever tracks is told of all
    with lifetrack.start(policy="record", report=False):
        assert not leaks(watch=())
        assert leaks(watch="stdlib")
        assert leaks()
    for each in kept:
        each.close()


def test_shared_memory_counts_by_its_name() -> None:
    """The memory itself has no row of its own, and belongs to the name of the objects that are views of it."""
    with lifetrack.start(policy="record", watch="stdlib", report=False):
        with pytest.raises(lifetrack.LeakError, match="segment"), assert_no_leaks(watch="stdlib"):
            memory = SharedMemory(create=True, size=8)
            memory.close()
        memory.unlink()


def test_the_clock_stands_still() -> None:
    """A grace of minutes takes no time, and is waited for all the same."""
    slow = lifetrack.tracked(grace=300)(type("Slow", (Base,), {}))
    began = time.monotonic()
    with FakeClock(100.0) as clock, lifetrack.start(policy="record", report=False):
        with lifetrack.scope("job"):
            left = slow()
        assert clock.now >= 400.0
        before = clock.now

        async def job() -> None:
            async with lifetrack.scope("async job"):
                slow()

        asyncio.run(job())
        with lifetrack.scope("clean"):
            slow().close()
        assert clock.now == before
    assert left is not None
    assert time.monotonic() - began < 60
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)
