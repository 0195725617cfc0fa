"""The fast path: subclasses take it too, the signature is the original's, and nobody's code runs on the way."""

from __future__ import annotations

import gc
import inspect
import sys
import weakref

import pytest

from lifetrack.instrument.recorder import Recorder

DEFAULT = object()


def line():
    return sys._getframe(1).f_lineno


@pytest.fixture(params=["counts", "sites", "stacks"])
def level(request):
    return request.param


@pytest.fixture
def slow(monkeypatch):
    """What fell off the fast path, by name."""
    seen = []
    for name in ("acquire", "released", "begins"):
        original = getattr(Recorder, name)

        def noticed(self, *args, original=original, name=name):
            seen.append(name)
            return original(self, *args)

        monkeypatch.setattr(Recorder, name, noticed)
    return seen


class Signature:
    def __init__(self, first, second=DEFAULT, /, third=3, *rest, needed, free=DEFAULT, **more):
        self.got = (first, second, third, rest, needed, free, more)

    def close(self, force=False, *, wait=None):
        return force, wait


def base():
    class Base:
        def __init__(self, name="plain"):
            self.name = name

        def close(self):
            return self.name

    return Base


def kinds(cls):
    class Bare(cls):
        pass

    class Own(cls):
        def __init__(self):
            super().__init__("own")

        def close(self):
            return super().close()

    class Beneath(Own):
        def __init__(self):
            super().__init__()

    return cls, Bare, Own, Beneath


def test_signature_and_defaults_are_the_originals(tracker, level):
    """A wrapper has the parameters and the very default values of what it wraps, and hands all of them on."""
    before = inspect.signature(Signature.__init__), inspect.signature(Signature.close)
    tracker.start(level, policy="raise", report=False)
    tracker.tracked(Signature)
    assert (inspect.signature(Signature.__init__), inspect.signature(Signature.close)) == before
    assert Signature(1, needed=2).got == (1, DEFAULT, 3, (), 2, DEFAULT, {})
    made = Signature(1, 2, 3, 4, 5, needed=6, free=7, other=8)
    assert made.got == (1, 2, 3, (4, 5), 6, 7, {"other": 8})
    assert made.close(True, wait=1) == (True, 1)
    assert Signature(1, needed=2).close() == (False, None)


def test_subclasses_take_the_fast_path(tracker, level, slow):
    """Once a class has been released for the first time, neither it nor its subclasses need the recorder."""
    tracker.start(level, policy="raise", report=False)
    for cls in kinds(tracker.tracked(base())):
        cls().close()
        slow.clear()
        made = cls()
        assert made.close() == ("own" if cls.__name__ in ("Own", "Beneath") else "plain")
        assert slow == []
        assert type(made) is not cls
        assert made.__class__ is cls


def test_subclasses_are_located_where_they_were_made(tracker, level):
    """The site is the line that makes the object, however many constructors call each other below it."""
    tracker.start(level, policy="record", report=False)
    for cls in kinds(tracker.tracked(base())):
        made, here = cls(), line()
        (finding,) = tracker.find_leaks()
        if level == "counts":
            assert finding.site is None
        else:
            assert (finding.site.line, finding.site.function) == (here, sys._getframe().f_code.co_name)
        made.close()
        assert tracker.find_leaks() == []


def test_the_site_is_known_while_the_outer_constructor_still_runs(tracker):
    """An object is located by its inner constructor as long as the outer one has not ended."""
    tracker.start("stacks", policy="record", report=False)
    seen = []

    class Slow(tracker.tracked(base())):
        def __init__(self):
            super().__init__()
            seen.extend(tracker.find_leaks())

    Slow().close()
    assert [finding.site.function.rpartition(".")[2] for finding in seen] == ["__init__"]


def test_a_metaclass_runs_no_code_for_us(tracker, level):
    """Looking for the shape of a subclass asks no metaclass that answers for its classes itself."""
    asked = []

    class Curious(type):
        def __getattribute__(cls, name):
            asked.append(name)
            return super().__getattribute__(name)

        def __getattr__(cls, name):
            asked.append(name)
            raise AttributeError(name)

    tracker.start(level, policy="raise", report=False)
    cls = tracker.tracked(base())

    class Child(cls, metaclass=Curious):
        pass

    for _ in range(3):
        Child().close()
    assert [name for name in asked if "lifetrack" in name] == []
    assert tracker.find_leaks() == []


def test_objects_that_refuse_assignment_are_guarded_too(tracker, level):
    """A subclass whose ``__setattr__`` refuses everything is swapped past it."""
    tracker.start(level, policy="raise", report=False)

    class Closed(tracker.tracked(base())):
        def __init__(self):
            pass

        def __setattr__(self, name, value):
            raise TypeError("no")

        def close(self):
            pass

    for _ in range(3):
        made = Closed()
        made.close()
        assert type(made) is not Closed


def test_a_subclass_is_not_kept_alive(tracker, level):
    """Having tracked the objects of a class keeps neither the class nor its tombstone."""
    tracker.start(level, policy="raise", report=False)
    cls = tracker.tracked(base())
    bare = kinds(cls)[1]
    for _ in range(3):
        bare().close()
    gone = weakref.ref(bare)
    del bare
    gc.collect()
    assert gone() is None


def test_no_entry_outlives_its_object(tracker, level):
    """When released objects are collected, nothing of them is left in the ledger."""
    tracker.start(level, policy="raise", report=False)
    for cls in kinds(tracker.tracked(base())):
        for _ in range(100):
            cls().close()
    gc.collect()
    assert len(tracker.ledger.entries) == 0
