"""How an author of plugins tests them, with pytest: `pytest examples/testing`; no flag is needed.

The same works in any test runner: `check_protocol` and `assert_no_leaks` are plain functions.
"""

from __future__ import annotations

import pytest

import lifetrack
from lifetrack.testing import FakeClock, ProtocolError, assert_no_leaks, check_protocol


@lifetrack.tracked(children=("cursor",), grace=30.0)
class Connection:
    def __init__(self, url="memory:"):
        if not url.endswith(":"):
            raise ValueError("a URL ends with a colon")
        self.url = url

    def query(self, text):
        return f"{self.url}{text}"

    def cursor(self):
        return Cursor(self)

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@lifetrack.tracked
class Cursor:
    def __init__(self, connection):
        self.connection = connection

    def close(self):
        pass


EVERYTHING = []


class ForgetfulConnection(Connection):
    def __init__(self):
        super().__init__()
        EVERYTHING.append(self)  # keeps each one alive for good

    def __exit__(self, *_):
        pass  # and does not close it


def test_the_whole_protocol():
    """Every legal sequence of acquire, use and release works, and every illegal one is told."""
    report = check_protocol(
        Connection,
        use=lambda connection: connection.query("select 1"),
        failing=lambda: Connection("wrong"),
    )
    print(report.to_text())
    assert not report.failed


def test_what_a_broken_plugin_is_told():
    """The error names each expectation that failed, and what happened instead."""
    with pytest.raises(ProtocolError) as caught:
        check_protocol(ForgetfulConnection)
    print(caught.value)
    assert [outcome.name for outcome in caught.value.report.failed] == ["with-block", "with-block-left", "collected"]


def test_a_block_that_must_not_leak():
    """Also files, sockets and whatever else is watched."""
    with assert_no_leaks(), Connection() as connection, open(__file__) as file:
        connection.query(file.readline())


def test_time():
    """A connection may take 30 seconds to close after its scope; no test has to wait for them."""
    with FakeClock() as clock, pytest.raises(lifetrack.LeakError), assert_no_leaks("job"):
        left = Connection()
    assert clock.now >= 30.0
    left.close()
