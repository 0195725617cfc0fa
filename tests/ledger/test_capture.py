"""Captured stacks are those of ``traceback``, whatever is called by whom."""

from __future__ import annotations

import asyncio
import functools
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifetrack.ledger.capture import capture_error, capture_far, locate, make_capture, render, site_in, unpack
from lifetrack.ledger.territory import FILES, INSTALLED, OURS, STDLIB, USER, classify
from lifetrack.watchers.finalizers import in_finalizer
from tests.ledger.trees import Runner, expected, nodes

LIMITS = range(1, 41)
CAPTURES = {limit: make_capture(limit) for limit in LIMITS}


@pytest.fixture(autouse=True)
def untraced():
    """Take away a trace function that measures coverage: with one set the walk shares nothing."""
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)


def seen(frame, limit, capture=None):
    """Give the stack as lifetrack sees it, in the form of ``traceback``."""
    stack = render(unpack((capture or CAPTURES[limit])(frame), None))
    return [(site.file, site.line, site.function.rpartition(".")[2]) for site in stack]


def deep(depth, then):
    """Call ``then`` below a number of frames."""
    return then() if depth == 0 else deep(depth - 1, then)


@pytest.mark.parametrize("limit", LIMITS)
def test_a_stack_is_as_long_as_it_may_be(limit):
    """For every limit the stack is exactly what ``traceback`` gives for it, the first time and from a note."""

    def look():
        frame = sys._getframe(1)
        check(frame, limit)
        check(frame, limit)
        return seen(frame, limit)

    names = [name for _, _, name in deep(45, look)]
    assert names == ["deep"] * limit


def check(frame, limit):
    """Compare both at the same instruction; the frame is the caller's, which stands still."""
    assert seen(frame, limit) == expected(frame, limit)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 8, 16, 40])
def test_a_shallow_stack_is_whole(limit):
    """In a thread of its own, where there are fewer frames than the limit, all are there."""
    with_thread = Runner(lambda frame: check(frame, limit))
    with_thread.run(("thread", ["look", ("thread", ["look", ("recursive", ["look", "look"])])]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nodes, st.sampled_from([1, 2, 3, 5, 16, 40]))
def test_stacks_of_random_programs_are_exact(node, limit):
    """Calls, recursion, generators, coroutines and threads in any order: a note never gives a wrong tail."""
    Runner(lambda frame: check(frame, limit)).run(node)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nodes, st.lists(st.integers(1, 40), min_size=2, max_size=4))
def test_trackers_with_other_limits_do_not_share_tails(node, limits):
    """Several limits at work in the same frames each give a stack of their own length."""

    def look(frame):
        for limit in limits:
            check(frame, limit)

    Runner(look).run(node)


def test_limits_keep_apart_in_one_frame():
    """A short tail left on a frame by one tracker is not taken by another that wants a longer one."""

    def look():
        frame = sys._getframe(1)
        return [len(seen(frame, limit)) for limit in (4, 16, 4, 40, 3, 16)]

    assert deep(45, look) == [4, 16, 4, 40, 3, 16]


def test_tasks_that_take_turns_keep_their_stacks():
    """Coroutines resumed by the event loop in turn are captured as ``traceback`` sees them."""

    def look():
        check(sys._getframe(), 16)
        check(sys._getframe(1), 16)

    async def work(depth):
        look()
        await asyncio.sleep(0)
        if depth:
            await work(depth - 1)
        look()

    async def main():
        await asyncio.gather(*(work(depth) for depth in range(4)))
        await asyncio.to_thread(look)

    asyncio.run(main())


# -- the site -------------------------------------------------------------------------------------------------------


def through_the_library(depth, then):
    """Call ``then`` below a number of frames of the standard library."""
    call = then
    for _ in range(depth):
        call = functools.partial(STDLIB_CALL, call)
    return call()


def _library_caller():
    namespace = {}
    filename = f"{asyncio.__file__.rpartition('/')[0]}/made_up.py"
    exec(compile("def call(then):\n    return then()\n", filename, "exec"), namespace)
    return namespace["call"]


STDLIB_CALL = _library_caller()


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 16])
def test_the_users_site_is_found_beyond_the_limit(limit):
    """However deep in the standard library, the nearest frame of the user's is in the stack and is the site."""
    trace = through_the_library(30, _capturing_caller(limit))
    stack = unpack(trace, None)
    assert len(stack) == limit + 1
    assert site_in(stack).function.endswith("through_the_library")
    assert [FILES[code.co_filename] for code, _ in stack] == [STDLIB] * limit + [USER]


def _capturing_caller(limit):
    namespace = {"capture": CAPTURES[limit], "sys": sys}
    source = "def inner():\n    return capture(sys._getframe())\n"
    exec(compile(source, STDLIB_CALL.__code__.co_filename, "exec"), namespace)
    return namespace["inner"]


@pytest.mark.parametrize("limit", [7, 8, 16, 24])
@pytest.mark.parametrize("between", [0, 1, 3, 4, 6])
def test_below_a_few_library_frames_the_rest_is_shared(between, limit):
    """An event inside a library has the library's frames and then the user's, never more than there may be."""

    def look():
        return [unpack(through_the_library(between, _capturing_caller(limit)), None) for _ in range(3)]

    for stack in deep(30, look):
        ours = [code.co_name for code, _ in stack if FILES[code.co_filename] == USER]
        assert limit - 4 <= len(stack) <= max(limit, between + 2)
        assert [FILES[code.co_filename] for code, _ in stack[: between + 1]] == [STDLIB] * (between + 1)
        assert ours[0] == "through_the_library"


