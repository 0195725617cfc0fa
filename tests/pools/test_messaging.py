"""pika and kombu against a real RabbitMQ: connections, channels, and pools that let a second check-in pass."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

# kombu leaves the sockets of a pool that is emptied to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
PIKA = "pika.adapters.blocking_connection"


def test_pika(watching: Tracker, rabbitmq: int, told: Any) -> None:
    """Connections and channels are closed by their blocks; a channel is the connection's, and so are the sockets."""
    pika = pytest.importorskip("pika")
    where = pika.ConnectionParameters("127.0.0.1", rabbitmq)
    with pika.BlockingConnection(where) as connection, connection.channel() as channel:
        channel.queue_declare("lifetrack", auto_delete=True)
    assert watching.find_leaks() == []
    with pika.BlockingConnection(where) as connection:
        with watching.scope("message") as scope:
            channel = connection.channel()  # channel
        assert told(watching.find_leaks(scope=scope)) == [("LT103", f"{PIKA}.BlockingChannel", "channel")]
    left = pika.BlockingConnection(where)  # left
    found = [each for each in watching.find_leaks() if each.rule == "LT101"]
    assert told(found) == [("LT101", f"{PIKA}.BlockingConnection", "left")]
    left.close()
    assert [each for each in watching.find_leaks() if each.rule == "LT101"] == []


@pytest.fixture
def address(rabbitmq: int) -> str:
    """How kombu reaches the server."""
    return f"amqp://guest:guest@127.0.0.1:{rabbitmq}//"


@pytest.fixture
def pools() -> Iterator[Any]:
    """The pools of kombu, which live as long as the process; emptied after the test."""
    module = pytest.importorskip("kombu.pools")
    yield module
    module.reset()
    gc.collect()


def test_kombu_connections(watching: Tracker, address: str, told: Any) -> None:
    """A connection has something to close from its first use on; it may be used again."""
    kombu = pytest.importorskip("kombu")
    with kombu.Connection(address) as connection:
        connection.connect()
    unused = kombu.Connection(address)
    assert watching.find_leaks() == []
    unused.connect()  # used
    assert told(watching.find_leaks()) == [("LT101", "kombu.connection.Connection", "used")]
    unused.release()
    assert watching.find_leaks() == []


def test_kombu_pools(watching: Tracker, address: str, pools: Any, told: Any, misuses: Any) -> None:
    """A connection or producer that is not given back is lost; what is idle in a pool is not."""
    kombu = pytest.importorskip("kombu")
    connection = kombu.Connection(address)
    with watching.scope("task") as scope, pools.producers[connection].acquire(block=True) as producer:
        producer.publish({"text": "nothing"}, routing_key="nowhere")
    assert watching.find_leaks(scope=scope) == []
    assert watching.find_leaks() == []
    taken = pools.connections[connection].acquire(block=True)  # taken
    producer = pools.producers[connection].acquire(block=True)  # producer
    assert told(watching.find_leaks()) == [
        ("LT101", "kombu ConnectionPool check-out", "taken"),
        ("LT101", "kombu ProducerPool check-out", "producer"),
    ]
    taken.release()
    producer.release()
    assert watching.find_leaks() == []
    assert misuses() == []


def test_kombu_lets_a_second_check_in_pass(watching: Tracker, address: str, pools: Any, misuses: Any) -> None:
    """A connection that is given back twice is handed to two at once later: LT202."""
    kombu = pytest.importorskip("kombu")
    taken = pools.connections[kombu.Connection(address)].acquire(block=True)  # taken
    taken.release()
    assert misuses() == []
    taken.release()
    assert misuses() == [("LT202", "kombu ConnectionPool check-out", "taken")]
