"""What the tests of libraries share: a peer on loopback in a process of its own, and a tracker that watches."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding

#: Answers with few bytes, or with many where the path says so; and hangs up where it says that.
_PEER = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "moved" in self.path:
            self.send_response(302)
            self.send_header("Location", "/big")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = 300_000 if "big" in self.path else 2
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        if "hangs-up" in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.wfile.write(b"x" * size)
        except OSError:
            self.close_connection = True

    do_POST = do_PUT = do_GET

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="session")
def peer() -> Iterator[str]:
    """The address of an HTTP server that runs in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", _PEER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


@pytest.fixture
def watching(tracker: Tracker) -> Callable[..., Tracker]:
    """Start a tracker that watches the standard library and what is named."""

    def start(*names: str) -> Tracker:
        gc.collect()
        tracker.start(policy="record", watch=("stdlib", *names), report=False)
        return tracker

    return start


@pytest.fixture
def line_of() -> Callable[[Finding], str]:
    """Give the source line of a finding's site."""

    def read(finding: Finding) -> str:
        site = finding.site
        if site is None:
            return "no site"
        with open(site.file, encoding="utf-8") as source:
            return source.read().splitlines()[site.line - 1]

    return read


@pytest.fixture
def types_in() -> Callable[[Any], set[str]]:
    """Give the types of a finding and of all that is told below it."""

    def collect(finding: Any) -> set[str]:
        return {finding.resource.type}.union(*(collect(child) for child in finding.children))

    return collect
