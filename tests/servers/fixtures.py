"""Fixtures for the servers of ``keeper``: each gives the port of a running one, or skips with what is missing."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

#: "required" where nothing may be skipped: a server that is missing there is an error.
REQUIRED = "TEST_SERVERS"
#: A folder in which somebody else, such as the gate, keeps the servers of several runs.
FOLDER = "TEST_SERVERS_IN"
#: Files in that folder: it is there while packages are being installed; the packages that could not be.
COMING, ABSENT = "coming", "absent"


def _folder() -> Path:
    given = os.environ.get(FOLDER)
    if given:
        return Path(given)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
    return Path(tempfile.gettempdir()) / f"lifetrack-servers-{run}"


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """The folder of this run's servers; they are kept as long as somebody is in this fixture."""
    keeper = pytest.importorskip("tests.servers.keeper", reason="file locks and users are needed", exc_type=ImportError)
    folder = _folder()
    folder.mkdir(mode=0o755, exist_ok=True)
    with keeper.hold(folder):
        yield folder


def _server(name: str, folder: Path) -> int:
    from tests.servers import keeper

    until = time.monotonic() + keeper.PATIENCE
    while (folder / COMING).exists() and time.monotonic() < until:
        time.sleep(0.1)
    reason = keeper.missing(name)
    if reason is not None:
        absent = (folder / ABSENT).read_text(encoding="ascii") if (folder / ABSENT).exists() else ""
        if os.environ.get(REQUIRED) == "required" and keeper.KINDS[name].package not in absent.split():
            pytest.fail(reason)
        pytest.skip(reason)
    keeper.begin(folder, name)
    return keeper.port_of(folder, name)


@pytest.fixture(scope="session")
def postgresql(server_folder: Path) -> int:
    """The port of a PostgreSQL server; user ``tester``, database ``postgres``."""
    return _server("postgresql", server_folder)


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> int:
    """The port of a Redis server."""
    return _server("redis", server_folder)


@pytest.fixture(scope="session")
def mariadb(server_folder: Path) -> int:
    """The port of a MariaDB server; user ``root`` without a password."""
    return _server("mariadb", server_folder)


@pytest.fixture(scope="session")
def rabbitmq(server_folder: Path) -> int:
    """The port of a RabbitMQ server; user ``guest``."""
    return _server("rabbitmq", server_folder)
