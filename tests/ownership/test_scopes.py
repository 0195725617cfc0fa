"""Scopes: what is acquired inside must be released before they end, in every form that a scope has."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import sys

import pytest

from lifetrack.values.errors import LeakError


def test_a_clean_scope_finds_nothing(tracker, resource, found):
    """What is released inside is no finding."""
    with tracker.scope("clean"):
        resource().close()
    assert found() == []


def test_a_leak_is_filed_with_site_scope_and_owner(tracker, resource):
    """LT103 names the line of the acquisition, the scope and the owner, and what to do."""
    with tracker.scope("import job") as scope:
        line = sys._getframe().f_lineno + 1
        kept = resource()
        assert scope.name == "import job"
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.name, finding.scope) == ("LT103", "leak-from-scope", "import job")
    assert (finding.owner.name, finding.owner.kind) == ("import job", "scope")
    assert (finding.site.file, finding.site.line) == (__file__, line)
    assert finding.site.code == "kept = resource()"
    assert [event.event for event in finding.events] == ["acquired"]
    assert finding.message.endswith(
        "was still live when scope 'import job' ended: call close() in a 'finally' clause or with 'with'"
    )
    kept.close()


def test_it_is_reported_once(tracker, resource, found):
    """A leak of a scope is not reported again at the end of an outer scope, when collected or at exit."""
    with tracker.scope("outer"):
        with tracker.scope("inner"):
            kept = resource()
    assert found() == [("LT103", "inner")]
    del kept
    gc.collect()
    report = tracker.final_report()
    assert [(finding.rule, finding.count) for finding in report.findings] == [("LT103", 1)]
    assert (report.totals.live, report.totals.released, report.totals.findings) == (0, 0, 1)


def test_released_late_stays_a_finding_of_the_scope(tracker, resource):
    """A release after the end of the scope does not take the finding back, and makes no other."""
    with tracker.scope("short"):
        kept = resource()
    kept.close()
    report = tracker.final_report()
    assert [finding.rule for finding in report.findings] == ["LT103"]
    assert (report.totals.live, report.totals.released) == (0, 1)


def test_what_was_there_before_is_not_the_scopes(tracker, resource, found):
    """Neither what was acquired before a scope nor what is acquired after it is its leak."""
    before = resource()
    with tracker.scope("middle"):
        pass
    after = resource()
    assert found() == [("LT101", None), ("LT101", None)]
    before.close()
    after.close()
    assert found() == []


def test_an_inner_scope_takes_only_its_own(tracker, resource, found):
    """Each of two nested scopes reports what was acquired in it."""
    with tracker.scope("outer"):
        one = resource()
        with tracker.scope("inner"):
            two = resource()
        three = resource()
    assert found() == [("LT103", "inner"), ("LT103", "outer"), ("LT103", "outer")]
    for kept in (one, two, three):
        kept.close()


def test_an_async_scope_does_the_same(tracker, resource, found):
    """A scope is an async context manager, too."""

    async def main():
        async with tracker.scope("async"):
            await asyncio.sleep(0)
            kept.append(resource())

    kept = []
    asyncio.run(main())
    assert found() == [("LT103", "async")]


def test_a_decorated_function_is_a_scope_for_each_call(tracker, resource, found):
    """A decorator makes a scope of its own for every call, also of a recursive one, and keeps the function's face."""

    @tracker.scope("job")
    def job(depth, *, name="x"):
        """Do it."""
        kept.append(resource())
        if depth:
            job(depth - 1)
        return name

    kept = []
    assert job(2, name="y") == "y"
    assert found() == [("LT103", "job")] * 3
    assert (job.__name__, job.__doc__, str(inspect.signature(job))) == ("job", "Do it.", "(depth, *, name='x')")


def test_a_decorated_coroutine_function_is_a_scope(tracker, resource, found):
    """The scope of a coroutine function lasts until it is done, also when several run at once."""

    @tracker.scope("job")
    async def job(number):
        kept.append(resource())
        await asyncio.sleep(0)
        kept.append(resource())
        return number

    async def main():
        return await asyncio.gather(job(1), job(2))

    kept = []
    assert inspect.iscoroutinefunction(job)
    assert asyncio.run(main()) == [1, 2]
    assert found() == [("LT103", "job")] * 4


