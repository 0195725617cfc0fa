"""track(obj): objects that are not ours, through a proxy that is as transparent as it can be."""

from __future__ import annotations

import asyncio
import copy
import io
import operator
import os
import pickle
import socket
import sys
import threading

import pytest

from lifetrack.values.errors import DeclarationError, DoubleReleaseError, UseAfterReleaseError


def here():
    return sys._getframe(1).f_lineno


@pytest.fixture
def on(tracker):
    """A tracker that is on and raises."""
    tracker.start(policy="raise", report=False)
    return tracker


class Vector:
    """An object of somebody else's, with every sort of operator."""

    def __init__(self, items=(1, 2, 3)):
        self.items = list(items)

    def __eq__(self, other):
        return isinstance(other, Vector) and self.items == other.items

    def __hash__(self):
        return 7

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, index):
        return self.items[index]

    def __setitem__(self, index, value):
        self.items[index] = value

    def __contains__(self, item):
        return item in self.items

    def __add__(self, other):
        return Vector([*self.items, *other])

    def __radd__(self, other):
        return Vector([*other, *self.items])

    def __iadd__(self, other):
        self.items += other
        return self

    def __bool__(self):
        return bool(self.items)

    def __index__(self):
        return len(self.items)

    def __call__(self, word):
        return word

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return "a vector"

    def use(self):
        return "used"

    def close(self):
        return "closed"


def test_while_tracking_is_off_it_is_the_object_itself(tracker):
    """track() gives the very object back."""
    vector = Vector()
    assert tracker.track(vector) is vector


def test_the_proxy_answers_as_the_object_does(on):
    """Type questions, comparisons, containers, arithmetic, calls and conversion."""
    plain = Vector()
    vector = on.track(Vector())
    assert isinstance(vector, Vector)
    assert vector.__class__ is Vector
    assert vector == plain
    assert plain == vector
    assert hash(vector) == 7
    assert {vector: 1}[plain] == 1
    assert (len(vector), list(vector), vector[0], 2 in vector, bool(vector)) == (3, [1, 2, 3], 1, True, True)
    assert (vector + [4]).items == [1, 2, 3, 4]  # noqa: RUF005 -- the operator is the subject
    assert ([0] + vector).items == [0, 1, 2, 3]  # noqa: RUF005 -- the operator is the subject
    assert operator.index(vector) == 3
    assert vector("word") == "word"
    vector[0] = 9
    vector.extra = "set"
    assert (vector.items[0], vector.extra) == (9, "set")
    del vector.extra
    assert not hasattr(vector, "extra")
    vector += [4]
    assert vector.items == [9, 2, 3, 4]
    assert "Vector" in repr(vector) or repr(vector) == "a vector"
    assert str(vector) == "a vector"
    vector.close()


def test_a_proxy_is_guarded_after_the_release(on):
    """Use, indexing, iteration and a second release are refused with all places; questions keep working."""
    acquired, vector = here(), on.track(Vector())
    released, result = here(), vector.close()
    assert result == "closed"
    used = here() + 2
    with pytest.raises(UseAfterReleaseError) as caught:
        vector.use()
    assert [event.stack[0].line for event in caught.value.finding.events] == [acquired, released, used]
    for use in (iter, lambda o: o[0], lambda o: o("word")):
        with pytest.raises(UseAfterReleaseError):
            use(vector)
    with pytest.raises(DoubleReleaseError):
        vector.close()
    assert isinstance(vector, Vector)
    assert vector == Vector()
    assert vector.items == [1, 2, 3]
    assert str(vector) == "a vector"


def test_special_methods_that_are_looked_up_on_the_type(on, tmp_path):
    """next(), await, async for, os.fspath and calls reach the object; what it cannot, its proxy cannot."""
    with open(tmp_path / "lines", "w+") as lines:
        lines.write("one")
        lines.seek(0)
        file = on.track(lines)
        assert next(file) == "one"
        file.close()
        with pytest.raises(UseAfterReleaseError):
            next(file)

    class Job:
        def __await__(self):
            return iter(())

        def __aiter__(self):
            return self

        async def __anext__(self):
            raise StopAsyncIteration

        def __fspath__(self):
            return "path"

        def close(self): ...

    job = on.track(Job())

    async def main():
        await job
        return [item async for item in job]

    assert asyncio.run(main()) == []
    assert os.fspath(job) == "path"
    assert not callable(job)
    with pytest.raises(TypeError):
        next(job)
    job.close()


def test_with_gives_the_proxy_and_releases(on):
    """A with block on a proxy hands out the proxy, and its end is the release."""
    with on.track(Vector()) as vector:
        assert len(on.find_leaks()) == 1
        assert vector.use() == "used"
    assert on.find_leaks() == []
    with pytest.raises(UseAfterReleaseError):
        vector.use()


