"""What a type checker makes of the public names. Checked by mypy, never run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO, Protocol, assert_type

import lifetrack


@lifetrack.tracked
class Plain:
    def close(self) -> None: ...


@lifetrack.tracked(release="hang_up", acquire="dial", after_release=("number",), guard="all")
class Phone:
    def dial(self) -> None: ...

    def hang_up(self) -> None: ...

    def number(self) -> int:
        return 1


@lifetrack.acquires(release="close")
def open_log(path: str) -> IO[str]:
    return open(path, encoding="utf-8")


@lifetrack.acquires
@contextlib.contextmanager
def transaction() -> Iterator[list[str]]:
    yield []


@lifetrack.releases("key")
def destroy(key: bytes, force: bool = False) -> int:
    return len(key)


@lifetrack.scope("job")
async def job(number: int) -> str:
    return str(number)


class Codec(Protocol):
    name: str

    def encode(self, data: bytes) -> bytes: ...


class Streaming(lifetrack.Capability):
    def stream(self) -> Iterator[bytes]:
        raise NotImplementedError


class Zip(lifetrack.Backend, Streaming):
    name = "zip"

    def encode(self, data: bytes) -> bytes:
        return data

    def stream(self) -> Iterator[bytes]:
        yield b""


def host() -> None:
    backends = lifetrack.BackendCollection("codecs", kind=Zip, groups=["a.b"])
    assert_type(backends, lifetrack.BackendCollection[Zip])
    assert_type(backends.add(Zip()), Zip)
    by_protocol = lifetrack.BackendCollection("codecs", kind=Codec)
    assert_type(by_protocol.get("zip"), Codec)
    assert_type(by_protocol.add(Zip()), Codec)
    assert_type(backends.get("zip"), Zip)
    assert_type(backends.names(), tuple[str, ...])
    assert_type(list(backends), list[Zip])
    assert_type(backends.require("streaming"), Zip)
    assert_type(backends.require(Streaming), Streaming)
    assert_type(backends.populate().added, tuple[str, ...])
    assert_type(backends.remove("zip"), Zip)
    with backends, backends.borrowed("zip") as borrowed:
        assert_type(borrowed, Zip)
    assert_type(backends.cleanup().released, tuple[str, ...])
    with lifetrack.track_plugins(object()) as tracked:
        assert_type(tracked.find_held(), list[lifetrack.Finding])


def use() -> None:
    assert_type(Plain(), Plain)
    assert_type(Phone().number(), int)
    assert_type(open_log("x"), IO[str])
    assert_type(destroy(b"x", force=True), int)
    assert_type(lifetrack.track(Plain(), label="first"), Plain)
    with transaction() as statements:
        assert_type(statements, list[str])
    with lifetrack.start("stacks", policy={"LT202": "record", "*": "raise"}, report=["a.json"]):
        assert_type(lifetrack.find_leaks(), list[lifetrack.Finding])
        assert_type(lifetrack.find_leaks()[0].site, lifetrack.Site | None)
    with lifetrack.scope("block") as scope:
        lifetrack.assert_no_leaks(scope=scope)
    with lifetrack.allow("lives as long as the process"):
        pass
    assert_type(lifetrack.report(), lifetrack.Report)
    assert_type(lifetrack.history(object()), tuple[lifetrack.Event, ...])
    lifetrack.watch("io", "socket")()
