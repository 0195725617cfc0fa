"""Which methods of a released object use it, and which only ask."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys

import pytest

from lifetrack.values.errors import UseAfterReleaseError


@pytest.fixture
def on(tracker):
    """A tracker that is on and raises."""
    tracker.start(policy="raise", report=False)
    return tracker


def test_static_and_class_methods_are_not_guarded(on):
    """They do not use the object; a cached property is readable; a partialmethod is a use."""

    @on.tracked
    class Plugin:
        @staticmethod
        def static():
            return "static"

        @classmethod
        def make(cls):
            return cls

        @functools.cached_property
        def costly(self):
            return "computed"

        def _inner(self, word):
            return word

        partial = functools.partialmethod(_inner, "word")

        def close(self): ...

    obj = Plugin()
    assert obj.partial() == "word"
    obj.close()
    assert obj.static() == "static"
    assert obj.make() is Plugin
    assert obj.costly == "computed"
    assert obj._inner("x") == "x"
    with pytest.raises(UseAfterReleaseError):
        obj.partial()


def test_a_finalizer_sees_its_own_class(on):
    """A finalizer that counts instances on type(self) counts them on the program's class."""

    @on.tracked
    class Counted:
        alive = 0

        def __init__(self):
            type(self).alive += 1

        def close(self): ...

        def __del__(self):
            type(self).alive -= 1

    kept = Counted()
    obj = Counted()
    obj.close()
    del obj
    assert Counted.alive == 1
    kept.close()


def test_what_one_asks_of_a_closed_object(on):
    """closed, is_closed() and the like are questions, not uses."""

    @on.tracked
    class Connection:
        closed = False

        def is_closed(self):
            return self.closed

        def is_connected(self):
            return not self.is_closed()

        def close(self):
            self.closed = True

    obj = Connection()
    obj.close()
    assert obj.closed
    assert obj.is_closed()
    assert not obj.is_connected()


def test_iteration_indexing_and_calling_are_uses(on):
    """The special methods that use an object are guarded; those that only ask are not."""

    @on.tracked
    class Reader:
        def __iter__(self):
            return iter(())

        def __next__(self):
            raise StopIteration

        def __getitem__(self, index):
            return index

        def __call__(self):
            return "called"

        def __len__(self):
            return 3

        def __contains__(self, item):
            return True

        def close(self): ...

    obj = Reader()
    obj.close()
    for use in (iter, next, lambda o: o[0], lambda o: o()):
        with pytest.raises(UseAfterReleaseError):
            use(obj)
    assert len(obj) == 3
    assert 1 in obj


def test_awaiting_and_async_iteration_are_uses(on):
    """__await__, __aiter__ and __aenter__ of a released object are refused."""

    @on.tracked
    class Stream:
        def __await__(self):
            yield

        def __aiter__(self):
            return self

        async def __aenter__(self):
            return self

        async def __aexit__(self, *_): ...

        async def aclose(self): ...

    async def main():
        stream = Stream()
        await stream.aclose()
        with pytest.raises(UseAfterReleaseError):
            await stream
        with pytest.raises(UseAfterReleaseError):
            async for _ in stream:
                pass
        with pytest.raises(UseAfterReleaseError):
            async with stream:
                pass

    asyncio.run(main())


def test_what_only_asks_may_use_the_rest_of_the_object(on):
    """repr, properties, cached properties and __exit__ do their work by public methods, also by way of private ones."""

    @on.tracked
    class Plugin:
        def value(self):
            return 1

        def _inner(self):
            return self.value()

        @property
        def direct(self):
            return self.value()

        @functools.cached_property
        def cached(self):
            return self._inner()

        def __repr__(self):
            return f"<{self._inner()}>"

        def close(self): ...

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.close()
            self.value()
            self._inner()

    with Plugin() as obj:
        pass
    assert (obj.direct, obj.cached, repr(obj)) == (1, 1, "<1>")
    with pytest.raises(UseAfterReleaseError):
        obj._inner()
    with pytest.raises(UseAfterReleaseError):
        obj.value()


def test_a_guarded_coroutine_function_is_still_taken_for_one(on):
    """Frameworks ask whether to await a handler, also of an object that was released."""

    @on.tracked
    class Plugin:
        async def handle(self): ...

        def plain(self): ...

        def close(self): ...

    obj = Plugin()
    obj.close()
    ask = inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction
    assert ask(obj.handle)
    assert not ask(obj.plain)
    with pytest.raises(UseAfterReleaseError):
        obj.handle()
