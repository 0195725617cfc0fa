"""Random programs: trees of calls of every kind, which look at their own stack wherever they are told to."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from hypothesis import strategies as st

from lifetrack.ledger.territory import FILES, RUNNER

KINDS = ("plain", "other", "recursive", "generator", "delegating", "coroutine", "thread", "comprehension", "method")
Node = tuple[str, list[Any]]

#: A node is a kind of call and what happens in it, in order: "look", "yield" or another node.
nodes: st.SearchStrategy[Node] = st.recursive(
    st.tuples(st.sampled_from(KINDS), st.lists(st.sampled_from(["look", "yield"]), max_size=3)),
    lambda inner: st.tuples(
        st.sampled_from(KINDS), st.lists(st.one_of(st.sampled_from(["look", "look", "yield"]), inner), max_size=4)
    ),
    max_leaves=12,
)


def expected(frame: Any, limit: int) -> list[tuple[str, int, str]]:
    """Give the stack as ``traceback`` sees it, most recent call first, up to where pytest's runner calls a test."""
    walk = traceback.walk_stack(frame)
    summary = traceback.StackSummary.extract(walk, limit=limit, lookup_lines=False)
    stack = [(item.filename, item.lineno, item.name) for item in summary]
    return list(takewhile(lambda each: FILES[each[0]] is not RUNNER, stack))


class Runner:
    """Runs a random program; ``look`` is called with the frame to be looked at."""

    def __init__(self, look: Callable[[Any], None]) -> None:
        self.look = look
        self.failures: list[BaseException] = []

    def run(self, node: Node) -> None:
        kind, body = node
        getattr(self, kind)(body)
        if self.failures:
            raise self.failures[0]

    def plain(self, body: list[Any]) -> None:
        for item in body:
            if item == "look":
                self.look(sys._getframe())
            elif item != "yield":
                self.run(item)

    def other(self, body: list[Any]) -> None:
        for item in body:
            if item == "look":
                self.look(sys._getframe())
                self.look(sys._getframe())
            elif item != "yield":
                getattr(self, item[0])(item[1])

    def recursive(self, body: list[Any]) -> None:
        if not body:
            return
        if body[0] == "look":
            self.look(sys._getframe())
        elif body[0] != "yield":
            self.run(body[0])
        self.recursive(body[1:])
        if body[0] == "look":
            self.look(sys._getframe())

    def items(self, body: list[Any]) -> Any:
        for item in body:
            if item == "look":
                self.look(sys._getframe())
            elif item == "yield":
                yield self.look
            else:
                self.run(item)

    def generator(self, body: list[Any]) -> None:
        items = self.items(body)
        for look in items:
            look(sys._getframe())
            self.advance(items)  # the same generator, resumed by another caller

    def advance(self, items: Any) -> None:
        next(items, None)
        self.look(sys._getframe())

    def delegate(self, body: list[Any]) -> Any:
        self.look(sys._getframe())
        yield from self.items(body)
        self.look(sys._getframe())

    def delegating(self, body: list[Any]) -> None:
        items = self.delegate(body)
        next(items, None)
        self.advance(items)
        for _ in items:
            self.look(sys._getframe())

    async def awaiting(self, body: list[Any]) -> None:
        for item in body:
            if item == "look":
                self.look(sys._getframe())
            elif item == "yield":
                await Pause()
            else:
                await self.within(item)

    async def within(self, node: Node) -> None:
        self.look(sys._getframe())
        self.run(node)
        await Pause()
        self.look(sys._getframe())

    def coroutine(self, body: list[Any]) -> None:
        coroutine = self.awaiting(body)
        for step in (self.send, self.step, self.send, self.step, self.send, self.step, self.send, self.step):
            if not step(coroutine):
                break
        coroutine.close()

    def send(self, coroutine: Any) -> bool:
        try:
            coroutine.send(None)
        except StopIteration:
            return False
        self.look(sys._getframe())
        return True

    def step(self, coroutine: Any) -> bool:
        return self.send(coroutine)

    def thread(self, body: list[Any]) -> None:
        def target() -> None:
            try:
                self.plain(body)
            except BaseException as error:
                self.failures.append(error)

        thread = threading.Thread(target=target)
        thread.start()
        self.look(sys._getframe())
        thread.join()

    def comprehension(self, body: list[Any]) -> None:
        _ = [self.run(item) if isinstance(item, tuple) else self.look(sys._getframe()) for item in body]
        looks = (self.run(item) if isinstance(item, tuple) else self.look(sys._getframe()) for item in body)
        _ = list(looks)

    @property
    def method(self) -> Callable[[list[Any]], None]:
        self.look(sys._getframe())
        return self.plain


class Pause:
    """Hands control back to whoever drives the coroutine."""

    def __await__(self) -> Any:
        yield
