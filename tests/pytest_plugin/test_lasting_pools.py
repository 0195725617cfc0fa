"""A pool of the whole process keeps what a test happened to open first; one that a test has made is the test's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

SUITE = """
import http.server, threading
import pytest, httpx
import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

ONE = sa.text("select 1")

def use(engine):
    with engine.connect() as connection:
        connection.execute(ONE)

class Home(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", 0.2
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

@pytest.fixture(scope="session")
def url():
    with Server(("127.0.0.1", 0), Home) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()
"""

#: Pools of the process, which nobody is due to close when a test ends.
LASTING = """
file = sa.create_engine("sqlite:///file.db")
memory = sa.create_engine("sqlite://")
static = sa.create_engine("sqlite://", poolclass=StaticPool)
client = httpx.Client()

@pytest.fixture(scope="session", autouse=True)
def without_the_value():
    global in_fixture
    in_fixture = sa.create_engine("sqlite:///other.db")
    yield
    in_fixture.dispose()
    client.close()

@pytest.mark.parametrize("engine", [file, memory, static], ids=["file", "memory", "static"])
def test_engine(engine):
    use(engine)
    with Session(engine) as session:
        session.execute(ONE)

@pytest.fixture
def narrow():
    use(file)

class TestOthers:
    @classmethod
    def setup_class(cls):
        file.dispose()
        use(file)

    def test_from_a_fixture(self, narrow): pass
    def test_of_a_fixture(self): use(in_fixture)
    def test_client(self, url): client.get(url)
"""

#: What a test, or what it called, has made is its own.
OWN = """
kept = []

def test_undisposed():
    kept.append(sa.create_engine("sqlite:///file.db"))
    use(kept[-1])

def test_client(url):
    kept.append(httpx.Client())
    kept[-1].get(url)

lasting = sa.create_engine("sqlite:///file.db")

def test_beside_a_pool():
    import sqlite3
    use(lasting)
    kept.append(sqlite3.connect("file.db"))
"""


def test_pools_of_the_process(run: Run, pytester: pytest.Pytester) -> None:
    """What they keep is theirs: of the process, or of the fixture in which they were made."""
    pytester.makepyfile(SUITE + LASTING)
    result = run("--lifetrack=stacks", "--lifetrack-watch=stdlib", fresh=True)
    result.assert_outcomes(passed=6)
    result.stdout.no_fnmatch_line("*LT1*")


def test_pools_of_a_test(run: Run, pytester: pytest.Pytester) -> None:
    """And what stands beside a pool is the test's as well."""
    pytester.makepyfile(SUITE + OWN)
    result = run("--lifetrack=stacks", "--lifetrack-watch=stdlib", fresh=True)
    result.assert_outcomes(passed=3, errors=3)
    for name, kind in (
        ("undisposed", "sqlite3.Connection"),
        ("client", "socket.socket"),
        ("beside_a_pool", "sqlite3.Connection"),
    ):
        result.stdout.fnmatch_lines([f"*: LT103 leak-from-scope, proven, {kind} [[]*::test_{name}]"])


def test_undone(run: Run, pytester: pytest.Pytester) -> None:
    """When nothing is watched any more the classes are what they were."""
    pytester.makepyfile(
        """
        import lifetrack, sqlalchemy

        def test_it():
            before = sqlalchemy.Engine.__init__
            lifetrack.start("sites", watch="stdlib", report=False)
            assert sqlalchemy.Engine.__init__ is not before
            lifetrack.stop()
            assert sqlalchemy.Engine.__init__ is before
        """
    )
    run(flag=False, fresh=True).assert_outcomes(passed=1)
