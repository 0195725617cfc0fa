"""The way it left: a leak names the exception by which the function was left that had it in its care."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from contextlib import suppress

import pytest

#: From 3.12 on the interpreter tells of a frame as an exception leaves it; before, somebody must still have it.
TOLD = sys.version_info >= (3, 12)
THIS = __file__.rpartition("/")[2]


@pytest.fixture
def resource(tracker, make_class):
    """A declared class, while tracking is on with the policy record."""
    cls = tracker.tracked(make_class())
    tracker.start("stacks", policy="record", report=False)
    return cls


def left(tracker):
    """Tell of each leak how it was left: the exception, and the source text of the place."""
    gc.collect()
    ways = [finding.left_by for finding in tracker.find_leaks()]
    return [None if way is None else (way.error, way.site.code) for way in ways]


class Odd(Exception):
    """An exception of the program's."""


# -- it was left by an exception ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_the_block_that_acquired_is_left(tracker, resource, level):
    """The end of a scope sees the exception that leaves its block; the message names its type and line."""
    tracker.start(level, policy="record", report=False)
    keep = []
    with suppress(Odd), tracker.scope("job"):
        keep.append(resource())
        raise Odd("secret")  # out of the block
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.left_by.error) == ("LT103", "Odd")
    assert finding.left_by.site.code == 'raise Odd("secret")  # out of the block'
    assert f" was left by Odd at {finding.left_by.site}: call close()" in finding.message
    assert f"{THIS}:{finding.left_by.site.line}" in str(finding.left_by.site)
    assert "secret" not in finding.message


def holds(resource):
    item = resource()
    item.use()
    raise Odd  # while it holds


def hands_on(resource):
    consume(resource())  # to the one that fails


def consume(item):
    item.use()
    fail()


def fail():
    raise Odd


def make(resource):
    return resource()


def was_given(resource):
    item = make(resource)
    item.use()
    fail()  # with what it was given


class Client:
    """Acquires in its constructor, and fails later in it."""

    def __init__(self, resource):
        self.connection = resource()
        fail()  # after the connection


def closes_over(resource):
    item = resource()
    use = lambda: item.use()  # noqa: E731 - it makes a cell of the variable
    use()
    raise Odd  # with a cell


WAYS = {
    holds: "raise Odd  # while it holds",
    hands_on: "consume(resource())  # to the one that fails",
    was_given: "fail()  # with what it was given",
    Client: "fail()  # after the connection",
    closes_over: "raise Odd  # with a cell",
}
EACH = pytest.mark.parametrize(("function", "line"), WAYS.items(), ids=[each.__name__ for each in WAYS])


@EACH
def test_a_function_in_a_scope_is_left(tracker, resource, function, line):
    """The function that had it in its care is named, wherever the exception came from."""
    with suppress(Odd), tracker.scope("job"):
        function(resource)
    assert left(tracker) == [("Odd", line)]


@EACH
def test_a_function_is_left_and_the_exception_is_handled(tracker, resource, function, line):
    """Where nobody has the exception any more, it is known if the interpreter told of it, and nothing said if not."""
    with suppress(Odd):
        function(resource)
    assert left(tracker) == [("Odd", line) if TOLD else None]


@EACH
def test_a_question_in_the_handler(tracker, resource, function, line):
    """Who asks for leaks in the handler of an exception is told what it has left."""
    ways = []
    try:
        function(resource)
    except Odd:
        ways = left(tracker)
    assert ways == [("Odd", line)]


def test_one_frame_knows_no_other_function(tracker, resource):
    """At level sites only the acquiring function itself is known: what it has returned was another one's to lose."""
    tracker.start("sites", policy="record", report=False)
    for function in WAYS:
        with suppress(Odd), tracker.scope("job"):
            function(resource)
    assert left(tracker) == [None if each is was_given else ("Odd", line) for each, line in WAYS.items()]


def test_an_owner_whose_block_is_left(tracker, resource):
    """The end of an owner's block sees the exception too."""
    from lifetrack.ownership.owners import Owner

    keep = []
    try:
        with Owner("pool"):
            holds(resource)
    except Odd as error:
        keep.append(error)
    assert left(tracker) == [("Odd", "raise Odd  # while it holds")]


