"""@acquires and @releases on functions, coroutines, generators and context managers."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import pytest

from lifetrack.values.errors import (
    ConfigurationError,
    DeclarationError,
    DoubleReleaseError,
    UnknownReleaseError,
    UseAfterReleaseError,
)


def here():
    return sys._getframe(1).f_lineno


class Handle:
    """A class that is not ours: nothing is known of it but its methods."""

    def __init__(self, number=1):
        self.number = number

    def use(self):
        return self.number

    def close(self):
        return "closed"


class Token:
    """Something without a release method: a function releases it."""


@pytest.fixture(params=["decorated before start", "decorated after start"])
def prepared(request, tracker):
    """Give a function that decorates before or after tracking starts."""

    def prepared(decorate):
        if request.param == "decorated after start":
            tracker.start(policy="raise", report=False)
        made = decorate(tracker)
        tracker.start(policy="raise", report=False)
        return made

    return prepared


def rules(tracker):
    return [finding.rule for finding in tracker.final_report().findings]


def test_a_factorys_result_is_a_resource(prepared, tracker):
    """Live use, release and use afterwards, with the site of the call of the factory."""

    def decorate(tracker):
        @tracker.acquires
        def make(number):
            return Handle(number)

        return make

    make = prepared(decorate)
    line, handle = here(), make(7)
    assert isinstance(handle, Handle)
    assert handle.use() == 7
    assert tracker.find_leaks()[0].site.line == line
    assert handle.close() == "closed"
    with pytest.raises(UseAfterReleaseError):
        handle.use()
    with pytest.raises(DoubleReleaseError):
        handle.close()


def test_a_coroutine_functions_result_is_a_resource(prepared, tracker):
    """What is awaited is tracked, not the coroutine."""

    def decorate(tracker):
        @tracker.acquires(release="close")
        async def make():
            await asyncio.sleep(0)
            return Handle()

        return make

    make = prepared(decorate)

    async def main():
        handle = await make()
        handle.close()
        with pytest.raises(UseAfterReleaseError):
            handle.use()
        return await make()

    kept = asyncio.run(main())
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
    kept.close()


def test_a_context_manager_function_is_a_lease(prepared, tracker):
    """Between entry and end there is one live resource; an open block is found."""

    def decorate(tracker):
        @tracker.acquires
        @contextlib.contextmanager
        def lend():
            yield Handle()

        return lend

    lend = prepared(decorate)
    with lend() as handle:
        assert handle.use() == 1
        assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
    assert tracker.find_leaks() == []
    with contextlib.suppress(KeyError), lend():
        raise KeyError
    assert tracker.find_leaks() == []
    manager = lend()
    manager.__enter__()
    assert rules(tracker) == ["LT101"]


def test_an_async_context_manager_function_is_a_lease(prepared, tracker):
    """The same for async with."""

    def decorate(tracker):
        @tracker.acquires
        @contextlib.asynccontextmanager
        async def lend():
            yield Handle()

        return lend

    lend = prepared(decorate)

    async def main():
        async with lend():
            assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
        assert tracker.find_leaks() == []

    asyncio.run(main())


def test_a_generators_item_is_a_lease(prepared, tracker):
    """As in a fixture: what is yielded is live until the generator goes on."""

    def decorate(tracker):
        @tracker.acquires
        def fixture():
            got = yield Handle()
            log.append(got)
            return "end"

        return fixture

    log = []
    generator = prepared(decorate)()
    assert next(generator).use() == 1
    assert len(tracker.find_leaks()) == 1
    with pytest.raises(StopIteration) as stop:
        generator.send("sent")
    assert (stop.value.value, log) == ("end", ["sent"])
    assert tracker.find_leaks() == []


def test_an_async_generators_item_is_a_lease(prepared, tracker):
    """The same for async for."""

    def decorate(tracker):
        @tracker.acquires
        async def fixture():
            yield Handle()

        return fixture

    fixture = prepared(decorate)

    async def main():
        async for _ in fixture():
            assert len(tracker.find_leaks()) == 1
        assert tracker.find_leaks() == []

    asyncio.run(main())


def test_a_free_function_releases(prepared, tracker):
    """A token from a factory goes back through a function, by position or keyword; the second time is refused."""

    def decorate(tracker):
        @tracker.acquires
        def take():
            return Token()

        @tracker.releases("token")
        def give_back(pool, token=None):
            assert type(token) is Token
            calls.append(token)
            return pool

        return take, give_back

    calls = []
    take, give_back = prepared(decorate)
    first, second = take(), take()
    assert give_back("pool", first) == "pool"
    assert give_back("pool", token=second) == "pool"
    assert tracker.find_leaks() == []
    with pytest.raises(DoubleReleaseError):
        give_back("pool", first)
    assert len(calls) == 2


def test_a_free_function_that_raises_leaves_it_half_released(prepared, tracker):
    """LT105 for functions too; a retry heals."""

    def decorate(tracker):
        @tracker.acquires
        def take():
            return Token()

        @tracker.releases("token")
        async def give_back(token):
            if fail.pop():
                raise OSError("busy")

        return take, give_back

    fail = [False, True]
    take, give_back = prepared(decorate)
    token = take()
    with pytest.raises(OSError, match="busy"):
        asyncio.run(give_back(token))
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT105"]
    asyncio.run(give_back(token))
    assert tracker.find_leaks() == []


def test_a_stranger_cannot_be_released(tracker):
    """LT204 for something that no factory gave out, and the function does not run."""
    tracker.start(policy="raise", report=False)
    calls = []

    @tracker.releases("token")
    def give_back(token):
        calls.append(token)

    with pytest.raises(UnknownReleaseError):
        give_back(Token())
    assert calls == []


def test_a_free_function_releases_a_declared_class(prepared, tracker):
    """An object of a declared class is guarded after a function released it."""

    def decorate(tracker):
        @tracker.tracked
        class Backend:
            def use(self):
                return "used"

            def close(self):
                return "closed"

        @tracker.releases("backend")
        def unload(backend):
            return backend.use()

        return Backend, unload

    backend_class, unload = prepared(decorate)
    obj = backend_class()
    assert unload(obj) == "used"
    with pytest.raises(UseAfterReleaseError):
        obj.use()


def test_bad_declarations_are_refused(tracker):
    """Each with one clear error that says what to name instead."""
    with pytest.raises(DeclarationError, match="no parameter 'handle'"):
        tracker.releases("handle")(lambda token: None)
    with pytest.raises(DeclarationError, match="use @tracked for a class"):
        tracker.acquires(Handle)
    with pytest.raises(DeclarationError, match="no method that looks like a release"):
        tracker.tracked(Token)
    with pytest.raises(DeclarationError, match=r"no method hang_up\(\)"):
        tracker.tracked(release="hang_up")(Handle)
    with pytest.raises(DeclarationError, match="decorates classes"):
        tracker.tracked(lambda: None)


def test_a_generator_that_is_closed_early_ends_its_lease(prepared, tracker):
    """close(), as of contextlib.closing(), runs the generator's own clean-up, and so does leaving its loop."""

    def decorate(tracker):
        @tracker.acquires
        def handles():
            handle = Handle()
            try:
                yield handle
            finally:
                handle.close()

        return handles

    handles = prepared(decorate)
    with contextlib.closing(handles()) as generator:
        next(generator).use()
        assert len(tracker.find_leaks()) == 1
    for _ in handles():
        break
    assert rules(tracker) == []


