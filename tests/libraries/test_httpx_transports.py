"""Clients of httpx whose transports call an application, or a function: they have nothing to close, and owe nothing."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import RunPython

httpx = pytest.importorskip("httpx")


def _answer(request: Any) -> Any:
    return httpx.Response(200)


class _Own(httpx.BaseTransport):  # type: ignore[misc, name-defined] # httpx is imported as anything
    """A transport with something to close."""

    def handle_request(self, request: Any) -> Any:
        return _answer(request)

    def close(self) -> None:
        """Close whatever there is."""


@pytest.mark.parametrize("dropped", [True, False])
def test_nothing_to_close_is_no_leak(watching: Any, dropped: bool) -> None:
    """Neither at the end nor when they are dropped, used or not, sync or async."""
    tracker = watching("httpx")
    client = httpx.Client(transport=httpx.MockTransport(_answer))
    client.get("http://nowhere/")
    later = httpx.AsyncClient(transport=httpx.MockTransport(_answer), mounts={"all://other": None})
    asyncio.run(later.get("http://nowhere/"))
    mounted = httpx.Client(transport=httpx.WSGITransport(print), mounts={"http://": httpx.WSGITransport(print)})
    if dropped:
        del client, later, mounted
        gc.collect()
    assert tracker.find_leaks() == []
    assert [each.type for each in tracker.report().tracker.unseen if "httpx" in each.type] == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: httpx.Client(transport=_Own()),
        lambda: httpx.Client(transport=httpx.WSGITransport(print), mounts={"http://": _Own()}),
        lambda: httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(verify=False)),
    ],
)
def test_something_to_close_is(watching: Any, make: Any) -> None:
    """The transport of its user may keep anything, be it mounted."""
    tracker = watching("httpx")
    client = make()
    rules = [finding.rule for finding in tracker.find_leaks()]
    if isinstance(client, httpx.Client):
        client.close()
    else:
        asyncio.run(client.aclose())
    assert rules == ["LT101"]
    assert [finding for finding in tracker.find_leaks() if "Loop" not in finding.resource.type] == []


def test_the_client_of_applications(run_python: RunPython) -> None:
    """That of starlette need not be closed, and a ``with`` block does not close it: it ends the application."""
    pytest.importorskip("starlette.testclient", exc_type=ImportError)
    done = run_python(
        "import lifetrack\n"
        "lifetrack.start(watch='stdlib,libraries', policy='record')\n"
        "from starlette.applications import Starlette\n"
        "from starlette.responses import PlainTextResponse\n"
        "from starlette.routing import Route\n"
        "from starlette.testclient import TestClient\n"
        "app = Starlette(routes=[Route('/', lambda request: PlainTextResponse('x'))])\n"
        "kept = TestClient(app)\n"
        "print(kept.get('/').text, TestClient(app).get('/').text)\n"
        "with TestClient(app) as client:\n"
        "    print(client.get('/').text)\n",
        python_flags=["-W", "ignore"],
    )
    assert (done.stdout, done.stderr) == ("x x\nx\n", "")
