"""What a capture leaves on frames: nothing that lives on, nothing that a debugger or tracer would notice."""

from __future__ import annotations

import bdb
import gc
import sys
import weakref

import pytest

from lifetrack.ledger.capture import make_capture

CAPTURES = {limit: make_capture(limit) for limit in (1, 2, 3, 16)}


@pytest.fixture(autouse=True)
def untraced():
    """Take away a trace function that measures coverage: with one set the walk shares nothing."""
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)


def test_a_note_keeps_no_frame_and_no_object():
    """What a frame held is gone with it, at once, though it was captured and a note was left."""

    class Thing:
        pass

    traces = []

    def work():
        thing = Thing()
        leave(sys._getframe())
        return weakref.ref(thing)

    def leave(frame):
        traces.append(CAPTURES[16](frame))
        traces.append(CAPTURES[16](sys._getframe()))

    gc.disable()
    try:
        assert work()() is None
    finally:
        gc.enable()
    assert traces


def test_traces_hold_code_and_numbers_only():
    """A trace refers to code objects and numbers, so that it cannot keep anything of the program's alive."""

    def flat(trace):
        for item in trace:
            if isinstance(item, tuple):
                yield from flat(item)
            else:
                yield type(item).__name__

    kinds = {name for limit in (1, 2, 3, 16) for name in flat(CAPTURES[limit](sys._getframe()))}
    assert kinds <= {"code", "int", "NoneType"}


def test_a_note_looks_like_no_trace_function_to_a_debugger():
    """A debugger that asks whether a frame is traced yet is told no, and steps into it as ever."""

    def look():
        CAPTURES[16](sys._getframe(0))

    look()
    assert not sys._getframe().f_trace


class Stepper(bdb.Bdb):
    """A debugger that steps through everything in this file and notes the lines."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def user_line(self, frame):
        if frame.f_code.co_filename == __file__:
            self.lines.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
        self.set_step()

    def user_return(self, frame, return_value):
        self.set_step()


def stepped(capture):
    """Step out of a function whose caller was captured, and give the lines where the debugger stopped."""
    debugger = Stepper()

    def inner():
        capture(sys._getframe(0))
        debugger.reset()
        debugger.botframe = sys._getframe(2)
        debugger.set_step()
        sys.settrace(debugger.trace_dispatch)
        sys._getframe().f_trace = debugger.trace_dispatch
        return 1

    def outer():
        one = inner()
        two = one + 1
        sys.settrace(None)
        return two

    outer()
    return debugger.lines


def test_a_debugger_steps_as_without():
    """A debugger started after a capture stops at the same lines as without it."""
    without = stepped(lambda frame: None)
    assert len([name for name, _ in without if name == "outer"]) >= 2
    assert stepped(CAPTURES[16]) == without


def test_no_note_is_left_while_a_trace_function_is_set():
    """While the program is being traced its frames are left alone."""
    events = []

    def tracer(frame, event, arg):
        events.append(event)
        return tracer

    def look():
        CAPTURES[16](sys._getframe())
        return sys._getframe(1).f_trace

    sys.settrace(tracer)
    try:
        before = look()
    finally:
        sys.settrace(None)
    assert before is None
    assert "line" in events


def test_a_trace_function_set_later_sees_what_it_would_have_seen():
    """The events of functions called under a tracer are the same, whether frames below carry notes or not."""

    def traced_events(capture):
        events = []

        def tracer(frame, event, arg):
            if frame.f_code.co_filename == __file__:
                events.append((frame.f_code.co_name, event, frame.f_lineno))
            return tracer

        def work(n):
            return n + 1

        def run():
            capture(sys._getframe(0))
            capture(sys._getframe(1))
            sys.settrace(tracer)
            work(1)
            work(2)
            sys.settrace(None)

        run()
        return events

    without = traced_events(lambda frame: None)
    assert [event for _, event, _ in without].count("return") >= 2
    assert traced_events(CAPTURES[16]) == without
