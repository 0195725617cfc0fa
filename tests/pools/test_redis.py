"""redis against a real server: clients, pools, publish and subscribe, and the asyncio side."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

redis = pytest.importorskip("redis")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lifetrack.tracker import Tracker

CLIENT, CHECK_OUT = "redis.client.Redis", "redis ConnectionPool check-out"


def test_clients(watching: Tracker, redis_server: int, told: Any) -> None:
    """A client that is closed is silent, as is one that never connected; one that is left has its socket below."""
    with redis.Redis(port=redis_server) as client:
        client.set("name", "value")
        with client.pipeline() as pipeline:
            pipeline.get("name")
            pipeline.execute()
    unused = redis.Redis(port=redis_server)
    assert watching.find_leaks() == []
    left = redis.Redis(port=redis_server)  # left
    left.ping()
    assert told(watching.find_leaks()) == [("LT101", CLIENT, "left")]
    left.close()
    assert watching.find_leaks() == []
    del unused


def test_a_client_dropped(watching: Tracker, redis_server: int, told: Any) -> None:
    """A client that is dropped with an open connection counts as leaked, though its finalizer closes it."""

    def ask() -> None:
        redis.Redis(port=redis_server).ping()  # dropped

    ask()
    gc.collect()
    assert told(watching.find_leaks()) == [("LT102", CLIENT, "dropped")]


def test_slots(watching: Tracker, redis_server: int, told: Any, misuses: Any) -> None:
    """A subscription keeps a slot until it is closed, as does what get_connection() gave until it is released."""
    with redis.Redis(port=redis_server) as client:
        with client.pubsub() as subscription:
            subscription.subscribe("news")
        open_one = client.pubsub()
        open_one.subscribe("news")  # subscribed
        taken = client.connection_pool.get_connection()  # taken
        lost = [each for each in told(watching.find_leaks()) if each[1] == CHECK_OUT]
        assert lost == [("LT101", CHECK_OUT, "subscribed"), ("LT101", CHECK_OUT, "taken")]
        open_one.close()
        client.connection_pool.release(taken)
        client.connection_pool.release(taken)
    assert watching.find_leaks() == []
    assert misuses() == []


def test_the_client_of_a_process(watching: Tracker, redis_server: int) -> None:
    """What a client keeps idle is no leak of the scope in which it happened to connect; it may connect again."""
    client = redis.Redis(port=redis_server)
    with watching.scope("request") as scope:
        client.ping()
        client.connection_pool.disconnect()
        client.ping()
    assert watching.find_leaks(scope=scope) == []
    client.close()
    assert watching.find_leaks() == []


def test_a_pool_of_several_clients(watching: Tracker, redis_server: int, told: Any) -> None:
    """A pool that was made by hand is its maker's to close; a blocking one has check-outs of its own name."""
    pool = redis.BlockingConnectionPool(port=redis_server, max_connections=2)  # pool
    for _ in range(2):
        with redis.Redis(connection_pool=pool) as client:
            client.ping()
    assert told(watching.find_leaks()) == [("LT101", "redis.connection.BlockingConnectionPool", "pool")]
    taken = pool.get_connection()
    assert "redis BlockingConnectionPool check-out" in {each.resource.type for each in watching.find_leaks()}
    pool.release(taken)
    pool.disconnect()
    assert watching.find_leaks() == []


def test_another_pool(watching: Tracker, redis_server: int, told: Any, misuses: Any) -> None:
    """A connection that is given to a pool which it did not come from is lost to its own: redis says nothing."""
    one, other = (redis.ConnectionPool(port=redis_server) for _ in range(2))
    taken = one.get_connection()  # taken
    other.release(taken)
    assert misuses() == [("LT206", CHECK_OUT, "taken")]
    assert ("LT101", CHECK_OUT, "taken") in told(watching.find_leaks())
    one.release(taken)
    one.disconnect()
    assert watching.find_leaks() == []


def test_closing_with_something_out(watching: Tracker, redis_server: int, misuses: Any) -> None:
    """A client that is closed while a subscription is open is closed too early."""
    client = redis.Redis(port=redis_server)  # client
    subscription = client.pubsub()
    subscription.subscribe("news")
    client.close()
    assert misuses() == [("LT303", "redis.connection.ConnectionPool", "client")]
    subscription.close()
    assert watching.find_leaks() == []


def test_asyncio(watching: Tracker, redis_server: int, told: Any) -> None:
    """The same for coroutines."""
    client_class = pytest.importorskip("redis.asyncio").Redis

    async def work() -> list[Any]:
        async with client_class(port=redis_server) as client:
            await client.ping()
        client = client_class(port=redis_server)  # client
        await client.ping()
        subscription = client.pubsub()
        await subscription.subscribe("news")  # subscribed
        found = [each for each in told(watching.find_leaks()) if each[1].startswith("redis")]
        await subscription.aclose()
        await client.aclose()
        return found

    assert asyncio.run(work()) == [
        ("LT101", CHECK_OUT, "subscribed"),
        ("LT101", "redis.asyncio.client.Redis", "client"),
    ]
    assert watching.find_leaks() == []


def test_a_client_closed_at_exit(run_python: Callable[..., Any], redis_server: int, tmp_path: Path) -> None:
    """A client of a module that an exit hook closes is silent."""
    script = tmp_path / "program.py"
    script.write_text(
        "import atexit, redis, sys\n"
        "client = redis.Redis(port=int(sys.argv[1]))\n"
        "client.ping()\n"
        "if len(sys.argv) == 2:\n    atexit.register(client.close)\n",
        encoding="utf-8",
    )
    words = ["run", "--watch", "stdlib,redis", str(script), str(redis_server)]
    closed = run_python("", *words, python_flags=["-m", "lifetrack"])
    assert (closed.returncode, "LT" in closed.stderr) == (0, False)
    left = run_python("", *words, "leave", python_flags=["-m", "lifetrack"])
    assert "LT101 leak-at-exit (proven): redis.client.Redis" in left.stderr
    assert "program.py:2" in left.stderr