@pytest.mark.parametrize("limit", [7, 8, 16, 24])
@pytest.mark.parametrize("between", [5, 6, 9, 14, 22, 30])
def test_below_many_library_frames_the_stack_is_exact(between, limit):
    """However many frames of libraries there are, the stack is that of ``traceback``, and then the user's frame."""

    def look():
        return [through_the_library(between, _calling_from_the_library(both)) for _ in range(3)]

    def both(frame):
        return seen(frame, limit), expected(frame, max(limit, between + 2))

    for stack, whole in deep(30, look):
        assert stack == (whole if between + 2 <= limit else [*whole[:limit], whole[-1]])


def _calling_from_the_library(call):
    namespace = {"call": call, "sys": sys}
    exec(
        compile("def inner():\n    return call(sys._getframe())\n", STDLIB_CALL.__code__.co_filename, "exec"), namespace
    )
    return namespace["inner"]


def test_one_frame_is_the_users():
    """At level sites the innermost frame of the user's is the site, through any number of library frames."""
    namespace = {"locate": locate, "sys": sys}
    source = "def inner():\n    return locate(sys._getframe())\n"
    exec(compile(source, STDLIB_CALL.__code__.co_filename, "exec"), namespace)
    code, _ = through_the_library(5, namespace["inner"])
    assert code is through_the_library.__code__


def test_without_a_frame_of_the_users_the_innermost_is_the_site():
    """A thread that never enters the user's code has the innermost frame that is not lifetrack's as its site."""
    import threading

    found = []
    namespace = {"locate": locate, "sys": sys, "found": found, "far": capture_far}
    source = "def inner():\n    found.append((locate(sys._getframe()), far(sys._getframe(), 16)))\n"
    exec(compile(source, STDLIB_CALL.__code__.co_filename, "exec"), namespace)
    thread = threading.Thread(target=namespace["inner"])
    thread.start()
    thread.join()
    (code, _), trace = found[0]
    assert code is namespace["inner"].__code__
    assert site_in(unpack(trace, None)).function == "inner"
    assert locate(None) is None
    assert site_in(()) is None


def test_what_has_called_a_test_is_in_no_stack():
    """A walk up the callers ends where pytest calls a test, also if a user's function is beyond, as ``main()`` is."""
    namespace = {"look": lambda: seen_from(sys._getframe(1))}
    held = []

    def seen_from(frame):
        whole = [code.co_name for code, _ in unpack(capture_far(frame, 16), None)]
        return whole, locate(frame)[0].co_name, in_finalizer(frame, [None] * 11, held)

    inner = "def of_a_library():\n    return look()\n"
    exec(compile(inner, "/usr/lib/python3/dist-packages/some.py", "exec"), namespace)
    found = {}
    for file in (pytest.__file__.replace("pytest/__init__", "_pytest/runner"), "/usr/lib/python3/dist-packages/x.py"):
        exec(compile("def call():\n    return of_a_library()\n", file, "exec"), namespace)
        stack, *found[file] = _Ending(namespace["call"], held).__del__()
        found[file].append(stack[:3])
    assert list(found.values()) == [
        ["of_a_library", False, ["of_a_library"]], ["__del__", True, ["of_a_library", "call", "__del__"]]
    ]  # fmt: skip


class _Ending:
    def __init__(self, call, held):
        self._call = call
        self._held = held

    def __del__(self):
        return self._call()


def test_frames_of_ours_are_left_out_and_cost_no_room():
    """Lifetrack's own frames between those of the program do not stand in a stack."""
    namespace = {}
    exec(compile("def call(then):\n    return then()\n", "<lifetrack test>", "exec"), namespace)

    def look():
        return unpack(CAPTURES[5](sys._getframe()), None)

    def above():
        return namespace["call"](look)

    stack = above()
    assert [code.co_name for code, _ in stack][:2] == ["look", "above"]


def test_an_exception_is_captured_from_where_it_came():
    """The stack of an error begins at the line that raised, and goes on through the frames it left."""

    def innermost():
        raise ValueError

    def middle():
        innermost()

    def outer(limit):
        try:
            middle()
        except ValueError as error:
            return unpack(capture_error(error, sys._getframe(), limit), None)

    assert [code.co_name for code, _ in outer(16)][:4] == ["innermost", "middle", "outer", "outer"]
    assert [code.co_name for code, _ in outer(2)][:2] == ["innermost", "middle"]
    assert len(outer(2)) <= 3


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        (__file__, USER),
        ("<stdin>", USER),
        ("<string>", USER),
        ("script.py", USER),
        ("", USER),
        (asyncio.__file__, STDLIB),
        ("<frozen importlib._bootstrap>", STDLIB),
        (f"{asyncio.__file__.rpartition('/asyncio')[0]}/site-packages/x/y.py", INSTALLED),
        ("/usr/lib/python3/dist-packages/x.py", INSTALLED),
        ("C:\\Python\\Lib\\site-packages\\x.py", INSTALLED),
        ("/home/me/my-site-packages/x.py", USER),
        (make_capture.__code__.co_filename, OURS),
        ("<lifetrack acquire>", OURS),
        ("/home/me/lifetrack/x.py", USER),
    ],
)
def test_files_are_told_apart(name, whose):
    """A file is the user's own, an installed package's, the standard library's or lifetrack's."""
    assert classify(name) == whose
    assert FILES[name] == whose
