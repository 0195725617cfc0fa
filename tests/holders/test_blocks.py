"""What nothing but a ``with`` block of a running function holds, on every Python."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lifetrack
from lifetrack.values.holders import Holder

SEES_NOTHING = sys.version_info >= (3, 14)


@lifetrack.tracked
class Backend:
    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> int:
        return 1

    def __exit__(self, *_: object) -> None:
        self.close()


@lifetrack.tracked
class Slotted:
    __slots__ = ()

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> int:
        return 1

    def __exit__(self, *_: object) -> None:
        self.close()


@lifetrack.tracked
class Later:
    async def aclose(self) -> None:
        """Do nothing."""

    async def __aenter__(self) -> int:
        return 1

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@pytest.fixture(autouse=True)
def tracking() -> Iterator[None]:
    """Track, as the ways need it."""
    with lifetrack.start("stacks", report=False, policy="record"):
        yield


def made(cls: Callable[[], Any]) -> Any:
    """Acquire in a function of its own."""
    return cls()


def holders() -> list[Holder]:
    """Give who holds what is live now."""
    return [finding.held_by[0] for finding in lifetrack.find_leaks(held_by=True)]


def plain() -> list[Holder]:
    with Backend():
        return holders()


def by_a_function() -> list[Holder]:
    with made(Backend):
        return holders()


def untracked_by_the_collector() -> list[Holder]:
    with Slotted():
        return holders()


def within_a_manager() -> list[Holder]:
    with contextlib.closing(made(Backend)):
        return holders()


def around_others() -> list[Holder]:
    with Backend() as _, contextlib.nullcontext():
        try:
            raise ValueError
        except ValueError:
            with contextlib.suppress(KeyError):
                return holders()


def of_a_generator() -> list[Holder]:
    def rows() -> Iterator[list[Holder]]:
        with Backend():
            yield holders()

    return next(rows())


def asynchronous() -> list[Holder]:
    async def work() -> list[Holder]:
        async with made(Later):
            return holders()

    return asyncio.run(work())


WAYS = (plain, by_a_function, untracked_by_the_collector, within_a_manager, around_others, of_a_generator, asynchronous)


@pytest.mark.parametrize("way", WAYS)
def test_a_block_holds_it(way: Callable[[], list[Holder]]) -> None:
    """The verdict is a running frame, and the path speaks of the block."""
    (holder,) = way()
    assert holder.verdict == "running-frame", str(holder)
    if SEES_NOTHING and way not in (asynchronous, of_a_generator):
        assert f"a with block of {way.__qualname__}" in holder.path[0]
        assert "(running function, test_blocks.py:" in holder.path[0]


def test_the_function_that_made_it_is_seen_with_stacks_only() -> None:
    """At level ``sites`` it is known from Python 3.14 on only where the block's own expression acquires."""
    lifetrack.start("sites", report=False, policy="record")
    assert plain()[0].verdict == "running-frame"
    assert by_a_function()[0].verdict == ("unknown" if SEES_NOTHING else "running-frame")


def test_what_c_code_holds_is_no_block_s() -> None:
    """Neither a block for something else nor one that has ended is blamed for what cannot be seen."""
    with made(Backend):
        pass
    backend = Backend()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(backend))
    with contextlib.closing(made(Slotted)):
        kept, backend = backend, None
        address = id(kept)
        kept = None
        found = {str(each) for each in holders()}
    lost = ctypes.cast(address, ctypes.py_object).value
    lost.close()
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(lost))
    assert len(found) == 2
    assert any(each.startswith("nothing that is visible") for each in found)
