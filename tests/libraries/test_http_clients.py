"""Clients of HTTP against a peer on loopback: what leaks is one finding with the right line, all else is silent."""

from __future__ import annotations

import gc
import ssl
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding

requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")
httpx = pytest.importorskip("httpx")
httpcore = pytest.importorskip("httpcore")

SOCKET = "socket.socket"
#: So that nobody reads certificates: what is asked for is in the clear.
TLS = ssl.create_default_context()


class Kind(NamedTuple):
    """A way to leak: what it is watched by, how it is acquired and released, and the types of the one finding."""

    watch: str
    type: str
    acquire: Callable[[str], Any]
    release: Callable[[Any], object]
    below: set[str]


def _requests_session(url: str) -> Any:
    session = requests.Session()  # site: requests session
    session.get(url)
    return session


def _requests_response(url: str) -> Any:
    session = requests.Session()
    response = session.get(url + "/big", stream=True)  # site: requests response
    response.raw.read(10)
    session.close()
    return response


def _urllib3_response(url: str) -> Any:
    pool = urllib3.PoolManager()
    return pool.request("GET", url + "/big", preload_content=False)  # site: urllib3 response


def _urllib3_passed_on(url: str) -> Any:
    pool = urllib3.PoolManager()
    return pool.request("GET", url + "/big/hangs-up", preload_content=False)  # site: urllib3 passed on


def _httpx_client(url: str) -> Any:
    client = httpx.Client(verify=False)  # site: httpx client
    client.get(url)
    return client


_SHARED: list[Any] = []


def _httpx_response(url: str) -> Any:
    client = httpx.Client(verify=False)
    _SHARED.append(client)
    return client.send(client.build_request("GET", url + "/big"), stream=True)  # site: httpx response


def _close_both(response: Any) -> None:
    response.close()
    _SHARED.pop().close()


def _httpcore_pool(url: str) -> Any:
    pool = httpcore.ConnectionPool(ssl_context=TLS)  # site: httpcore pool
    pool.request("GET", url)
    return pool


CHECK_OUT = "urllib3 HTTPConnectionPool check-out"
KINDS = {
    "requests session": Kind(
        "requests", "requests.sessions.Session", _requests_session, lambda session: session.close(), set()
    ),
    "requests response": Kind(
        "requests", CHECK_OUT, _requests_response, lambda response: response.close(),
        {"requests.models.Response", "urllib3.response.HTTPResponse", SOCKET},
    ),
    "urllib3 response": Kind(
        "urllib3", CHECK_OUT, _urllib3_response, lambda response: response.read(),
        {"urllib3.response.HTTPResponse", SOCKET},
    ),
    "urllib3 passed on": Kind(
        "urllib3", "urllib3.response.HTTPResponse", _urllib3_passed_on, lambda response: response.read(), {SOCKET}
    ),
    "httpx client": Kind(
        "httpx", "httpx.Client", _httpx_client, lambda client: client.close(), {"httpcore.ConnectionPool", SOCKET}
    ),
    "httpx response": Kind(
        "httpx", "httpcore ConnectionPool check-out", _httpx_response, _close_both, {"httpx.Response", SOCKET}
    ),
    "httpcore pool": Kind(
        "httpcore", "httpcore.ConnectionPool", _httpcore_pool, lambda pool: pool.close(), {SOCKET}
    ),
}  # fmt: skip


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, Kind]:
    """Each way to leak, with its name."""
    return request.param, KINDS[request.param]


def _due(tracker: Tracker) -> list[Finding]:
    """The findings but that of the client which a leaked response belongs to."""
    clients = {"httpx.Client", "requests.sessions.Session"} if _SHARED else set()
    return [finding for finding in tracker.find_leaks() if finding.resource.type not in clients]


def test_a_leak_is_one_finding_at_its_line(
    kind: tuple[str, Kind], peer: str, watching: Any, line_of: Any, types_in: Any
) -> None:
    """What is left open, with all that it is made of, is told once, where the program acquired it."""
    name, how = kind
    tracker = watching(how.watch)
    kept = how.acquire(peer)
    (finding,) = _due(tracker)
    assert finding.resource.type == how.type
    assert line_of(finding).endswith(f"# site: {name}")
    assert how.below <= types_in(finding)
    how.release(kept)


def test_what_was_released_is_silent(kind: tuple[str, Kind], peer: str, watching: Any) -> None:
    """After its release, nothing is reported: neither of it nor of what it stood on."""
    _, how = kind
    tracker = watching(how.watch)
    kept = how.acquire(peer)
    how.release(kept)
    del kept
    gc.collect()
    assert tracker.find_leaks() == []


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["requests session", "requests response", "urllib3 response", "urllib3 passed on"])
def test_what_was_dropped_is_one_finding(name: str, peer: str, watching: Any, line_of: Any) -> None:
    """That a finalizer closes it is luck: a leak, told once."""
    how = KINDS[name]
    tracker = watching(how.watch)
    how.acquire(peer)
    gc.collect()
    (finding,) = tracker.find_leaks()
    assert finding.rule == "LT102"
    assert line_of(finding).endswith(f"# site: {name}")