def test_the_exception_that_another_one_came_from(tracker, resource):
    """The function was left by the first exception, though the block is left by the one made of it."""
    with suppress(KeyError), tracker.scope("job"):
        try:
            holds(resource)
        except Odd as error:
            raise KeyError from error
    assert left(tracker) == [("Odd", "raise Odd  # while it holds")]


def test_a_function_that_makes_another_exception_of_one(tracker, resource):
    """What it handled has not left it; what it raised then has."""

    def convert():
        item = resource()
        try:
            fail()
        except Odd as error:
            item.use()
            raise KeyError("other") from error

    with suppress(KeyError), tracker.scope("job"):
        convert()
    assert left(tracker) == [("KeyError", 'raise KeyError("other") from error')]


def test_the_tasks_of_a_group(tracker, resource):
    """The exceptions of tasks come out in a group; each has left its own coroutine."""

    async def work(error):
        item = resource()
        await asyncio.sleep(0)
        item.use()
        raise error

    async def main():
        async with tracker.scope("job"), asyncio.TaskGroup() as group:
            group.create_task(work(Odd()))

    with suppress(ExceptionGroup):
        asyncio.run(main())
    assert left(tracker) == [("Odd", "raise error")]


def test_a_task_that_is_cancelled(tracker, resource):
    """A cancellation leaves a coroutine as an exception does."""

    async def work():
        item = resource()
        await asyncio.sleep(60)
        item.close()

    async def main():
        async with tracker.scope("job"):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await work()

    asyncio.run(main())
    assert left(tracker) == [("CancelledError", "await asyncio.sleep(60)") if TOLD else None]


def test_a_task_whose_exception_is_a_result(tracker, resource):
    """Nobody raises it again; the interpreter has told of it, where it does."""

    async def work():
        item = resource()
        await asyncio.sleep(0)
        item.use()
        raise Odd

    async def main():
        await asyncio.gather(work(), return_exceptions=True)

    asyncio.run(main())
    assert left(tracker) == [("Odd", "raise Odd") if TOLD else None]


def test_a_thread_that_dies(tracker, resource):
    """The exception that ends a thread leaves its function."""
    before, threading.excepthook = threading.excepthook, lambda _: None
    try:
        thread = threading.Thread(target=holds, args=(resource,))
        thread.start()
        thread.join()
    finally:
        threading.excepthook = before
    assert left(tracker) == [("Odd", "raise Odd  # while it holds") if TOLD else None]


PROGRAM_ENDS = """
def work():
    item = Resource()
    item.use()
    raise SystemExit(3) if "exit" in sys.argv else ValueError("secret")
"""


@pytest.mark.parametrize("level", ["sites", "stacks"])
def test_the_end_of_the_process(program, level):
    """An uncaught exception ends the program; the report at exit says what it has left."""
    code = f"lifetrack.start({level!r}, policy='record')\n{PROGRAM_ENDS}\nwork()\n"
    out, err, status = program(code)
    report = err[err.index("ValueError: secret") :]
    assert "LT101" in report
    assert "was left by ValueError at <string>:" in " ".join(report.split())
    assert status == 1
    assert out == ""


def test_the_module_itself_is_left(program):
    """What the module has acquired is left by the exception that ends it; what it has stored, too."""
    code = "lifetrack.start('stacks', policy='record')\nitem = Resource()\nraise ValueError\n"
    assert "was left by ValueError at <string>:" in " ".join(program(code).stderr.split())


@pytest.mark.parametrize("word", ["exit", "raise"])
@pytest.mark.parametrize("more", [[], ["--error-exitcode", "9"]])
def test_a_run_that_is_ended_by_an_exception(run_python, tmp_path, word, more):
    """``lifetrack run`` knows by which exception the program has ended, also by sys.exit()."""
    path = tmp_path / "app.py"
    path.write_text(
        "import sys, lifetrack\n@lifetrack.tracked\nclass Resource:\n"
        "    def close(self): pass\n    def use(self): pass\n" + PROGRAM_ENDS + "work()\n"
    )
    _, err, _ = run_python("", "run", *more, str(path), word, python_flags=["-m", "lifetrack"])
    name = "SystemExit" if word == "exit" else "ValueError"
    assert f"was left by {name} at" in " ".join(err.split())


