"""Constructors that raise half way: what is left behind, how sure that is, and who has cleaned up."""

from __future__ import annotations

import socket
import sys

import pytest

from lifetrack.values.findings import Certainty


def here():
    return sys._getframe(1).f_lineno


@pytest.fixture
def on(tracker):
    """A tracker that is on and raises."""
    tracker.start(policy="raise", report=False)
    return tracker


def found(tracker):
    return [(finding.rule, finding.certainty.word) for finding in tracker.final_report().findings]


def base(tracker):
    @tracker.tracked
    class Backend:
        def __init__(self, name="plain"):
            if not name:
                raise ValueError("a backend needs a name")
            self.name = name

        def close(self):
            return "closed"

    return Backend


def test_arguments_refused_before_anything_was_acquired(on):
    """A constructor that only checks its arguments is nobody's leak."""
    with pytest.raises(ValueError, match="needs a name"):
        base(on)("")
    assert found(on) == []


def test_the_base_was_constructed_and_the_plugin_then_failed(on):
    """What completed in super().__init__() is acquired for certain: LT106, at the line that asked for the plugin."""

    class Plugin(base(on)):
        def __init__(self):
            super().__init__("plugin")
            raise OSError("no licence")

    line = here() + 2
    with pytest.raises(OSError, match="no licence"):
        Plugin()
    findings = on.final_report().findings
    assert [(f.rule, f.certainty, f.site.file, f.site.line) for f in findings] == [
        ("LT106", Certainty.PROVEN, __file__, line)
    ]
    assert "OSError" in findings[0].message
    assert "no licence" not in findings[0].message
    assert "acquire-failed" in [event.event for event in findings[0].events]


def test_a_constructor_that_cleans_up_says_nothing(on):
    """What the constructor released in its except clause is no leak."""

    class Plugin(base(on)):
        def __init__(self):
            super().__init__("plugin")
            try:
                raise OSError("no licence")
            except OSError:
                self.close()
                raise

    with pytest.raises(OSError, match="no licence"):
        Plugin()
    assert found(on) == []


def test_another_tracked_resource_was_left_behind(on):
    """A live tracked resource that the failed object holds proves that something is lost, and both are told."""
    backend = base(on)

    @on.tracked
    class Pool:
        def __init__(self):
            self.first = backend("first")
            raise OSError("no second")

        def close(self):
            self.first.close()

    with pytest.raises(OSError, match="no second") as caught:
        Pool()
    findings = on.find_leaks()
    assert sorted((f.rule, f.resource.type.rpartition(".")[2]) for f in findings) == [
        ("LT101", "Backend"),
        ("LT106", "Pool"),
    ]
    del caught


def test_an_own_file_was_left_behind(on, tmp_path):
    """An attribute with a release method that was not handed in makes it suspected."""

    @on.tracked
    class Log:
        def __init__(self, path):
            self.file = open(path, "w")
            files.append(self.file)
            raise OSError("full")

        def close(self):
            self.file.close()

    files = []
    with pytest.raises(OSError, match="full"):
        Log(tmp_path / "log")
    assert found(on) == [("LT106", "suspected")]
    files[0].close()


def test_what_was_handed_in_is_the_callers(on, tmp_path):
    """A file given as an argument is not the object's own acquisition."""

    @on.tracked
    class Log:
        def __init__(self, file):
            self.file = file
            raise OSError("full")

        def close(self):
            self.file.close()

    with open(tmp_path / "log", "w") as file, pytest.raises(OSError, match="full"):
        Log(file)
    assert found(on) == []


def test_a_number_under_the_name_of_a_handle_is_a_hint(on):
    """An integer called handle is a hint that something native was acquired."""

    @on.tracked
    class Native:
        def __init__(self):
            self._handle = 42
            raise OSError("no device")

        def close(self): ...

    with pytest.raises(OSError, match="no device"):
        Native()
    assert found(on) == [("LT106", "hint")]