def test_a_factory_that_gives_the_same_object_again(prepared, tracker):
    """While it is in use it is one resource, and one release ends it; after that it is acquired anew."""
    handle = Handle()

    def decorate(tracker):
        @tracker.acquires
        def shared():
            return handle

        return shared

    shared = prepared(decorate)
    for _ in range(2):
        first, second = shared(), shared()
        assert second is first
        second.close()
        with pytest.raises(UseAfterReleaseError):
            first.use()
    assert rules(tracker) == ["LT201"]
    assert tracker.report().totals.acquired == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label": lambda self: "x"}, "label= takes a text, not function"),
        ({"grace": "soon"}, "grace='soon': use seconds"),
        ({"grace": -1}, "use seconds, 0 or more"),
        ({"secret": "no"}, "secret='no': use True or False"),
        ({"labl": "x"}, "no option labl=: use one of"),
    ],
)
def test_a_bad_option_of_a_declaration_is_refused(tracker, options, words):
    """A wrong value would stand in every report, and cost it: it is one clear error at the declaration."""
    made = type("Conn", (), {"close": lambda self: None})
    with pytest.raises(DeclarationError, match=words):
        tracker.tracked(**options)(made)
    with pytest.raises(DeclarationError, match="label= takes a text"):
        tracker.acquires(release="close", label=5)
    with pytest.raises(DeclarationError, match="label= takes a text"):
        tracker.track(made(), label=5)
    with pytest.raises(ConfigurationError, match="takes a name"):
        tracker.scope(made)