# -- it was not --------------------------------------------------------------------------------------------------------


def test_a_release_that_failed(tracker, make_class):
    """Somebody did release it: what failed is the release, and that is what the finding tells."""

    @tracker.tracked
    class Failing(make_class()):
        def close(self):
            raise OSError

    def work():
        item = Failing()
        try:
            fail()
        finally:
            item.close()

    def later():
        keep.append(Failing())
        holder = keep[-1]
        holder.use()
        fail()

    tracker.start("stacks", policy="record", report=False)
    keep = []
    with suppress(OSError), tracker.scope("job"):
        work()
    with suppress(Odd), tracker.scope("job"):
        later()
    for item in keep:
        with suppress(OSError):
            item.close()
    for finding in tracker.find_leaks():
        if finding.rule == "LT105":
            assert finding.left_by is None
            assert "left by" not in finding.message
    assert "LT105" in [finding.rule for finding in tracker.find_leaks()]


def test_what_was_returned_or_stored_before(tracker, resource):
    """The function that acquired has ended as it should; an exception elsewhere, or later, is not its story."""
    keep = []

    def acquire():
        item = resource()
        keep.append(item)
        return item

    def work():
        acquire()
        fail()

    with suppress(Odd), tracker.scope("job"):
        work()
    with suppress(Odd):
        work()
    with suppress(Odd), tracker.scope("block"):
        acquire()
        fail()
    assert left(tracker) == [None, None, None]


def test_a_function_that_was_only_handed_it(tracker, resource):
    """An exception from a function that has not acquired it, handled by the one that has, leaves nothing behind."""

    def work():
        item = resource()
        with suppress(Odd):
            consume(item)
        return item

    with tracker.scope("job"):
        keep = work()
    keep.use()
    assert left(tracker) == [None]


def test_an_exception_that_was_handled_inside(tracker, resource):
    """An exception that the acquiring function has handled itself has not left it, also not for one who asks there."""
    ways = []

    def work():
        item = resource()
        try:
            raise Odd
        except Odd:
            ways.extend(left(tracker))
        return item

    keep = work()
    keep.use()
    assert ways == [None]
    assert left(tracker) == [None]


def test_another_call_of_the_same_function(tracker, resource):
    """The call that acquired has ended well; a later one that is handed the same object is left by an exception."""
    cache = []

    def connect(fails):
        if not cache:
            cache.append(resource())
        item = cache[0]
        item.use()
        if fails:
            raise Odd

    def use():
        connect(True)

    connect(False)
    with suppress(Odd):
        use()
    assert left(tracker) == [None]


def test_what_is_released_after_all_is_no_finding(tracker, resource):
    """An exception leaves the function, and somebody else who has the object releases it."""
    keep = []

    def work():
        item = resource()
        keep.append(item)
        item.use()
        fail()

    with suppress(Odd):
        work()
    keep.pop().close()
    assert left(tracker) == []


def test_the_level_that_knows_no_site(tracker, resource):
    """At level counts nothing is located, so nothing can be said of frames; and nothing is asked."""
    tracker.stop()
    before = in_use()
    tracker.start("counts", policy="record", report=False)
    with suppress(Odd), tracker.scope("job"):
        holds(resource)
    assert left(tracker) == [None]
    assert in_use() == before


# -- it does no harm ---------------------------------------------------------------------------------------------------


def in_use():
    """Give the numbers under which lifetrack listens to the interpreter."""
    monitoring = getattr(sys, "monitoring", None)
    return [number for number in range(6) if monitoring is not None and monitoring.get_tool(number) == "lifetrack"]


class Plain:
    """An object of the program's that nobody tracks."""


