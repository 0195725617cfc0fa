"""psycopg and its pools against a real PostgreSQL: connections, cursors of the server, and slots of pools."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

psycopg = pytest.importorskip("psycopg", exc_type=ImportError)
psycopg_pool = pytest.importorskip("psycopg_pool", exc_type=ImportError)

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

CHECK_OUT = "psycopg_pool ConnectionPool check-out"


@pytest.fixture
def where(postgresql: int) -> str:
    """How to reach the server."""
    return f"host=127.0.0.1 port={postgresql} user=tester dbname=postgres"


def test_connections(watching: Tracker, where: str, told: Any) -> None:
    """A connection is closed by its block or by hand; else it is a leak of its line."""
    with psycopg.connect(where) as connection:
        connection.execute("select 1")
    assert watching.find_leaks() == []
    left = psycopg.connect(where)  # left
    assert told(watching.find_leaks()) == [("LT101", "psycopg.Connection", "left")]
    left.close()
    assert watching.find_leaks() == []


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_connection_dropped(watching: Tracker, where: str, told: Any) -> None:
    """One that the collector closes counts as leaked."""
    psycopg.connect(where)  # dropped
    gc.collect()
    assert told(watching.find_leaks()) == [("LT102", "psycopg.Connection", "dropped")]


def test_cursors_of_the_server(watching: Tracker, where: str, told: Any) -> None:
    """A named cursor lives in the server until it is closed; one of the client's needs no closing."""
    with psycopg.connect(where) as connection:
        connection.cursor().execute("select 1")
        with connection.cursor("a") as cursor:
            cursor.execute("select 1")
        with watching.scope("query") as scope:
            left = connection.cursor("b")
            left.execute("select 1")  # asked
        assert told(watching.find_leaks(scope=scope)) == [("LT103", "psycopg.ServerCursor", "asked")]
        left.close()


def test_a_pool_used_well(watching: Tracker, where: str, misuses: Any) -> None:
    """Blocks, pairs of getconn() and putconn(), threads: nothing to tell, in scopes neither."""
    with psycopg_pool.ConnectionPool(where, min_size=1, max_size=4, open=True) as pool:

        def work() -> None:
            with pool.connection() as connection:
                connection.execute("select 1")

        with watching.scope("job") as scope:
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            taken = pool.getconn()
            pool.putconn(taken)
        assert watching.find_leaks(scope=scope) == []
    assert watching.find_leaks() == []
    assert misuses() == []


def test_a_slot_lost(watching: Tracker, where: str, told: Any) -> None:
    """What getconn() gave and nobody puts back is a leak of its line, beside the connection that the pool knows."""
    with psycopg_pool.ConnectionPool(where, min_size=1, open=True) as pool:
        lost = pool.getconn()  # lost
        (finding,) = [each for each in watching.find_leaks() if each.resource.type == CHECK_OUT]
        assert told([finding]) == [("LT101", CHECK_OUT, "lost")]
        assert [child.resource.type for child in finding.children] == ["psycopg.Connection"]
        pool.putconn(lost)
    assert watching.find_leaks() == []


def test_a_pool_closed_too_early(watching: Tracker, where: str, misuses: Any) -> None:
    """A pool that is closed with a connection out is LT303; putting it back later is accepted."""
    pool = psycopg_pool.ConnectionPool(where, min_size=1, open=True)  # pool
    out = pool.getconn()
    pool.close()
    assert misuses() == [("LT303", "psycopg_pool.pool.ConnectionPool", "pool")]
    pool.putconn(out)
    assert watching.find_leaks() == []


def test_what_the_library_refuses_itself(watching: Tracker, where: str, misuses: Any) -> None:
    """A second check-in, or one to another pool, raises by itself: there is nothing to add."""
    with (
        psycopg_pool.ConnectionPool(where, min_size=1, open=True) as pool,
        psycopg_pool.NullConnectionPool(where, open=True) as other,
    ):
        taken = pool.getconn()
        with pytest.raises(ValueError, match="pool"):
            other.putconn(taken)
        pool.putconn(taken)
        with pytest.raises(ValueError, match="pool"):
            pool.putconn(taken)
    assert watching.find_leaks() == []
    assert misuses() == []


def test_a_pool_never_closed(watching: Tracker, where: str, told: Any) -> None:
    """A pool that is left open is one finding, with its connections and threads below."""
    pool = psycopg_pool.ConnectionPool(where, min_size=3, open=True)  # pool
    pool.wait()
    (finding,) = watching.find_leaks()
    assert told([finding]) == [("LT101", "psycopg_pool.pool.ConnectionPool", "pool")]
    assert sum(child.resource.type == "psycopg.Connection" for child in finding.children) == 3
    pool.close()
    assert watching.find_leaks() == []


def test_asyncio(watching: Tracker, where: str, told: Any, misuses: Any) -> None:
    """The same for coroutines: releases that are awaited, slots that are lost."""

    async def work() -> list[Any]:
        async with await psycopg.AsyncConnection.connect(where) as connection:
            await connection.execute("select 1")
        async with psycopg_pool.AsyncConnectionPool(where, min_size=1, open=False) as pool:
            async with pool.connection() as connection:
                await connection.execute("select 1")
            lost = await pool.getconn()  # lost
            found = [each for each in watching.find_leaks() if "check-out" in each.resource.type]
            await pool.putconn(lost)
        return told(found)

    assert asyncio.run(work()) == [("LT101", "psycopg_pool AsyncConnectionPool check-out", "lost")]
    assert watching.find_leaks() == []
    assert misuses() == []
