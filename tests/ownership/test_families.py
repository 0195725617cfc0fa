"""Parents and children: who makes them, and how their leaks are told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import warnings

import pytest

from lifetrack import Owner, OwnershipError, transfer
from lifetrack.values.errors import DeclarationError, LeakError


def tree(finding):
    """Give the rule and the function's name of each member of a family, as a tree."""
    return finding.rule, finding.site and finding.site.function, [tree(child) for child in finding.children]


def family(kinds):
    """Acquire a backend with two sessions, the first with two cursors."""
    backend = kinds.Backend()
    first, second = backend.session(), backend.session()
    return [backend, first, second, first.cursor(), first.cursor()]


def shape(finding):
    return [len(child.children) for child in finding.children]


@pytest.mark.parametrize("level", ["counts", "sites", "stacks", "full"])
def test_live_children_are_told_with_their_parent(tracker, kinds, level):
    """One finding for five leaks, with the children's children below the children, in every form of report."""
    tracker.start(level, policy="record", report=False)
    kept = family(kinds)
    (finding,) = tracker.find_leaks()
    assert finding.rule == "LT101"
    assert shape(finding) == [2, 0]
    with pytest.raises(LeakError, match="1 resource was not released") as caught:
        tracker.assert_no_leaks()
    assert [shape(each) for each in caught.value.findings] == [[2, 0]]
    report = tracker.final_report()
    assert (report.totals.findings, report.totals.live, len(report.findings)) == (1, 5, 1)
    (written,) = json.loads(report.to_json())["findings"]
    (sessions,) = written["children"]  # from one line, so they are told once
    assert (sessions["count"], [child["count"] for child in sessions["children"]]) == (2, [2])
    assert "Child" in report.to_text()
    del kept


def test_a_scope_that_ends_tells_one_finding(tracker, kinds):
    """LT103 of the family: one error under raise, one warning under warn."""
    tracker.start("stacks", policy="raise", report=False)
    with pytest.raises(LeakError) as caught, tracker.scope("job"):
        kept = family(kinds)
    assert [shape(finding) for finding in caught.value.findings] == [[2, 0]]
    tracker.start("stacks", policy="warn", report=False)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with tracker.scope("job"):
            kept += family(kinds)
    assert len(warned) == 1
    assert len(tracker.find_leaks()) == 2


def test_a_dropped_family_is_one_leak(tracker, kinds):
    """Collected together, in whatever order, they are one finding too."""
    tracker.start("stacks", policy="record", report=False)
    family(kinds)
    gc.collect()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, sorted(shape(finding))) == ("LT102", [0, 2])


def test_children_of_a_released_parent_stand_alone(tracker, kinds):
    """Only under a leaked parent is a leak folded; a grandparent serves where the parent was released."""
    tracker.start("stacks", policy="record", report=False)
    backend = kinds.Backend()
    session = backend.session()
    cursor = session.cursor()
    session.close()
    (finding,) = tracker.find_leaks()
    assert shape(finding) == [0]
    backend.close()
    (finding,) = tracker.find_leaks()
    assert finding.children == ()
    cursor.close()
    assert tracker.find_leaks() == []


def test_parts_are_told_with_the_plugin_that_owns_them(tracker, kinds):
    """What a leaked object owns, by transfer or because it says so, is told with it, and names it as owner."""

    @tracker.tracked(owns=True)
    class Plugin:
        def __init__(self):
            self.part = kinds.Resource("acquired")

        def close(self):
            self.part.close()

    tracker.start("stacks", policy="record", report=False)
    with tracker.scope("job"):
        plugin = Plugin()
        given = transfer(kinds.Resource("given"), to=plugin)
    (finding,) = tracker.find_leaks()
    assert finding.rule == "LT103"
    assert [(child.owner.kind, child.owner.name.rpartition(".")[2]) for child in finding.children] == [
        ("object", "Plugin")
    ] * 2
    assert [event.event for event in tracker.history(plugin.part)] == ["acquired"]
    given.close()
    plugin.close()


@pytest.mark.parametrize("acquire", ["__init__", "open", "aopen"])
def test_an_object_owns_what_its_acquire_method_acquires(tracker, kinds, acquire):
    """``owns`` goes for constructors, acquire methods and coroutine methods, and each time that they run."""

    class Plugin:
        def __init__(self):
            if acquire == "__init__":
                self.open()

        def open(self):
            self.part = kinds.Resource()

        async def aopen(self):
            await asyncio.sleep(0)
            self.open()

        def close(self):
            pass

    def opened(plugin):
        if acquire == "aopen":
            asyncio.run(plugin.aopen())
        elif acquire == "open":
            plugin.open()
        return plugin

    tracker.tracked(owns=True, acquire=acquire)(Plugin)
    tracker.start("stacks", policy="record", report=False)
    plugin = opened(Plugin())
    outside = kinds.Resource()
    outside.close()
    assert [len(finding.children) for finding in tracker.find_leaks()] == [1]
    plugin.close()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.owner.kind) == ("LT104", "object")
    plugin.part.close()
    if acquire != "__init__":
        opened(plugin)
        assert [len(finding.children) for finding in tracker.find_leaks()] == [1]
        plugin.part.close()
        plugin.close()
    assert tracker.find_leaks() == []


