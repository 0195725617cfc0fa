"""pymongo without a server: clients connect in the background, so that there is something to close in any case."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

pymongo = pytest.importorskip("pymongo")

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker

# A connection that is refused leaves its socket to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which connections are refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"mongodb://127.0.0.1:{bound.getsockname()[1]}/?serverSelectionTimeoutMS=50"


def test_clients(watching: Tracker, nobody: str, told: Any) -> None:
    """A client is closed by its block or by hand; one that never connected has nothing to close."""
    with pymongo.MongoClient(nobody) as client, pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
        client.admin.command("ping")
    unused = pymongo.MongoClient(nobody, connect=False)
    assert told(each for each in watching.find_leaks() if "Mongo" in each.resource.type) == []
    left = pymongo.MongoClient(nobody)  # left
    found = [each for each in watching.find_leaks() if each.rule != "LT102"]
    assert ("LT101", "pymongo.synchronous.mongo_client.MongoClient", "left") in told(found)
    assert [each for each in found if each.resource.type == "threading.Thread"] == []
    left.close()
    assert told(each for each in watching.find_leaks() if "Mongo" in each.resource.type) == []
    del unused


def test_asyncio(watching: Tracker, nobody: str, told: Any) -> None:
    """The same for coroutines: a client begins with the first thing that it is asked."""

    async def work() -> list[Any]:
        async with pymongo.AsyncMongoClient(nobody) as client:
            with pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
                await client.admin.command("ping")
        left = pymongo.AsyncMongoClient(nobody)
        with pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
            await left.admin.command("ping")  # asked
        found = [each for each in told(watching.find_leaks()) if "Mongo" in each[1]]
        await left.close()
        return found

    assert asyncio.run(work()) == [("LT101", "pymongo.asynchronous.mongo_client.AsyncMongoClient", "asked")]
    assert [each for each in told(watching.find_leaks()) if "Mongo" in each[1]] == []