def test_copies_and_pickles_are_of_the_object(on):
    """copy, deepcopy and pickle of a proxy give plain objects, live and released."""
    vector = on.track(Vector())
    for _ in range(2):
        for made in (copy.copy(vector), copy.deepcopy(vector), pickle.loads(pickle.dumps(vector))):
            assert type(made) is Vector
            assert made == Vector()
        if not on.find_leaks():
            break
        vector.close()


def test_a_proxy_that_is_dropped_is_a_leak(on):
    """LT102 at the line of track()."""
    line, vector = here(), on.track(Vector())
    del vector
    assert [(f.rule, f.site.line) for f in on.find_leaks()] == [("LT102", line)]


def test_a_label_stands_in_the_finding(on):
    """The label tells several objects of one type apart."""
    vector = on.track(Vector(), label="the left one")
    finding = on.find_leaks()[0]
    assert finding.resource.label == "the left one"
    assert "the left one" in finding.message
    vector.close()


def test_a_named_release_method(on):
    """release= names the method; one that is not there is refused with a clear error."""
    event = on.track(threading.Event(), release="set")
    event.set()
    assert on.find_leaks() == []
    with pytest.raises(DeclarationError, match="no method hang_up"):
        on.track(Vector(), release="hang_up")
    with pytest.raises(DeclarationError, match="looks like a release"):
        on.track(object())


def test_a_file(on, tmp_path):
    """A file is written through the proxy; the standard library's functions take it."""
    file = on.track(open(tmp_path / "data", "w+b"))
    assert isinstance(file, io.BufferedRandom)
    file.write(b"one\ntwo\n")
    file.seek(0)
    assert list(file) == [b"one\n", b"two\n"]
    print("x", file=io.TextIOWrapper(io.BytesIO()))
    assert not file.closed
    file.close()
    assert file.closed
    with pytest.raises(UseAfterReleaseError):
        file.read()


def test_a_socket(on):
    """A connected pair talks through proxies; fileno() is the object's own."""
    left, right = (on.track(end) for end in socket.socketpair())
    left.sendall(b"hello")
    assert right.recv(5) == b"hello"
    assert left.fileno() >= 0
    left.close()
    with right:
        pass
    assert on.find_leaks() == []
    with pytest.raises(UseAfterReleaseError):
        left.send(b"x")


class Hostile:
    """Refuses everything that a careless tracker would ask."""

    __slots__ = ()

    def __repr__(self):
        raise ValueError("repr")

    def __hash__(self):
        raise ValueError("hash")

    def __eq__(self, other):
        raise ValueError("eq")

    def __bool__(self):
        raise ValueError("bool")

    def __len__(self):
        raise ValueError("len")

    def __getattr__(self, name):
        raise AttributeError(name)

    def use(self):
        return "used"

    def close(self):
        return "closed"


def test_an_object_that_refuses_everything(on):
    """Unhashable, without weak references, with a repr that raises: simply handled, also in the report."""
    hostile = on.track(Hostile())
    assert hostile.use() == "used"
    assert [f.rule for f in on.find_leaks()] == ["LT101"]
    assert hostile.close() == "closed"
    with pytest.raises(UseAfterReleaseError):
        hostile.use()


@pytest.mark.parametrize("value", [3, "text", (), None, True])
def test_plain_values_are_refused(on, value):
    """Numbers, text and None have nothing to release."""
    with pytest.raises(DeclarationError):
        on.track(value)


def test_an_object_of_a_declared_class_stays_itself(on):
    """track() on an object of a declared class acquires it where it stands."""

    @on.tracked
    class Backend:
        def close(self): ...

    on.stop()
    backend = Backend()
    on.start(policy="raise", report=False)
    line, same = here(), on.track(backend)
    assert same is backend
    assert [(f.rule, f.site.line) for f in on.find_leaks()] == [("LT101", line)]
    backend.close()
    assert on.find_leaks() == []


def test_tracking_a_proxy_again_is_no_second_resource(on):
    """track(track(obj)) is the same resource."""
    vector = on.track(Vector())
    again = on.track(vector)
    assert again is vector
    assert on.report().totals.acquired == 1
    vector.close()


def test_after_stop_the_proxy_is_a_plain_proxy(on):
    """What was tracked goes on working when tracking has stopped, released or not."""
    live, released = on.track(Vector()), on.track(Vector())
    released.close()
    on.stop()
    assert live.use() == "used"
    assert released.use() == "used"
    assert released.close() == "closed"
    assert live.close() == "closed"