def test_a_client_of_the_whole_program_may_be_used_in_scopes(peer: str, watching: Any) -> None:
    """The connections that a client keeps are the client's: no leak of the scope in which they were opened."""
    tracker = watching("libraries")
    session, client, pool = requests.Session(), httpx.Client(verify=False), urllib3.PoolManager()
    with tracker.scope("use"):
        session.get(peer)
        client.get(peer)
        pool.request("GET", peer)
    assert [finding for finding in tracker.find_leaks() if finding.rule == "LT103"] == []
    session.close()
    client.close()
    pool.clear()
    assert tracker.find_leaks() == []


def test_a_response_that_is_not_read_is_a_leak_of_its_scope(peer: str, watching: Any, line_of: Any) -> None:
    """Though its client is the whole program's, the slot that it keeps was taken here."""
    tracker = watching("requests")
    session = requests.Session()
    with tracker.scope("use"):
        response = session.get(peer + "/big", stream=True)  # here
    (finding,) = [finding for finding in tracker.find_leaks() if finding.rule == "LT103"]
    assert finding.resource.type == CHECK_OUT
    assert line_of(finding).endswith("# here")
    response.close()
    session.close()


def test_an_adapter_that_was_mounted_belongs_to_its_session(peer: str, watching: Any, types_in: Any) -> None:
    """A pool that was made before its session, and serves it, is told with it."""
    tracker = watching("requests")
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=2))
    with tracker.scope("use"):
        session.get(peer)
    assert [finding.rule for finding in tracker.find_leaks()] == ["LT101"]
    session.close()
    assert tracker.find_leaks() == []


def test_usual_ways_are_silent(peer: str, watching: Any) -> None:
    """Functions of the modules, with blocks, redirects, errors, draining, streaming and full pools leave nothing."""
    tracker = watching("stdlib", "libraries")
    requests.get(peer + "/moved")
    requests.post(peer, data=b"x" * 1000)
    httpx.get(peer, verify=False)
    with requests.Session() as session:
        session.get(peer + "/big", stream=True).content
        with session.get(peer + "/big", stream=True) as response:
            next(response.iter_content(10))
        for _ in session.get(peer + "/big/hangs-up", stream=True).iter_content(100_000):
            pass
        with pytest.raises(requests.ConnectionError):
            session.get("http://127.0.0.1:1/")
    with urllib3.PoolManager(maxsize=1) as pool:
        first = pool.request("GET", peer + "/big", preload_content=False)
        second = pool.request("GET", peer + "/big", preload_content=False)
        first.drain_conn()
        second.read(10)
        second.release_conn()
        with pytest.raises(urllib3.exceptions.MaxRetryError):
            pool.request("GET", "http://127.0.0.1:1/", retries=1)
    with httpx.Client(verify=False) as client, client.stream("GET", peer + "/big") as response:
        next(response.iter_raw())
    with httpcore.ConnectionPool(ssl_context=TLS) as pool, pool.stream("GET", peer + "/big") as response:
        response.read()
    with urllib.request.urlopen(peer) as response:
        response.read()
    del first, second, pool, response, session
    gc.collect()
    assert tracker.find_leaks() == []
    # What nobody records by design, as a response that was read at once, was not there before, either.
    assert [each.type for each in tracker.report().tracker.unseen if "http" in each.type] == []


def test_a_lost_slot_of_a_pool_is_found(peer: str, watching: Any, line_of: Any) -> None:
    """A pool with one slot is empty as long as a response keeps it; that is told where it was taken."""
    tracker = watching("urllib3")
    with urllib3.connection_from_url(peer, maxsize=1, block=True) as pool:
        response = pool.request("GET", "/big", preload_content=False)  # takes the slot
        with pytest.raises(urllib3.exceptions.EmptyPoolError):
            pool.request("GET", "/", pool_timeout=0.05)
        (finding,) = tracker.find_leaks()
        assert finding.resource.type == CHECK_OUT
        assert line_of(finding).endswith("# takes the slot")
        response.close()
        response.release_conn()
        pool.request("GET", "/", pool_timeout=0.05)
    assert tracker.find_leaks() == []


def test_undo_is_exact(peer: str, watching: Any) -> None:
    """Every attribute of the classes and modules is what it was before."""
    classes = [
        requests.Session, requests.Response, urllib3.PoolManager, urllib3.HTTPConnectionPool, urllib3.HTTPResponse,
        urllib3.connection.HTTPConnection, urllib3.connection.HTTPSConnection, httpx.Client, httpx.AsyncClient,
        httpx.Response, httpcore.ConnectionPool, httpcore.AsyncConnectionPool,
    ]  # fmt: skip
    before = [dict(vars(cls)) for cls in classes]
    tracker = watching("libraries")
    assert before != [dict(vars(cls)) for cls in classes]
    requests.get(peer)
    tracker.stop()
    assert before == [dict(vars(cls)) for cls in classes]
