"""What a type checker makes of the public names. Checked by mypy, never run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from threading import Condition
from typing import IO, assert_type

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
