"""Sinks: logging with structured fields, functions, what fails is dropped once, and nothing runs under a lock."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from asyncio import CancelledError

import pytest

from lifetrack.service.events import FINDING, ServiceEvent
from lifetrack.service.service import THREAD
from lifetrack.tracker import Tracker
from lifetrack.values.errors import ConfigurationError
from tests.service.conftest import session_class, until


def _records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "lifetrack"]


def test_findings_are_logged_with_fields(tracker: Tracker, caplog: pytest.LogCaptureFixture) -> None:
    """The record has the rule, the type, the place and the count as attributes, and the sentence as its message."""
    caplog.set_level(logging.INFO, "lifetrack")
    tracker.start("sites", policy="record", report=False, sinks="logging", check_every=0.01)
    cls = session_class(tracker)
    for _ in range(5):
        cls()
    gc.collect()
    assert until(lambda: sum(getattr(record, "lifetrack_count", 0) for record in _records(caplog)) == 5)
    record = _records(caplog)[0]
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("LT102 leak-collected: app.Session acquired at ")
    fields = {name: value for name, value in record.__dict__.items() if name.startswith("lifetrack_")}
    assert (fields["lifetrack_rule"], fields["lifetrack_type"]) == ("LT102", "app.Session")
    assert (fields["lifetrack_file"], fields["lifetrack_pid"]) == (__file__, os.getpid())
    assert len(fields["lifetrack_fingerprint"]) == 16


def test_what_happens_at_the_end_is_told_too(tracker: Tracker, caplog: pytest.LogCaptureFixture) -> None:
    """Leaks at exit reach the sinks before they are closed; misuses do as soon as they happen."""
    caplog.set_level(logging.INFO, "lifetrack")
    tracker.start("sites", policy="record", report=False, sinks=["logging"])
    kept, used = (session_class(tracker) for _ in range(2))
    held = kept()
    gone = used()
    gone.close()
    gone.close()
    tracker.final_report()
    tracker.stop()
    assert [record.__dict__["lifetrack_rule"] for record in _records(caplog)] == ["LT202", "LT101"]
    assert held is not None


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt, CancelledError])
def test_a_sink_that_fails_is_dropped_and_told_of_once(
    tracker: Tracker, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    """The other sinks go on, and so does the program, also where the sink meant to end its thread."""
    heard: list[ServiceEvent] = []

    def broken(event: ServiceEvent) -> None:
        raise error("the secret of the user")

    tracker.start("sites", policy="record", report=False, sinks=[broken, heard.append], check_every=0.01)
    cls = session_class(tracker)
    for number in range(3):
        gone = cls()
        gone.close()
        gone.close()
        assert until(lambda number=number: sum(e.count for e in heard if e.event == FINDING) == number + 1)
    said = [record.getMessage() for record in _records(caplog)]
    assert len(said) == 1
    assert f"broken' failed ({error.__name__} at " in said[0]
    assert "secret" not in caplog.text


def test_ctrl_c_is_the_programs_while_its_own_thread_tells_a_sink(tracker: Tracker) -> None:
    """What is told at the end is told in the main thread, and who interrupts it there is heard."""
    calls: list[ServiceEvent] = []

    def interrupted(event: ServiceEvent) -> None:
        calls.append(event)
        raise KeyboardInterrupt

    tracker.start("sites", policy="record", report=False, sinks=interrupted, check_every=3600)
    kept = session_class(tracker)()
    with pytest.raises(KeyboardInterrupt):
        tracker.final_report()
    assert len(calls) == 1
    kept.close()


def test_a_leak_of_thousands_is_a_few_events(tracker: Tracker) -> None:
    """Events are put together by rule and place; no number is lost by that."""
    heard: list[ServiceEvent] = []
    tracker.start("sites", policy="record", report=False, sinks=heard.append, check_every=3600)
    cls = session_class(tracker)
    for _ in range(3000):
        cls()
    tracker.final_report()
    assert sum(event.count for event in heard) == 3000
    assert len(heard) <= 3


def test_a_sink_may_use_lifetrack_and_what_it_tracks(tracker: Tracker) -> None:
    """A sink is called outside of every lock: it may ask, acquire, release, and let other threads do so."""
    done: list[int] = []
    cls = session_class(tracker)

    def curious(event: ServiceEvent) -> None:
        def ask() -> None:
            with tracker.scope("from a sink"):
                session = cls()
                session.close()
            done.append(len(tracker.report().findings))

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(5)
        ask()

    tracker.start("sites", policy="record", report=False, sinks=curious, check_every=0.01)
    gone = cls()
    gone.close()
    gone.close()
    assert until(lambda: len(done) >= 2)
    assert threading.current_thread().name != THREAD


def test_a_finalizer_that_asks_in_the_middle_of_a_look(tracker: Tracker) -> None:
    """The collector may run anywhere, also while limits are judged; what it calls never waits."""
    tracker.start("sites", policy="record", report=False, held_limits={"*": 60.0}, check_every=0.01)
    cls, asked = session_class(tracker), []

    class Curious:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            asked.append(len(tracker.report().types))

    before = gc.get_threshold()
    gc.set_threshold(5)
    try:
        end = time.monotonic() + 0.3
        held = []
        while time.monotonic() < end:
            held.append(cls())
            Curious()
        gc.collect()
    finally:
        gc.set_threshold(*before)
    assert asked
    for each in held:
        each.close()


def test_sinks_change_and_end(tracker: Tracker) -> None:
    """A later ``start()`` replaces them; what is not said stays; the thread ends with tracking."""
    first: list[ServiceEvent] = []
    second: list[ServiceEvent] = []
    tracker.start("sites", policy="record", report=False, sinks=first.append, check_every=0.01)
    tracker.start("stacks", policy="record", report=False)
    cls = session_class(tracker)

    def misuse() -> None:
        gone = cls()
        gone.close()
        gone.close()

    misuse()
    assert until(lambda: first)
    tracker.start("sites", policy="record", report=False, sinks=[second.append])
    misuse()
    assert until(lambda: second)
    assert len(first) == 1
    tracker.stop()
    assert not any(thread.name == THREAD for thread in threading.enumerate())


def test_no_thread_unless_there_is_something_to_do(tracker: Tracker) -> None:
    """Plain tracking has no service at all; one that only waits for a signal has no thread."""
    tracker.start("sites", report=False)
    assert tracker.service is None
    tracker.start("sites", report=False, dump_signal="SIGINT")
    assert not any(thread.name == THREAD for thread in threading.enumerate())


def test_its_own_thread_is_nobodys_leak(tracker: Tracker) -> None:
    """Under a tracker that watches threads, that of the service is neither listed nor counted."""
    tracker.start("stacks", policy="record", report=False, watch="threading", held_limits={"*": 60})
    assert any(thread.name == THREAD for thread in threading.enumerate())
    assert tracker.find_leaks() == []
    assert tracker.final_report().totals.acquired == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_begins_without_and_may_start_again(tracker: Tracker) -> None:
    """The thread and the sinks are the parent's; a child that calls ``start()`` has a thread of its own."""
    tracker.start("sites", policy="record", report=False, held_limits={"app.Session": 0.02}, check_every=0.01)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            alone = not any(thread.name == THREAD and thread.is_alive() for thread in threading.enumerate())
            tracker.start("sites", policy="record", report=False)
            held = session_class(tracker)()
            found = until(lambda: "LT108" in {finding.rule for finding in tracker.report().findings}, 5)
            again = any(thread.name == THREAD for thread in threading.enumerate())
            status = 0 if alone and found and again and held is not None else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    "wrong", ["nonsense", "logging:x", "otel:localhost", "prometheus:x", "prometheus:99999", 3, [4], ["logging", None]]
)
def test_unknown_sinks_are_one_clear_error(tracker: Tracker, wrong: object) -> None:
    """They are refused before anything has begun."""
    with pytest.raises(ConfigurationError, match="sinks=: "):
        tracker.start("sites", sinks=wrong)
    assert not tracker.is_tracking()


def test_trouble_is_logged_once_with_its_fields(tracker: Tracker, caplog: pytest.LogCaptureFixture) -> None:
    """Beside the sink ``logging``, too, one record tells of it, and formatters find the event."""

    def failing(event: ServiceEvent) -> None:
        raise RuntimeError

    caplog.set_level(logging.INFO, "lifetrack")
    made = tracker.tracked(type("Conn", (), {"close": lambda self: None}))
    tracker.start("sites", policy="record", report=False, sinks=["logging", failing], check_every=0.02)
    conn = made()
    conn.close()
    conn.close()
    assert until(lambda: any("RuntimeError" in record.getMessage() for record in _records(caplog)))
    tracker.stop()
    (told,) = [record for record in _records(caplog) if "RuntimeError" in record.getMessage()]
    assert (told.__dict__["lifetrack_event"], told.levelname) == ("trouble", "ERROR")