@pytest.mark.parametrize("scoped", [False, True])
def test_nothing_is_kept(tracker, resource, scoped):
    """When the exception is handled it is gone, and so is all that its frames held."""
    alive = []

    def work():
        other = Plain()
        alive.append(weakref.ref(other))
        item = resource()
        item.use()
        raise Odd

    def run():
        if scoped:
            with tracker.scope("job"):
                work()
        else:
            work()

    gc.disable()
    try:
        try:
            run()
        except Odd as error:
            alive.append(weakref.ref(error))
        assert [each() for each in alive] == [None, None]
    finally:
        gc.enable()


def test_the_locals_of_a_block_die_in_time(tracker, resource):
    """Looking at what the block's function holds keeps none of it alive."""
    gc.disable()
    try:
        keep = [resource()]
        other = Plain()
        alive = weakref.ref(other)
        with suppress(Odd), tracker.scope("job"):
            keep.append(make(resource))
            raise Odd
        del other
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not TOLD, reason="the interpreter does not tell")
def test_it_is_undone_exactly(tracker):
    """While tracking is on the interpreter is listened to once, whatever the number of trackers; then not at all."""
    from lifetrack.tracker import Tracker

    before = in_use()  # the tests themselves may be tracked
    other = Tracker()
    tracker.start("sites", policy="record", report=False)
    (number,) = in_use()
    assert sys.monitoring.get_events(number) == sys.monitoring.events.PY_UNWIND
    other.start("sites", policy="record", report=False)
    tracker.start("full", policy="record", report=False)
    assert in_use() == [number]
    tracker.stop()
    assert in_use() == [number]
    assert sys.monitoring.get_events(number) == sys.monitoring.events.PY_UNWIND
    other.stop()
    assert in_use() == before
    if not before:
        sys.monitoring.use_tool_id(number, "somebody else")
        try:
            assert sys.monitoring.get_events(number) == 0
            assert sys.monitoring.register_callback(number, sys.monitoring.events.PY_UNWIND, None) is None
        finally:
            sys.monitoring.free_tool_id(number)


@pytest.mark.skipif(not TOLD, reason="the interpreter does not tell")
def test_other_tools_have_all_the_numbers(tracker, make_class):
    """Where no number is free, it goes without; what tracebacks show is known all the same."""
    taken = []
    for number in range(6):
        with suppress(ValueError):
            sys.monitoring.use_tool_id(number, "another tool")
            taken.append(number)
    try:
        cls = tracker.tracked(make_class())
        tracker.start("stacks", policy="record", report=False)
        with suppress(Odd), tracker.scope("job"):
            holds(cls)
        assert left(tracker) == [("Odd", "raise Odd  # while it holds")]
        tracker.stop()
        assert [sys.monitoring.get_tool(number) for number in taken] == ["another tool"] * len(taken)
    finally:
        for number in taken:
            sys.monitoring.free_tool_id(number)


def test_the_programs_exceptions_are_what_they_were(tracker, resource):
    """Type, text, traceback and chain of an exception are the same with tracking and without."""

    def told():
        try:
            try:
                was_given(resource)
            finally:
                len("")
        except Odd as error:
            traceback, names = error.__traceback__, []
            while traceback is not None:
                names.append((traceback.tb_frame.f_code.co_name, traceback.tb_lineno))
                traceback = traceback.tb_next
            return names, error.__context__, error.__cause__, getattr(error, "__notes__", None)

    tracked = told()
    tracker.stop()
    assert tracked == told()


def test_many_frames_and_many_exceptions(tracker, resource):
    """A deep recursion that fails, with a resource at its bottom and one at its top."""

    def deep(level):
        if level == 0:
            item = resource()
            item.use()
            raise Odd  # at the bottom
        deep(level - 1)

    def top():
        item = resource()
        item.use()
        deep(200)  # from the top

    with suppress(Odd):
        top()
    found = sorted(way for way in left(tracker) if way is not None)
    assert found == ([("Odd", "deep(200)  # from the top"), ("Odd", "raise Odd  # at the bottom")] if TOLD else [])
