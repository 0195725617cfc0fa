"""PyMySQL against a real MariaDB, by itself and below SQLAlchemy."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

pymysql = pytest.importorskip("pymysql")

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

CONNECTION = "pymysql.connections.Connection"


@pytest.fixture
def where(mariadb: int) -> dict[str, Any]:
    """How to reach the server."""
    return {"host": "127.0.0.1", "port": mariadb, "user": "root"}


def test_connections(watching: Tracker, where: dict[str, Any], told: Any) -> None:
    """A connection is closed by its block or by hand, and may connect again; its socket is told below it."""
    with pymysql.connect(**where) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
    deferred = pymysql.connect(defer_connect=True, **where)
    for _ in range(2):
        deferred.connect()
        deferred.close()
    assert watching.find_leaks() == []
    left = pymysql.connect(**where)  # left
    (finding,) = watching.find_leaks()
    assert told([finding]) == [("LT101", CONNECTION, "left")]
    assert [child.resource.type for child in finding.children] == ["socket.socket"]
    left.close()
    assert watching.find_leaks() == []


def test_a_connection_dropped(watching: Tracker, where: dict[str, Any], told: Any) -> None:
    """One that its finalizer closes counts as leaked."""
    pymysql.connect(**where)  # dropped
    gc.collect()
    assert told(watching.find_leaks()) == [("LT102", CONNECTION, "dropped")]


def test_below_sqlalchemy(watching: Tracker, mariadb: int, told: Any) -> None:
    """In the pool of an engine it is the pool's; lost with its slot it is told below that."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(f"mysql+pymysql://root@127.0.0.1:{mariadb}/mysql", pool_size=3)
    with watching.scope("request") as scope, engine.begin() as connection:
        connection.execute(sqlalchemy.text("select 1"))
    assert watching.find_leaks(scope=scope) == []
    lost = engine.connect()  # lost
    assert told(watching.find_leaks()) == [("LT101", "sqlalchemy QueuePool check-out", "lost")]
    lost.close()
    engine.dispose()
    assert watching.find_leaks() == []
