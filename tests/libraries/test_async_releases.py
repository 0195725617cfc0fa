"""Release methods that are coroutine functions, and objects at work: on a made-up library."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from lifetrack.watchers import libraries
from lifetrack.watching import resource

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

_SOURCE = '''
import asyncio
import socket

class Wire:
    def connect(self):
        self.sock, self.other = socket.socketpair()
    def close(self):
        self.sock.close()
        self.other.close()

class Pool:
    def __init__(self):
        self.wires = []
    def send(self):
        wire = Wire()
        wire.connect()
        self.wires.append(wire)
    def close(self):
        while self.wires:
            self.wires.pop().close()

class Client:
    closed = False
    def __init__(self):
        self.pool = Pool()
    def send(self):
        return self.pool.send()
    async def aclose(self, wait: float = 0) -> str:
        """Close it."""
        self.closed = True
        await asyncio.sleep(wait)
        self.pool.close()
        return "closed"
    def plain(self):
        return self.aclose()

async def make():
    await asyncio.sleep(0)
    return Client()
'''
_ROWS = (
    resource("parlour:Client", release=("aclose", "plain"), released_when=lambda client: client.closed,
             works=("__init__", "send")),
    resource("parlour:Pool", release="close", works="send", within=True),
    resource("parlour:Wire", release=(), keeps="connect"),
)  # fmt: skip


@pytest.fixture
def parlour(monkeypatch: pytest.MonkeyPatch, tracker: Tracker) -> Iterator[Any]:
    """A library, watched together with sockets."""
    module: Any = ModuleType("parlour")
    exec(compile(_SOURCE, "/nowhere/site-packages/parlour.py", "exec", dont_inherit=True), module.__dict__)
    monkeypatch.setitem(sys.modules, "parlour", module)
    monkeypatch.setattr("lifetrack.watchers.third_party._loaded", {})
    monkeypatch.setattr("lifetrack.watchers.third_party.has", lambda name: name == "parlour")
    monkeypatch.setattr("lifetrack.watchers.third_party.rows_of", lambda name: _ROWS)
    gc.collect()
    tracker.start(policy="record", watch="parlour,socket", report=False)
    return module


def test_a_release_is_complete_when_its_coroutine_is(parlour: Any, tracker: Tracker) -> None:
    """A client whose close was awaited is released; nothing is reported of it or of what it had opened."""

    async def use() -> str:
        client = parlour.Client()
        client.send()
        return str(await client.aclose())

    assert asyncio.run(use()) == "closed"
    assert tracker.find_leaks() == []


def test_a_coroutine_that_is_not_awaited_releases_nothing(parlour: Any, tracker: Tracker) -> None:
    """Calling the release method does nothing by itself."""
    client = parlour.Client()
    with pytest.warns(RuntimeWarning, match="never awaited"):
        client.aclose()
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.resource.type) == ("LT101", "parlour.Client")


def test_a_cancelled_release_is_half_a_release(parlour: Any, tracker: Tracker) -> None:
    """It is LT105, though the object says that it is closed, and with it what the object had opened."""

    async def use(client: Any) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.aclose(10), 0.01)

    client = parlour.Client()
    client.send()
    asyncio.run(use(client))
    (finding,) = tracker.find_leaks()
    assert (finding.rule, finding.resource.type) == ("LT105", "parlour.Client")
    below = [child.resource.type for child in finding.children]
    assert below
    asyncio.run(client.aclose())
    assert tracker.find_leaks() == []


def test_a_plain_method_that_gives_a_coroutine_releases_when_that_is_done(parlour: Any, tracker: Tracker) -> None:
    """Not the call counts but the end of what it returned."""
    client = parlour.Client()
    release = client.plain()
    assert [finding.resource.type for finding in tracker.find_leaks()] == ["parlour.Client"]
    asyncio.run(release)
    assert tracker.find_leaks() == []


def test_methods_stay_what_they_were(parlour: Any, tracker: Tracker) -> None:
    """A coroutine function stays one, with its signature and docstring; undo gives the very functions back."""
    assert inspect.iscoroutinefunction(parlour.Client.aclose)
    assert str(inspect.signature(parlour.Client.aclose)) == "(self, wait: float = 0) -> str"
    assert parlour.Client.aclose.__doc__ == "Close it."
    watched = dict(vars(parlour.Client))
    tracker.stop()
    assert watched != dict(vars(parlour.Client))
    assert not hasattr(parlour.Client.aclose, "__wrapped__")
    assert not hasattr(parlour.Wire.connect, "__wrapped__")


def test_what_a_client_opens_is_told_below_it(parlour: Any, tracker: Tracker) -> None:
    """A client with an open socket is one finding, however many layers lie between them."""
    client = parlour.Client()
    client.send()
    (finding,) = tracker.find_leaks()
    assert finding.resource.type == "parlour.Client"
    client.pool.close()


def test_what_a_lasting_client_opens_is_no_leak_of_a_scope(parlour: Any, tracker: Tracker) -> None:
    """The connection that a client keeps belongs to the client, not to the scope that used it."""
    client = parlour.Client()
    with tracker.scope("use"):
        client.send()
    assert "LT103" not in {finding.rule for finding in tracker.find_leaks()}
    asyncio.run(client.aclose())
    assert tracker.find_leaks() == []


def test_names_of_families_are_those_of_their_rows() -> None:
    """What can be asked for is what the rows say."""
    for family, names in libraries.FAMILIES.items():
        rows = [row for name in names for row in libraries.rows_of(name)]
        assert {name for row in rows for name in row.watch} == set(names), family
