"""The mechanism for pools, on a made-up library: whatever a table says of a pool holds for it."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.watchers.rows import CLASSES, POOLS, Lending, Row, check_out, declare, is_true

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

_SOURCE = '''
import socket

class Wire:
    """What the pool keeps and lends."""
    def __init__(self):
        self.ends = socket.socketpair()
        self.closed = False
    def close(self):
        self.closed = True
        for end in self.ends:
            end.close()

class Pool:
    def __init__(self, size: int = 5, *, name: str = "pool"):
        self.size, self.name, self.idle = size, name, []
    def take(self, timeout: float | None = None) -> Wire:
        """Hand one out."""
        return self.idle.pop() if self.idle else Wire()
    def give(self, wire: Wire, broken: bool = False) -> str:
        """Take one back."""
        if broken:
            raise ValueError("no")
        self.idle.append(wire)
        return "thanks"
    async def atake(self):
        return self.take()
    def close(self):
        while self.idle:
            self.idle.pop().close()
'''
_HINT = "give it back"
ROWS = (
    Row(
        ("made_up",), "made_up", "Wire", CLASSES, declare("close", released_when=is_true("closed")), usual=False,
        parts=lambda wire: wire.ends,
    ),
    Row(("made_up",), "made_up", "Pool", CLASSES, declare("close", hollow=True), usual=False),
    Row(
        ("made_up",), "made_up", "Pool", POOLS, check_out("take", "give", hint=_HINT), usual=False,
        lending=Lending(strict=True),
    ),
)  # fmt: skip
# What is lost here is closed by the collector, which the interpreter remarks on.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
LOAN, POOL = "made_up Pool check-out", "made_up.Pool"


@pytest.fixture
def made_up(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The library, watched."""
    module: Any = ModuleType("made_up")
    exec(compile(_SOURCE, "/site-packages/made_up.py", "exec", dont_inherit=True), module.__dict__)
    monkeypatch.setitem(sys.modules, "made_up", module)
    monkeypatch.setattr("lifetrack.watchers.third_party.has", lambda name: name == "made_up")
    monkeypatch.setattr("lifetrack.watchers.third_party.rows_of", lambda name: ROWS if name == "made_up" else ())
    gc.collect()
    before = {name: dict(vars(getattr(module, name))) for name in ("Pool", "Wire")}
    tracker.start("stacks", policy="record", watch="stdlib,made_up", report=False)
    yield module
    tracker.stop()
    for name, attributes in before.items():
        assert dict(vars(getattr(module, name))) == attributes, "the undo left something behind"


def test_a_slot_that_is_lost(made_up: Any, tracker: Tracker, told: Any) -> None:
    """The line of the check-out, its name, its hint; below it what was lent, with what that has open."""
    pool = made_up.Pool()
    lost = pool.take()  # lost
    (loan,) = [each for each in tracker.find_leaks() if each.resource.type == LOAN]
    assert told([loan]) == [("LT101", LOAN, "lost")]
    assert _HINT in loan.message
    (wire,) = loan.children
    assert wire.resource.type == "made_up.Wire"
    assert {child.resource.type for child in wire.children} == {"socket.socket"}
    pool.give(lost)
    pool.close()
    assert tracker.find_leaks() == []


def test_a_loan_collected(made_up: Any, tracker: Tracker, told: Any) -> None:
    """What is collected while it is out can never come back."""
    made_up.Pool().take()  # dropped
    gc.collect()
    assert ("LT102", LOAN, "dropped") in told(tracker.find_leaks())


def test_a_pool_that_leaks(made_up: Any, tracker: Tracker, told: Any) -> None:
    """A pool with ten idle connections is one finding; empty it is none."""
    empty = made_up.Pool()
    pool = made_up.Pool()  # pool
    for wire in [pool.take() for _ in range(10)]:
        pool.give(wire)
    assert told(tracker.find_leaks()) == [("LT101", POOL, "pool")]
    pool.close()
    assert tracker.find_leaks() == []
    pool.give(pool.take())
    assert told(tracker.find_leaks()) == [("LT101", POOL, "pool")], "it may be used again"
    pool.close()
    assert tracker.find_leaks() == []
    del empty


def test_what_a_pool_keeps_belongs_where_it_does(made_up: Any, tracker: Tracker) -> None:
    """A scope that was the first to need a connection does not answer for what the pool keeps of it."""
    pool = made_up.Pool()
    with tracker.scope("request") as scope:
        pool.give(pool.take())
    assert tracker.find_leaks(scope=scope) == []
    pool.close()


def test_two_check_ins(made_up: Any, tracker: Tracker, told: Any) -> None:
    """The second is LT202; after it was taken again, giving it back is right."""
    pool = made_up.Pool()
    wire = pool.take()  # taken
    for _ in range(2):
        assert pool.give(wire) == "thanks"
    assert told(tracker.report().findings)[-1] == ("LT202", LOAN, "taken")
    pool.idle.pop()
    pool.give(pool.take())
    pool.close()
    assert [each.rule for each in tracker.report().findings] == ["LT202"]


def test_another_pool(made_up: Any, tracker: Tracker, told: Any) -> None:
    """Given to another pool it is LT206, and its own pool goes on missing it."""
    one, other = made_up.Pool(), made_up.Pool()
    wire = one.take()  # taken
    other.give(wire)
    found = told(tracker.report().findings)
    assert ("LT206", LOAN, "taken") in found
    assert ("LT101", LOAN, "taken") in found


def test_the_order(made_up: Any, tracker: Tracker, told: Any) -> None:
    """A pool that is closed while something is out: LT303, with the check-out's line in its story."""
    pool = made_up.Pool()  # pool
    wire = pool.take()
    pool.close()
    (finding,) = [each for each in tracker.report().findings if each.rule == "LT303"]
    assert told([finding]) == [("LT303", POOL, "pool")]
    assert LOAN in finding.message
    pool.give(wire)
    wire.close()
    assert tracker.find_leaks() == []


def test_a_check_in_that_fails(made_up: Any, tracker: Tracker, told: Any) -> None:
    """What the pool did not take back is still out."""
    pool = made_up.Pool()
    wire = pool.take()  # taken
    with pytest.raises(ValueError, match="no"):
        pool.give(wire, broken=True)
    assert ("LT101", LOAN, "taken") in told(tracker.find_leaks())
    pool.give(wire)
    pool.close()
    assert tracker.find_leaks() == []


def test_what_was_there_before(made_up: Any, tracker: Tracker) -> None:
    """The connections of a pool that was made before tracking began are its own business."""
    tracker.stop()
    pool = made_up.Pool()
    tracker.start("stacks", policy="record", watch="stdlib,made_up", report=False)
    with tracker.scope("request") as scope:
        pool.give(pool.take())
    assert tracker.find_leaks(scope=scope) == []
    assert tracker.find_leaks() == []
    pool.close()


def test_nothing_to_be_seen(made_up: Any) -> None:
    """Signatures, kinds of functions and parameters in the code are what they were."""
    assert str(inspect.signature(made_up.Pool.take)) == "(self, timeout: float | None = None) -> made_up.Wire"
    assert made_up.Pool.__init__.__code__.co_varnames[:3] == ("self", "size", "name")
    assert made_up.Pool.__init__.__code__.co_argcount == 2
    assert made_up.Pool.give.__doc__ == "Take one back."
    assert inspect.iscoroutinefunction(made_up.Pool.atake)
    assert asyncio.run(made_up.Pool().atake()).close() is None
