"""What a type checker makes of the public names. Checked by mypy, never run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from threading import Condition
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


@lifetrack.borrows("phone")
def call(phone: Phone, times: int = 1) -> str:
    return phone.number() * "ring"


@lifetrack.tracked(children=("cursor",), owns=True, fork_safe=True, thread_bound=True)
class Connection:
    def cursor(self) -> Plain:
        return Plain()

    def close(self) -> None: ...


def hand_over(plain: Plain, phone: Phone) -> None:
    owner = lifetrack.Owner("pool", exclusive=True)
    assert_type(lifetrack.transfer(plain, to=owner), Plain)
    assert_type(lifetrack.track(plain, owner=owner, parent=phone), Plain)
    assert_type(lifetrack.transfer(lifetrack.Owner("inner", parent=owner), to=owner), lifetrack.Owner)
    with owner as entered:
        assert_type(entered, lifetrack.Owner)
        assert_type(entered.name, str)
    with lifetrack.scope("block") as scope:
        assert_type(scope.keep(plain), Plain)
    with lifetrack.borrow(phone) as lent:
        assert_type(lent, Phone)
        assert_type(call(lent, times=2), str)


async def hand_over_later(phone: Phone) -> None:
    async with lifetrack.borrow(phone) as lent:
        assert_type(lent, Phone)
    async with lifetrack.Owner("pool") as owner:
        assert_type(owner, lifetrack.Owner)
        await owner.arelease(phone)
    async with lifetrack.Owned(phone, release="hang_up") as handle:
        assert_type(handle.get(), Phone)
        await handle.arelease()


def hold(plain: Plain, phone: Phone) -> None:
    handle = lifetrack.Owned(phone, name="handle")
    assert_type(handle, lifetrack.Owned[Phone])
    assert_type(handle.get().number(), int)
    assert_type(handle.move(), lifetrack.Owned[Phone])
    handle.reset(phone)
    handle.reset(plain)  # type: ignore[arg-type]
    with handle as held:
        assert_type(held, lifetrack.Owned[Phone])
    shared = lifetrack.Shared(plain)
    assert_type(shared.get(), Plain)
    assert_type(shared.clone("other"), lifetrack.Shared[Plain])
    assert_type(shared.use_count, int)
    weak = lifetrack.Weak(shared)
    assert_type(weak, lifetrack.Weak[Plain])
    assert_type(weak.lock(), Plain | None)
    lifetrack.Weak(plain)  # type: ignore[arg-type]
    assert_type(lifetrack.transfer(handle, to=plain), lifetrack.Owned[Phone])
    with lifetrack.borrow(handle) as lent:
        assert_type(lent, Phone)
    with lifetrack.borrow(shared) as shared_lent:
        assert_type(shared_lent, Plain)
    assert_type(lifetrack.Owned(handle), lifetrack.Owned[Phone])
    assert_type(lifetrack.Shared(lifetrack.Owned(plain)), lifetrack.Shared[Plain])


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


def lock_and_hide() -> None:
    assert_type(lifetrack.lock_order(Condition(), "nodes"), Condition)
    with lifetrack.SecretBytes.random(8) as secret, secret.exposed() as view, secret.exposed_copy() as copied:
        assert_type(secret, lifetrack.SecretBytes)
        assert_type(view, memoryview)
        assert_type(copied, bytearray)
        assert_type(secret.matches(b"x"), bool)


@lifetrack.tracked(limit=5.0, max_live=100)
class Lease:
    def release(self) -> None: ...


def service() -> None:
    def work() -> None: ...

    lifetrack.start(
        "sites", dump_signal="SIGUSR2", dump_to="report.json", held_limits={Lease: 5.0}, live_limits={"app.Session": 3},
        growth_every=60.0, check_every=1, sinks=["logging", print],
    )  # fmt: skip
    assert_type(lifetrack.dump(), lifetrack.Report)
    assert_type(lifetrack.growth(work), list[lifetrack.Finding])
    lifetrack.assert_no_growth(work, repetitions=16)
    counted = lifetrack.repetitions()
    counted.done()
    assert_type(counted.findings(), list[lifetrack.Finding])
