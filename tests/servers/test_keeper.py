"""The keeper of servers: one instance for all who ask, gone with the last of them."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import pytest

keeper = pytest.importorskip("tests.servers.keeper", reason="file locks and users are needed", exc_type=ImportError)


def test_one_instance_and_its_end() -> None:
    """Whoever asks gets the same server; it ends when nobody holds the folder any more."""
    reason = keeper.missing("redis")
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="lifetrack-servers-"))
    folder.chmod(0o755)  # the server runs as another user
    with keeper.hold(folder):
        for _ in range(2):
            keeper.begin(folder, "redis")
        port = keeper.port_of(folder, "redis")
        assert keeper.port_of(folder, "redis") == port
        pid = int(json.loads((folder / "redis.json").read_text())["pid"])
        os.kill(pid, 0)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the server goes on though nobody wants it")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not installed is named with its Debian package."""
    monkeypatch.setattr(keeper, "find", lambda pattern: None)
    for name, kind in keeper.KINDS.items():
        assert f"apt-get install {kind.package}" in keeper.missing(name)
