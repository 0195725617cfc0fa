"""Exit stacks: a duty from the first thing that is pushed, until it has been run or called off."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetrack.tracker import Tracker
    from lifetrack.values.findings import Finding


def told(tracker: Tracker) -> list[tuple[str, str]]:
    gc.collect()
    return [(found.rule, found.resource.type) for found in tracker.find_leaks()]


def test_stack_that_is_never_closed(watching: Tracker, line_of: Callable[[Finding], str]) -> None:
    """A filled stack is one finding at the line that filled it, with what was pushed below it."""
    with watching.scope("job"):
        stack = contextlib.ExitStack()
        stack.enter_context(open(__file__, "rb"))  # site: stack
        stack.enter_context(contextlib.closing(socket.socket()))
        text = open(__file__, encoding="utf-8")
        stack.callback(text.close)
    (finding,) = watching.find_leaks()
    stack.close()
    assert (finding.rule, finding.resource.type) == ("LT103", "contextlib.ExitStack")
    assert [child.resource.type for child in finding.children] == [
        "_io.BufferedReader", "socket.socket", "_io.TextIOWrapper",
    ]  # fmt: skip
    assert "# site: stack" in line_of(finding)
    assert watching.report().totals.live == 0


def test_stack_that_is_dropped(watching: Tracker) -> None:
    """A filled stack that is dropped has not run its callbacks: LT102."""
    stack: Any = contextlib.ExitStack()
    stack.callback(int)
    del stack
    assert told(watching) == [("LT102", "contextlib.ExitStack")]


def test_right_use(watching: Tracker) -> None:
    """Empty, closed, left by a block or by an exception, called off by pop_all(), handed over by pop_all()."""
    with watching.scope("job"):
        contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            stack.callback(int)
        with contextlib.suppress(LookupError), contextlib.ExitStack() as stack:
            stack.callback(int)
            raise LookupError
        stack.callback(int)
        stack.close()
        with contextlib.ExitStack() as stack:
            stack.callback(int)
            stack.pop_all()
        stack.callback(int)
        with stack.pop_all() as other:
            other.callback(int)
    assert told(watching) == []


def test_callback_that_raises(watching: Tracker) -> None:
    """A stack whose callback raises has run them all; the exception comes out as it is."""
    stack = contextlib.ExitStack()
    stack.callback(int, "no number")
    with pytest.raises(ValueError, match="no number"):
        stack.close()
    assert told(watching) == []


def test_what_was_popped_and_not_released(watching: Tracker) -> None:
    """What is still open after pop_all() is told by itself; so is a stack that is filled again."""
    stack = contextlib.ExitStack()
    file = stack.enter_context(open(__file__, "rb"))
    popped: Any = stack.pop_all()
    assert told(watching) == [("LT101", "_io.BufferedReader")]
    popped.callback(int)
    assert ("LT101", "contextlib.ExitStack") in told(watching)
    popped.close()
    assert file.closed
    assert told(watching) == []


def test_async_stack(watching: Tracker) -> None:
    """A stack is released when its coroutine is complete, also where a callback raises; else it is a leak."""

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.sleep, 0)
        stack = contextlib.AsyncExitStack()
        stack.push_async_callback(asyncio.sleep, 0)
        await stack.aclose()
        stack.callback(int, "no number")
        with pytest.raises(ValueError, match="no number"):
            await stack.aclose()
        del stack
        with watching.scope("inner"):
            left = contextlib.AsyncExitStack()
            left.push_async_callback(asyncio.sleep, 0)
        assert ("LT103", "contextlib.AsyncExitStack") in told(watching)
        await left.aclose()

    with watching.scope("job"):
        asyncio.run(main())
    assert told(watching) == [("LT103", "contextlib.AsyncExitStack")]


def test_subclass_of_the_program(watching: Tracker) -> None:
    """A subclass with a constructor of its own is watched, and behaves as before."""

    class Mine(contextlib.ExitStack):
        def __init__(self, out: io.StringIO) -> None:
            super().__init__()
            self.callback(out.write, "done")

    out = io.StringIO()
    mine = Mine(out)
    assert [kind.rpartition(".")[2] for _, kind in told(watching)] == ["Mine"]
    mine.close()
    assert out.getvalue() == "done"
    assert told(watching) == []
