"""Subclasses of a declared class, with and without ``super()``, to any depth: the plugins of others."""

from __future__ import annotations

import itertools
import sys

import pytest

from lifetrack.values.errors import DoubleReleaseError, UseAfterReleaseError

RELEASES = ("inherited", "super first", "super last", "no super")
CONSTRUCTORS = ("inherited", "super", "no super")


def here():
    return sys._getframe(1).f_lineno


def family(tracked, release, constructor, log):
    """Declare a base and derive a plugin from it in one of the ways people do it."""

    @tracked
    class Backend:
        def __init__(self, name="plain"):
            self.name = name
            log.append("base init")

        def use(self):
            log.append("use")
            return self.name

        def close(self):
            log.append("base close")
            return "closed"

    plugin = type("Plugin", (Backend,), {})
    if release != "inherited":
        plugin = add_release(plugin, release, log)
    if constructor != "inherited":
        plugin = add_constructor(plugin, constructor)
    return plugin


def add_release(base, release, log):
    class Plugin(base):
        def close(self):
            if release == "super first":
                super().close()
            self.use()  # legal: the release is not over
            if release == "super last":
                super().close()
            self.use()
            log.append("own close")
            return "own closed"

    return Plugin


def add_constructor(base, constructor):
    class Plugin(base):
        def __init__(self, name="plugin"):
            if constructor == "super":
                super().__init__(name)
            self.name = name

    return Plugin


@pytest.mark.parametrize("early", [True, False], ids=["declared before start", "declared after start"])
@pytest.mark.parametrize(("release", "constructor"), list(itertools.product(RELEASES, CONSTRUCTORS)))
class TestWaysToSubclass:
    def test_the_release_is_over_when_the_outermost_one_returns(self, tracker, early, release, constructor):
        """Uses inside the own release are legal, later ones are not, and every place is exact."""
        log = []
        if early:
            plugin = family(tracker.tracked, release, constructor, log)
        tracker.start(policy="raise", report=False)
        if not early:
            plugin = family(tracker.tracked, release, constructor, log)
        acquired, obj = here(), plugin("x")
        assert type(obj) is plugin
        assert obj.use() == "x"
        released, result = here(), obj.close()
        assert result == ("closed" if release == "inherited" else "own closed")
        used = here() + 2
        with pytest.raises(UseAfterReleaseError) as caught:
            obj.use()
        finding = caught.value.finding
        assert [event.stack[0].line for event in finding.events] == [acquired, released, used]
        second = here() + 2
        with pytest.raises(DoubleReleaseError) as caught:
            obj.close()
        assert caught.value.finding.misuse.stack[0].line == second
        assert log.count("base close") <= 1

    def test_a_plugin_that_is_not_released_is_a_leak(self, tracker, early, release, constructor):
        """Dropped and held objects of the subclass are found, once each, under the subclass's name."""
        log = []
        if early:
            plugin = family(tracker.tracked, release, constructor, log)
        tracker.start(policy="record", report=False)
        if not early:
            plugin = family(tracker.tracked, release, constructor, log)
        dropped, obj = here(), plugin()
        del obj
        held, kept = here(), plugin()
        findings = tracker.final_report().findings
        assert [(f.rule, f.site.line, f.resource.type.rpartition(".")[2]) for f in findings] == [
            ("LT102", dropped, "Plugin"),
            ("LT101", held, "Plugin"),
        ]
        kept.close()


def backend(tracker, **options):
    """Declare one ordinary class with a context manager of its own."""

    @tracker.tracked(**options)
    class Backend:
        def __init__(self):
            self.closed = 0

        def use(self):
            return "used"

        def close(self):
            self.closed += 1

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.close()

    return Backend


@pytest.fixture
def on(tracker):
    """A tracker that is on and raises."""
    tracker.start(policy="raise", report=False)
    return tracker


def test_the_end_of_a_with_block_after_an_explicit_release(on):
    """A release made by __exit__ after an explicit one is no double release; it runs as it would."""
    with backend(on)() as obj:
        obj.close()
    assert obj.closed == 2
    assert on.final_report().findings == ()