def test_scopes_follow_into_tasks_and_threads(tracker, resource, found):
    """What tasks, a task group and a worker thread acquire belongs to the scope in which they were started."""

    async def work():
        await asyncio.sleep(0)
        kept.append(resource())

    async def main():
        async with tracker.scope("started here"):
            task = asyncio.create_task(work())
            await task
            await asyncio.to_thread(lambda: kept.append(resource()))
            async with asyncio.TaskGroup() as group:
                group.create_task(work())
        kept.append(resource())

    kept = []
    asyncio.run(main())
    assert found() == [("LT103", "started here")] * 3 + [("LT101", None)]


def test_tasks_keep_their_scopes_apart(tracker, resource, found):
    """Scopes of tasks that take turns overlap in time, and each has its own."""

    async def work(name, turns):
        async with tracker.scope(name):
            for _ in range(turns):
                await asyncio.sleep(0)
                kept.append(resource())

    async def main():
        await asyncio.gather(work("a", 1), work("b", 3), work("c", 2))

    kept = []
    asyncio.run(main())
    assert sorted(found()) == [("LT103", "a")] + [("LT103", "b")] * 3 + [("LT103", "c")] * 2


def test_scopes_that_overlap_in_one_context_keep_what_is_theirs(tracker, resource, found):
    """Two scopes that do not nest: after the end of the first the second goes on, and after both there is none."""
    first, second = tracker.scope("first"), tracker.scope("second")
    first.__enter__()
    kept = [resource()]
    second.__enter__()
    kept.append(resource())
    first.__exit__(None, None, None)
    kept.append(resource())
    second.__exit__(None, None, None)
    kept.append(resource())
    assert found() == [("LT103", "first"), ("LT103", "second"), ("LT103", "second"), ("LT101", None)]
    assert [finding.site.line for finding in tracker.find_leaks()] == [
        sys._getframe().f_lineno - line for line in (9, 7, 5, 3)
    ]


def test_a_scope_may_end_in_another_context(tracker, resource, found):
    """A scope that is left in another context than it was entered in is judged, and disturbs nothing there."""
    scope = tracker.scope("wandering")
    entered = contextvars.copy_context()
    entered.run(scope.__enter__)
    kept = entered.run(resource)
    with tracker.scope("here"):
        scope.__exit__(None, None, None)
        other = resource()
    last = resource()
    assert found() == [("LT103", "wandering"), ("LT103", "here"), ("LT101", None)]
    del kept, other, last


def test_a_scope_can_be_entered_again(tracker, resource, found):
    """After its end a scope object may be used for another block."""
    scope = tracker.scope("again")
    with scope:
        resource().close()
    with scope:
        kept = resource()
    assert found() == [("LT103", "again")]
    kept.close()


def test_an_open_scope_can_be_asked(tracker, resource):
    """With ``scope`` only what was acquired in it, at whatever depth, is told; nothing is judged by asking."""
    outside = resource()
    with tracker.scope("asked") as scope:
        with tracker.scope("inner"):
            inner = resource()
        kept = resource()
        assert [finding.scope for finding in tracker.find_leaks(scope=scope)] == ["inner", "asked"]
        kept.close()
        inner.close()
        assert [finding.scope for finding in tracker.find_leaks(scope=scope)] == ["inner"]
        with pytest.raises(LeakError):
            tracker.assert_no_leaks(scope=scope)
    outside.close()


def test_a_scope_that_has_ended_can_be_asked(tracker, resource):
    """After its end a scope tells what it has leaked, and nothing of anybody else's; before its start nothing."""
    scope = tracker.scope("asked")
    outside = resource()
    assert tracker.find_leaks(scope=scope) == []
    with scope:
        kept = resource()
    assert [finding.scope for finding in tracker.find_leaks(scope=scope)] == ["asked"]
    kept.close()
    outside.close()