def test_a_constructor_that_fails_gives_its_place_back(tracker, kinds):
    """What is acquired after a failed constructor is not the failed object's."""

    @tracker.tracked(owns=True)
    class Plugin:
        def __init__(self):
            kinds.Resource().close()
            raise OSError("no")

        def close(self):
            pass

    tracker.start("stacks", policy="record", report=False)
    with pytest.raises(OSError, match="no"):
        Plugin()
    thing = kinds.Resource()
    assert [finding.owner.kind for finding in tracker.find_leaks()] == ["process"]
    thing.close()


class Foreign:
    """A class that nobody declared."""

    def __init__(self, log):
        self.log = log

    def use(self):
        return "used"

    def close(self):
        self.log.append("child")


@pytest.fixture
def maker(tracker):
    """Declare a parent that makes children in every way that there is."""
    log = []

    @tracker.tracked(children=("plain", "later", "block", "later_block"))
    class Parent:
        def plain(self):
            return Foreign(log)

        async def later(self):
            await asyncio.sleep(0)
            return Foreign(log)

        @contextlib.contextmanager
        def block(self):
            yield "transaction"

        @contextlib.asynccontextmanager
        async def later_block(self):
            yield "transaction"

        def close(self):
            log.append("parent")

    tracker.start("stacks", policy="raise", report=False)
    return Parent, log


def test_children_of_undeclared_classes_are_tracked(tracker, maker):
    """What a method named in ``children`` returns is tracked, though its class was not declared."""
    parent, log = maker[0](), maker[1]
    for make in (parent.plain, lambda: asyncio.run(parent.later())):
        child = make()
        assert child.use() == "used"
        assert [len(finding.children) for finding in tracker.find_leaks()] == [1]
        child.close()
    parent.close()
    assert log == ["child", "child", "parent"]
    assert tracker.report().findings == ()


def test_a_parent_released_before_an_undeclared_child(tracker, maker):
    """LT303 for the parent, LT305 for the child's use, by the proxy that stands for it."""
    parent = maker[0]()
    child = parent.plain()
    with pytest.raises(OwnershipError, match="LT303"):
        parent.close()
    with pytest.raises(ReferenceError, match="LT305"):
        child.use()
    child.close()
    assert tracker.find_leaks() == []


def test_blocks_are_children_too(tracker, maker):
    """A parent released inside the block of its own context manager is released too early."""

    async def later(parent):
        async with parent.later_block() as value:
            assert value == "transaction"
            parent.close()

    parent = maker[0]()
    with parent.block() as value:
        assert value == "transaction"
    with pytest.raises(OwnershipError, match="LT303"), parent.block():
        parent.close()
    with pytest.raises(OwnershipError, match="LT303"):
        asyncio.run(later(maker[0]()))
    assert tracker.find_leaks() == []


def test_single_objects_with_a_parent(tracker, kinds):
    """``track(parent=)`` says that one object depends on another one."""
    tracker.start("stacks", policy="raise", report=False)
    backend = kinds.Backend()
    child = tracker.track(Foreign([]), parent=backend)
    assert [len(finding.children) for finding in tracker.find_leaks()] == [1]
    with pytest.raises(OwnershipError, match="LT303"):
        backend.close()
    child.close()


def test_single_objects_with_an_owner(tracker):
    """``track(owner=)`` gives the duty at once; while tracking is off the owner has it all the same."""
    log = []
    with Owner("pool") as pool:
        tracker.track(Foreign(log), owner=pool)
        tracker.start("stacks", policy="raise", report=False)
        tracked = tracker.track(Foreign(log), owner=pool)
        assert [event.detail for event in tracker.history(tracked)] == [None, "to Owner 'pool'"]
    assert log == ["child", "child"]
    assert tracker.report().findings == ()


def test_methods_that_make_children_must_be_there(tracker):
    """A wrong name is an error of the declaration."""
    with pytest.raises(DeclarationError, match=r"Foreign has no method session\(\) that makes children"):
        tracker.tracked(children="session")(Foreign)