def test_a_constructor_that_raises_in_the_base(on):
    """The base's own failure, seen through a plugin that had acquired nothing, says nothing."""

    class Plugin(base(on)):
        def __init__(self):
            super().__init__("")

    with pytest.raises(ValueError, match="needs a name"):
        Plugin()
    assert found(on) == []


def test_new_that_raises(on):
    """An object that was never made has no duty."""

    @on.tracked
    class Refused:
        def __new__(cls):
            raise ValueError("no more")

        def close(self): ...

    with pytest.raises(ValueError, match="no more"):
        Refused()
    assert found(on) == []


def test_wrong_arguments_raise_as_they_would(on):
    """The error of a wrong call names the class's own parameters, and nothing was acquired."""
    backend = base(on)
    with pytest.raises(TypeError, match=r"__init__\(\) got an unexpected keyword argument 'nam'"):
        backend(nam="x")

    @on.tracked
    class Bare:
        def close(self): ...

    with pytest.raises(TypeError, match=r"Bare\(\) takes no arguments"):
        Bare(1)
    assert found(on) == []


def test_a_second_call_of_the_constructor_is_no_second_acquisition(on):
    """__init__ called again on a live object leaves one duty."""
    obj = base(on)()
    obj.__init__("again")
    assert obj.name == "again"
    assert on.report().totals.acquired == 1
    obj.close()
    assert found(on) == []


def test_the_constructors_signature_is_kept(on):
    """Defaults, keyword-only and positional-only parameters arrive, and inspect still shows them."""
    import inspect

    @on.tracked
    class Many:
        def __init__(self, a, /, b=2, *rest, c, d=4, **more):
            self.got = (a, b, rest, c, d, more)

        def close(self): ...

    assert str(inspect.signature(Many)) == "(a, /, b=2, *rest, c, d=4, **more)"
    obj = Many(1, c=3)
    assert obj.got == (1, 2, (), 3, 4, {})
    other = Many(1, 5, 6, 7, c=8, d=9, e=10)
    assert other.got == (1, 5, (6, 7), 8, 9, {"e": 10})
    obj.close()
    other.close()


def test_an_object_made_without_its_constructor_is_no_resource(on):
    """__new__ alone acquires nothing: unpickling and copying go this way."""
    backend = base(on)
    obj = backend.__new__(backend)
    del obj
    assert found(on) == []


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_what_belongs_to_somebody_else_is_nobodys_loss(on, level):
    """A tracked resource that was there before the failed constructor began is not proven lost by it."""
    on.start(level, policy="raise", report=False)
    shared = base(on)("shared")

    @on.tracked
    class Pool:
        def __init__(self):
            self.first = shared
            raise OSError("no second")

        def close(self): ...

    with pytest.raises(OSError, match="no second"):
        Pool()
    shared.close()
    certainties = [certainty for rule, certainty in found(on) if rule == "LT106"]
    assert certainties == ([] if level == "stacks" else ["suspected"])


def test_what_came_in_as_part_of_an_argument_is_the_callers(on, tmp_path):
    """A file taken from an attribute of an argument is not the object's own acquisition."""

    class Settings:
        pass

    @on.tracked
    class Log:
        def __init__(self, settings):
            self.file = settings.file
            raise OSError("full")

        def close(self): ...

    settings = Settings()
    with open(tmp_path / "log", "w") as settings.file, pytest.raises(OSError, match="full"):
        Log(settings)
    assert found(on) == []


def test_what_the_failed_constructor_closed_again_is_not_lost(on, tmp_path):
    """Files, sockets and tracked resources that it has closed itself, though it still holds them."""
    backend = base(on)

    @on.tracked
    class Log:
        def __init__(self):
            self.file = open(tmp_path / "log", "w")
            self.socket = socket.socket()
            self.backend = backend()
            try:
                raise OSError("full")
            finally:
                self.file.close()
                self.socket.close()
                self.backend.close()

        def close(self): ...

    with pytest.raises(OSError, match="full"):
        Log()
    assert found(on) == []