def test_the_with_block_releases_at_its_own_line(on):
    """After the block the object is released, and the site of the release is in the user's code."""
    with backend(on, release="__exit__")() as obj:
        assert obj.use() == "used"
    with pytest.raises(UseAfterReleaseError) as caught:
        obj.use()
    assert [event.stack[0].file for event in caught.value.finding.events] == [__file__] * 3


def test_entering_a_released_object_is_a_use(on):
    """A with block on a released object is refused."""
    obj = backend(on)()
    obj.close()
    with pytest.raises(UseAfterReleaseError):
        with obj:
            pass


def test_a_finalizer_may_release_after_an_explicit_release(on):
    """__del__ that closes again is nobody's double release."""
    closed = []

    @on.tracked
    class Backend:
        def close(self):
            closed.append(1)

        def __del__(self):
            self.close()

    obj = Backend()
    obj.close()
    del obj
    assert closed == [1, 1]
    assert on.final_report().findings == ()


def test_what_only_a_finalizer_released_is_a_leak(on):
    """A release made by __del__ alone does not meet the duty."""
    closed = []

    @on.tracked
    class Backend:
        def close(self):
            closed.append(1)

        def __del__(self):
            self.close()

    obj = Backend()
    del obj
    assert closed == [1]
    assert [finding.rule for finding in on.find_leaks()] == ["LT102"]


def test_a_release_that_calls_itself(on):
    """A re-entered release is one release."""

    @on.tracked
    class Backend:
        depth = 0

        def use(self):
            return self.depth

        def close(self):
            self.depth += 1
            if self.depth < 3:
                self.close()
            self.use()

    obj = Backend()
    obj.close()
    assert obj.depth == 3
    with pytest.raises(UseAfterReleaseError):
        obj.use()


def test_three_levels_with_work_after_super(on):
    """Each level may use the object after its own super().close()."""
    log = []

    @on.tracked
    class Base:
        def flush(self, word):
            log.append(word)

        def close(self):
            self.flush("base")

    class Middle(Base):
        def close(self):
            super().close()
            self.flush("middle")

    class Leaf(Middle):
        def __init__(self):
            self.own = []

        def close(self):
            super().close()
            self.flush("leaf")
            self._late()

        def _late(self):
            self.flush("late")

    obj = Leaf()
    obj.close()
    assert log == ["base", "middle", "leaf", "late"]
    with pytest.raises(UseAfterReleaseError):
        obj.flush("after")
    assert log[-1] == "late"


def test_two_declared_bases_with_different_release_names(on):
    """Either release ends the duty; the other one after it is no double release, the same one is."""

    @on.tracked
    class Reader:
        def close(self):
            return "closed"

    @on.tracked
    class Writer:
        def shutdown(self):
            return "down"

        def write(self):
            return "written"

    class Both(Reader, Writer):
        pass

    obj = Both()
    assert obj.close() == "closed"
    assert obj.shutdown() == "down"
    with pytest.raises(UseAfterReleaseError):
        obj.write()
    with pytest.raises(DoubleReleaseError):
        obj.close()


@pytest.mark.parametrize("early", [True, False], ids=["declared before start", "declared after start"])
def test_a_declaration_of_the_subclass_wins_over_that_of_the_base(tracker, early):
    """A subclass that is declared again goes by its own declaration."""
    if not early:
        tracker.start(policy="raise", report=False)

    @tracker.tracked
    class Base:
        def close(self):
            return "closed"

    @tracker.tracked(release="hang_up", after_release="peek")
    class Line(Base):
        def hang_up(self):
            return self.close()

        def peek(self):
            return "peeked"

        def use(self):
            return "used"

    tracker.start(policy="raise", report=False)
    obj = Line()
    assert obj.hang_up() == "closed"
    assert obj.peek() == "peeked"
    with pytest.raises(UseAfterReleaseError):
        obj.use()
    base = Base()
    assert base.close() == "closed"
